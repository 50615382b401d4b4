/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATAPATH_FRAME_H
#define DATAPATH_FRAME_H

#include <rte_mbuf.h>

#include "pkt/eth.h"

/*
 * Inside the switch a frame has one form: untagged, its tag in mbuf->vlan_tci (priority bits and
 * VLAN id). A port that sends tagged frames puts the tag back at the end of the way.
 */
static inline uint8_t *frame_data(struct rte_mbuf *m)
{
	return rte_pktmbuf_mtod(m, uint8_t *);
}

/* Move a tag from the frame into vlan_tci, where an ethdev that strips has put it already.
 * Returns true when the frame was tagged. The frame holds at least ETH_HEADER_SIZE octets. */
static inline bool frame_untag(struct rte_mbuf *m)
{
	uint8_t *data = frame_data(m);

	if (m->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED)
		return true;
	if (eth_type(data) != ETHERTYPE_VLAN || m->data_len < ETH_HEADER_SIZE + ETH_VLAN_SIZE) {
		m->vlan_tci = 0;
		return false;
	}
	m->vlan_tci = get_be16(data + ETH_HEADER_SIZE);
	memmove(data + ETH_VLAN_SIZE, data, 2 * sizeof(struct mac_addr));
	rte_pktmbuf_adj(m, ETH_VLAN_SIZE);
	return true;
}

/* Put the tag back. Returns m, or a private copy of a frame that somebody else holds too, or NULL
 * when there is no buffer for that; the caller's reference to m is used up in each case but m. */
static inline struct rte_mbuf *frame_tag(
	struct rte_mbuf *m, uint16_t vlan, struct rte_mempool *pool)
{
	uint16_t tci = (uint16_t)((m->vlan_tci & 0xf000) | vlan);
	struct rte_mbuf *copy;
	uint8_t *data, addresses[2 * sizeof(struct mac_addr)];

	if (rte_mbuf_refcnt_read(m) > 1 || rte_pktmbuf_headroom(m) < ETH_VLAN_SIZE) {
		copy = rte_pktmbuf_copy(m, pool, 0, UINT32_MAX);
		rte_pktmbuf_free(m);
		if (copy == NULL)
			return NULL;
		m = copy;
	}
	memcpy(addresses, frame_data(m), sizeof(addresses));
	data = (uint8_t *)rte_pktmbuf_prepend(m, ETH_VLAN_SIZE);
	if (unlikely(data == NULL)) {
		rte_pktmbuf_free(m);
		return NULL;
	}
	memcpy(data, addresses, sizeof(addresses));
	put_be16(data + 12, ETHERTYPE_VLAN);
	put_be16(data + 14, tci);
	m->ol_flags &= ~RTE_MBUF_F_RX_VLAN_STRIPPED;
	return m;
}

#endif

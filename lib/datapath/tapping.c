/* SPDX-License-Identifier: BSD-3-Clause */
#include "datapath/tapping.h"

#include <rte_cycles.h>

#include "datapath/frame.h"
#include "fwd/tap.h"
#include "pkt/group_msg.h"

#define IPV4_MIN_SIZE 20u
#define IPV6_MIN_SIZE 40u

/* To the group, or a membership message: control reads on. */
static bool ip_concerns(const struct tap_filter *filter, const uint8_t *data, size_t size)
{
	size_t at = size >= ETH_HEADER_SIZE + ETH_VLAN_SIZE && eth_type(data) == ETHERTYPE_VLAN
			    ? ETH_HEADER_SIZE + ETH_VLAN_SIZE
			    : ETH_HEADER_SIZE;
	const uint8_t *l3 = data + at;
	uint16_t type = get_be16(l3 - 2);
	struct ip_addr to;

	size -= at;
	if (type == ETHERTYPE_IPV4 && size >= IPV4_MIN_SIZE) {
		to = ip_from_octets(l3 + 16, false);
		return ip_equal(&to, &filter->ip) || l3[9] == IPPROTO_NR_IGMP;
	}
	if (type == ETHERTYPE_IPV6 && size >= IPV6_MIN_SIZE) {
		to = ip_from_octets(l3 + 24, true);
		return ip_equal(&to, &filter->ip) ||
		       (l3[6] != IPPROTO_NR_UDP && l3[6] != IPPROTO_NR_TCP &&
			       group_msg_is_membership(l3, size, true));
	}
	return false;
}

static bool concerns(const struct tap_filter *filter, const uint8_t *data, size_t size)
{
	struct mac_addr to;

	if (filter->by == TAP_ANY_GROUP)
		return true;
	if (size < ETH_HEADER_SIZE)
		return false;
	if (filter->by == TAP_IP_GROUP)
		return ip_concerns(filter, data, size);
	to = eth_destination(data);
	return mac_equal(&to, &filter->mac);
}

/* A tag that the device has taken off goes back in. */
static void frame_copy(struct tap_frame *f, const struct rte_mbuf *m, bool tag)
{
	const uint8_t *data = rte_pktmbuf_mtod(m, const uint8_t *);
	size_t macs = 2 * sizeof(struct mac_addr), size = m->data_len, room = TAP_SNAP;
	uint8_t *to = f->data;

	f->size = m->pkt_len;
	if (tag && size >= macs) {
		memcpy(to, data, macs);
		put_be16(to + macs, ETHERTYPE_VLAN);
		put_be16(to + macs + 2, m->vlan_tci);
		to += macs + ETH_VLAN_SIZE;
		room -= macs + ETH_VLAN_SIZE;
		data += macs;
		size -= macs;
		f->size += ETH_VLAN_SIZE;
	}
	size = RTE_MIN(size, room);
	memcpy(to, data, size);
	f->taken = (uint16_t)((size_t)(to - f->data) + size);
}

void tap_frames(struct worker *w, struct tap *t, unsigned int port, bool out,
	struct rte_mbuf *const *frames, uint16_t n)
{
	uint64_t now = rte_rdtsc();

	if (!bitset_has(&t->filter.ports, port))
		return;
	for (uint16_t i = 0; i < n; i++) {
		const struct rte_mbuf *m = frames[i];
		struct tap_frame *f;

		if (!concerns(&t->filter, rte_pktmbuf_mtod(m, const uint8_t *), m->data_len))
			continue;
		f = tap_slot(t, w->x.index);
		if (f == NULL)
			continue;
		f->tsc = now;
		f->port = (uint16_t)port;
		f->out = out;
		frame_copy(f, m, !out && m->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED);
		tap_commit(t, w->x.index);
	}
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include <rte_cycles.h>
#include <rte_prefetch.h>
#include <rte_ring.h>

#include "datapath/burst.h"
#include "pkt/beacon.h"
#include "pkt/flow.h"
#include "pkt/group_msg.h"

/*
 * Step 2 of a frame's way. A frame is untagged, checked against what its port may do, and told
 * apart: membership protocol goes to the control lcore whole, everything else gets a destination
 * set at once or, being a group, a key to look one up.
 */
#define IPV4_MIN_SIZE 20u
#define IPV6_MIN_SIZE 40u

static const struct mac_addr broadcast = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};

/* A guest's membership messages a second, before anything reads them (threats.md). */
static bool punt_allowed(struct worker *w, const struct burst *b)
{
	uint64_t rate = b->in->punts_per_s;
	uint64_t *tokens = &w->punts[b->port].tokens;
	uint64_t now, earned;

	if (rate == 0)
		return true;
	now = rte_rdtsc();
	earned = now - w->punts[b->port].last_tsc;
	if (earned >= w->tsc_hz)
		*tokens = rate;
	else
		*tokens = RTE_MIN(rate, *tokens + (earned * rate) / w->tsc_hz);
	/* Time that has not earned a whole token yet is kept. */
	if (earned >= w->tsc_hz || (earned * rate) / w->tsc_hz > 0)
		w->punts[b->port].last_tsc = now;
	if (*tokens == 0)
		return false;
	(*tokens)--;
	return true;
}

static void punt(struct worker *w, const struct burst *b, struct rte_mbuf *m, uint16_t vlan,
	enum frame_punt why)
{
	struct frame_meta *meta = frame_meta(m);

	meta->port = b->port;
	meta->vlan = vlan;
	meta->punt = (uint16_t)why;
	if (rte_ring_sp_enqueue(w->x.punt, m) != 0) {
		frame_drop(w, b->port, m, DROP_PUNT_FULL);
		return;
	}
	w->x.counters.punted++;
}

/* The frame goes on; control sees a copy of it. */
static void punt_copy(struct worker *w, const struct burst *b, struct rte_mbuf *m, uint16_t vlan,
	enum frame_punt why)
{
	struct rte_mbuf *copy;

	if (!punt_allowed(w, b))
		return;
	w->x.counters.references++;
	copy = rte_pktmbuf_copy(m, w->fwd->pool, 0, UINT32_MAX);
	if (copy == NULL) {
		w->x.counters.drops[DROP_NO_MBUF]++;
		return;
	}
	punt(w, b, copy, vlan, why);
}

static void punt_membership(
	struct worker *w, const struct burst *b, struct rte_mbuf *m, uint16_t vlan)
{
	if (!punt_allowed(w, b))
		frame_drop(w, b->port, m, DROP_REPORT_RATE);
	else
		punt(w, b, m, vlan, PUNT_MEMBERSHIP);
}

static void forward(struct burst *b, struct rte_mbuf *m, const struct plane_vlan *vlan,
	const struct portset *set, enum drop_reason empty)
{
	uint16_t i = b->n++;

	b->frame[i] = m;
	b->vlan[i] = vlan;
	b->set[i] = set;
	b->bucket[i] = 0;
	b->empty[i] = (uint8_t)empty;
}

static void forward_group(struct burst *b, struct rte_mbuf *m, const struct plane_vlan *vlan,
	const struct group_key *key)
{
	b->key[b->n_keys] = *key;
	b->key_frame[b->n_keys++] = b->n;
	forward(b, m, vlan, NULL, DROP_NO_MEMBER);
}

/* IEEE 802.1Q 8.6.3: 01:80:c2:00:00:00 to 0f stay on their link. */
static bool is_reserved_mac(const struct mac_addr *mac)
{
	return (mac_to_u64(mac) & ~0xfULL) == 0x0180c2000000ULL;
}

static bool ipv4_is_sound(const uint8_t *l3, size_t size)
{
	return size >= IPV4_MIN_SIZE && l3[0] >> 4 == 4;
}

static bool ipv6_is_sound(const uint8_t *l3, size_t size)
{
	return size >= IPV6_MIN_SIZE && l3[0] >> 4 == 6;
}

/* Routing protocols reveal routers; a guest must be allowed to be one. True: the frame is gone. */
static bool router_frame(struct worker *w, const struct burst *b, struct rte_mbuf *m, uint16_t vlan)
{
	if (b->in->flags & PLANE_GUEST && !(b->in->flags & PLANE_ROUTER)) {
		frame_drop(w, b->port, m, DROP_GUEST_PIM);
		return true;
	}
	if (!b->handed)
		punt_copy(w, b, m, vlan, PUNT_COPY_ROUTER);
	return false;
}

/* Multicast and broadcast. The IP header, if the type says so, is sound. */
static void classify_flooded(struct burst *b, struct rte_mbuf *m, const struct plane_vlan *vlan,
	const struct mac_addr *to, uint16_t type, const uint8_t *l3)
{
	struct group_key key;
	struct ip_addr group;

	if (mac_equal(to, &broadcast)) {
		forward(b, m, vlan, vlan->flood, DROP_NO_CARRIER);
		return;
	}
	if (type == ETHERTYPE_IPV4)
		group = ip_from_octets(l3 + 16, false);
	else if (type == ETHERTYPE_IPV6 && l3[24] == 0xff) /* not a v4-mapped address */
		group = ip_from_octets(l3 + 24, true);
	else
		group = (struct ip_addr){{0}};
	if (!ip_is_multicast(&group)) {
		key = group_key_mac(vlan->id, to);
		forward_group(b, m, vlan, &key);
	} else if (ip_is_link_local_group(&group)) {
		forward(b, m, vlan, vlan->flood, DROP_NO_CARRIER);
	} else {
		key = group_key_ip(vlan->id, &group);
		forward_group(b, m, vlan, &key);
	}
}

static void classify_unicast(struct burst *b, struct rte_mbuf *m, const struct plane_vlan *vlan,
	const struct mac_addr *to)
{
	const struct plane_mac *known = plane_mac_find(b->plane, plane_mac_key(vlan->id, to));

	if (known != NULL)
		forward(b, m, vlan, known->set, DROP_NO_CARRIER);
	else
		forward(b, m, vlan, vlan->unknown,
			b->in->flags & PLANE_GUEST ? DROP_NO_CARRIER : DROP_UNKNOWN_UNICAST);
}

/* Where an untagged frame of this VLAN goes; the same here and on a worker it is handed to. */
static void classify_frame(
	struct worker *w, struct burst *b, struct rte_mbuf *m, const struct plane_vlan *vlan)
{
	const uint8_t *data = frame_data(m), *l3 = data + ETH_HEADER_SIZE;
	struct mac_addr to = eth_destination(data);
	size_t size = m->data_len - ETH_HEADER_SIZE;
	uint16_t type = eth_type(data), n = b->n;

	if (type == ETHERTYPE_IPV4) {
		if (!ipv4_is_sound(l3, size)) {
			frame_drop(w, b->port, m, DROP_BAD_IP);
			return;
		}
		if (l3[9] == IPPROTO_NR_IGMP) {
			punt_membership(w, b, m, vlan->id);
			return;
		}
		if (l3[9] == IPPROTO_NR_PIM && router_frame(w, b, m, vlan->id))
			return;
	} else if (type == ETHERTYPE_IPV6) {
		if (!ipv6_is_sound(l3, size)) {
			frame_drop(w, b->port, m, DROP_BAD_IP);
			return;
		}
		if (l3[6] == IPPROTO_NR_PIM) {
			if (router_frame(w, b, m, vlan->id))
				return;
		} else if (l3[6] != IPPROTO_NR_UDP && l3[6] != IPPROTO_NR_TCP &&
			   group_msg_is_membership(l3, size, true)) {
			punt_membership(w, b, m, vlan->id);
			return;
		}
	}
	if (mac_is_multicast(&to))
		classify_flooded(b, m, vlan, &to, type, l3);
	else
		classify_unicast(b, m, vlan, &to);
	if (unlikely(b->in->n_buckets > 1))
		b->bucket[n] = (uint8_t)(flow_hash(data, m->data_len) % PLANE_N_BUCKETS);
}

/* The source address of a guest's frame: its own, or one it may use. False: the frame is gone. */
static bool guest_source_passes(
	struct worker *w, struct burst *b, struct rte_mbuf *m, uint16_t vlan)
{
	const struct plane_ingress *in = b->in;
	struct mac_addr from = eth_source(frame_data(m));

	if (likely(mac_equal(&from, &in->mac)))
		return true;
	if (mac_is_multicast(&from) || mac_is_zero(&from)) {
		frame_drop(w, b->port, m, DROP_BAD_SOURCE);
		return false;
	}
	if (in->flags & PLANE_LEARN) {
		if (plane_mac_find(b->plane, plane_mac_key(vlan, &from)) == NULL)
			punt_copy(w, b, m, vlan, PUNT_COPY_LEARN);
		return true;
	}
	if (in->flags & PLANE_ANY_SOURCE)
		return true;
	frame_drop(w, b->port, m, DROP_FORGED_SOURCE);
	return false;
}

/* An uplink's frame: not one that a guest of ours has sent. False: the frame is gone. */
static bool uplink_source_passes(
	struct worker *w, struct burst *b, struct rte_mbuf *m, uint16_t vlan)
{
	struct mac_addr from;

	if (!(b->in->flags & PLANE_REFLECTION))
		return true;
	from = eth_source(frame_data(m));
	if (plane_mac_find(b->plane, plane_mac_key(vlan, &from)) == NULL)
		return true;
	frame_drop(w, b->port, m, DROP_REFLECTED);
	return false;
}

/* The VLAN of a frame, untagging it; NULL when it may not come in here. */
static const struct plane_vlan *ingress_vlan(const struct burst *b, struct rte_mbuf *m)
{
	const struct plane_ingress *in = b->in;
	uint16_t vid = 0;

	if (frame_untag(m))
		vid = m->vlan_tci & 0xfff; /* 0: a priority tag, IEEE 802.1Q 6.9 */
	if (in->flags & PLANE_GUEST && !(in->flags & PLANE_TRUNK))
		return vid == 0 ? b->plane->vlan[in->vlan] : NULL;
	if (!(in->vlans[vid / 64] >> (vid % 64) & 1))
		return NULL;
	return b->plane->vlan[vid];
}

static void classify_new(struct worker *w, struct burst *b, struct rte_mbuf *m)
{
	const struct plane_vlan *vlan;
	struct mac_addr to;

	if (unlikely(m->data_len < ETH_HEADER_SIZE || m->nb_segs > 1)) {
		frame_drop(w, b->port, m, DROP_RUNT);
		return;
	}
	vlan = ingress_vlan(b, m);
	if (vlan == NULL || m->data_len < ETH_HEADER_SIZE) {
		frame_drop(w, b->port, m, vlan == NULL ? DROP_VLAN : DROP_RUNT);
		return;
	}
	if (unlikely(b->in->flags & PLANE_BEACON && beacon_is(frame_data(m)))) {
		punt(w, b, m, vlan->id, PUNT_BEACON);
		return;
	}
	to = eth_destination(frame_data(m));
	if (is_reserved_mac(&to)) {
		frame_drop(w, b->port, m, DROP_RESERVED_MAC);
		return;
	}
	if (b->in->flags & PLANE_GUEST ? guest_source_passes(w, b, m, vlan->id)
				       : uplink_source_passes(w, b, m, vlan->id))
		classify_frame(w, b, m, vlan);
}

void classify(struct worker *w, struct burst *b, struct rte_mbuf **frames, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++)
		rte_prefetch0(frame_data(frames[i]));
	for (uint16_t i = 0; i < n; i++) {
		const struct plane_vlan *vlan;

		if (!b->handed) {
			classify_new(w, b, frames[i]);
			continue;
		}
		vlan = b->plane->vlan[frame_meta(frames[i])->vlan];
		if (vlan != NULL)
			classify_frame(w, b, frames[i], vlan);
		else
			frame_drop(w, b->port, frames[i], DROP_STALE);
	}
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include <rte_ring.h>

#include "datapath/burst.h"
#include "datapath/tapping.h"
#include "port/port_io.h"

/*
 * Steps 4 and 5. A frame's way out is a mask: the ports of its set that its ingress port may
 * reach. Ports of this worker get it here, first those that take it untagged, then, with the tag
 * put back, those that take it tagged; another worker that owns some of them gets the frame once.
 *
 * A guest's ring takes a copy, so the same array of frames is written to guest after guest with no
 * reference taken. Ethdevs and other workers take a reference each. Putting a tag into a frame
 * that somebody else holds makes a private copy (frame_tag), so copies come before references.
 */
_Static_assert(WORKER_BURST <= PORT_BURST, "a burst fits its copies");

struct egress {
	struct worker *w;
	const struct plane *plane;
	uint16_t port; /* ingress; BITSET_SIZE for injected frames */
};

static void copies_send(struct worker *w, unsigned int id, const struct port_copies *c)
{
	struct port *p = atomic_load_explicit(&w->fwd->ports[id], memory_order_relaxed);
	struct ring_done sent = p != NULL ? port_tx_copy(p, c) : (struct ring_done){0, 0};
	struct tap *tap = tapping(w);
	uint64_t lost = (uint64_t)(c->n - sent.n);

	w->x.counters.tx += sent.n;
	w->x.ports[id].tx_packets += sent.n;
	w->x.ports[id].tx_bytes += sent.octets;
	if (unlikely(tap != NULL))
		tap_frames(w, tap, id, true, c->frames, sent.n);
	if (likely(lost == 0))
		return;
	w->x.ports[id].tx_dropped += lost;
	w->x.counters
		.drops[p != NULL && port_is_open(p) ? DROP_GUEST_RING_FULL : DROP_GUEST_GONE] +=
		lost;
}

/* Buffers in the rings of guests among ports. */
static uint64_t entries_of(struct worker *w, const struct bitset *ports)
{
	uint64_t n = 0;

	BITSET_FOREACH (id, ports) {
		struct port *p = atomic_load_explicit(&w->fwd->ports[id], memory_order_relaxed);

		if (p != NULL)
			n += port_entries(p);
	}
	return n;
}

/* What a device has taken may be gone at once, so whoever listens holds the frames till it is known how many
 * that are. */
static void tap_hold(struct rte_mbuf **frames, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++)
		rte_mbuf_refcnt_update(frames[i], 1);
}

static void tap_let_go(struct worker *w, struct tap *tap, unsigned int id, struct rte_mbuf **frames,
	uint16_t n, uint16_t sent)
{
	tap_frames(w, tap, id, true, frames, sent);
	rte_pktmbuf_free_bulk(frames, n);
}

/* Each frame carries a reference for the device. */
static void references_send(struct worker *w, unsigned int id, struct rte_mbuf **frames, uint16_t n)
{
	struct port *p = atomic_load_explicit(&w->fwd->ports[id], memory_order_relaxed);
	struct tap *tap = tapping(w);
	uint64_t bytes = 0;
	uint16_t sent = 0;

	for (uint16_t i = 0; i < n; i++)
		bytes += frames[i]->pkt_len;
	if (unlikely(tap != NULL))
		tap_hold(frames, n);
	if (likely(p != NULL))
		sent = port_tx(p, frames, n);
	for (uint16_t i = sent; i < n; i++) {
		bytes -= frames[i]->pkt_len;
		rte_pktmbuf_free(frames[i]);
	}
	if (unlikely(tap != NULL))
		tap_let_go(w, tap, id, frames, n, sent);
	w->x.counters.tx += sent;
	w->x.ports[id].tx_packets += sent;
	w->x.ports[id].tx_bytes += bytes;
	w->x.ports[id].tx_dropped += (uint64_t)(n - sent);
	w->x.counters.drops[p != NULL ? DROP_DEVICE_FULL : DROP_STALE] += (uint64_t)(n - sent);
}

static void queue_frame(struct worker *w, unsigned int id, struct rte_mbuf *m)
{
	w->out[id].frames[w->out[id].n++] = m;
}

static void queues_flush(struct egress *e, const struct bitset *ports)
{
	uint64_t entries = entries_of(e->w, ports);
	struct worker *w = e->w;
	struct port_copies c;

	BITSET_FOREACH (id, ports) {
		if (w->out[id].n == 0)
			continue;
		if (bitset_has(&e->plane->copies, id)) {
			port_copies_init(&c, w->out[id].frames, w->out[id].n, entries);
			copies_send(w, id, &c);
		} else {
			references_send(w, id, w->out[id].frames, w->out[id].n);
		}
		w->out[id].n = 0;
	}
}

/* Queue every frame i for the ports in mask[i] & of. */
static void scatter(struct egress *e, struct rte_mbuf **frames, const struct bitset *mask,
	uint16_t n, const struct bitset *of, bool references)
{
	struct bitset touched = {{0}}, m;

	for (uint16_t i = 0; i < n; i++) {
		if (frames[i] == NULL)
			continue;
		bitset_and(&m, &mask[i], of);
		bitset_or(&touched, &touched, &m);
		BITSET_FOREACH (id, &m) {
			if (references)
				rte_mbuf_refcnt_update(frames[i], 1);
			queue_frame(e->w, id, frames[i]);
		}
	}
	queues_flush(e, &touched);
}

/* All frames go to the same ports: no queues, the array itself is written to each. */
static void scatter_same(struct egress *e, struct rte_mbuf **frames, const struct bitset *mask,
	uint16_t n, const struct bitset *of)
{
	struct port_copies c;
	struct bitset m;

	bitset_and(&m, mask, of);
	port_copies_init(&c, frames, n, entries_of(e->w, &m));
	BITSET_FOREACH (id, &m)
		copies_send(e->w, id, &c);
}

static void hand_over(struct worker *w, const struct plane *plane, uint16_t port,
	struct rte_mbuf **frames, const struct plane_vlan *const *vlan, const struct bitset *mask,
	uint16_t n)
{
	for (unsigned int r = 0; r < w->fwd->n_workers; r++) {
		struct worker *other = w->others[r];
		struct rte_mbuf **out = w->out_hand[r].frames;
		uint16_t k = 0, sent;
		struct bitset m;

		if (r == w->x.index)
			continue;
		for (uint16_t i = 0; i < n; i++) {
			bitset_and(&m, &mask[i], &plane->owned[r]);
			if (bitset_empty(&m))
				continue;
			frame_meta(frames[i])->port = port;
			frame_meta(frames[i])->vlan = vlan[i]->id;
			rte_mbuf_refcnt_update(frames[i], 1);
			out[k++] = frames[i];
		}
		sent = (uint16_t)rte_ring_sp_enqueue_burst(
			other->hand[w->x.index], (void **)out, k, NULL);
		w->x.counters.handed_out += sent;
		w->x.counters.drops[DROP_HAND_OVER_FULL] += (uint64_t)(k - sent);
		if (sent < k)
			rte_pktmbuf_free_bulk(out + sent, (unsigned int)(k - sent));
	}
}

/* How many ways this frame goes from here: own ports, and other workers as one each. */
static unsigned int ways(
	const struct worker *w, const struct plane *plane, const struct bitset *mask)
{
	struct bitset m;
	unsigned int n;

	bitset_and(&m, mask, &plane->owned[w->x.index]);
	n = bitset_count(&m);
	for (unsigned int r = 0; r < w->fwd->n_workers; r++) {
		if (r == w->x.index)
			continue;
		bitset_and(&m, mask, &plane->owned[r]);
		n += !bitset_empty(&m);
	}
	return n;
}

/* The second half: the same frames once more, tagged. Frames that cannot be are dropped by name. */
static void send_tagged(struct egress *e, struct rte_mbuf **frames,
	const struct plane_vlan *const *vlan, struct bitset *mask, uint16_t n)
{
	struct worker *w = e->w;
	struct bitset copies, devices;
	bool any = false;

	for (uint16_t i = 0; i < n; i++) {
		bitset_and(&mask[i], &mask[i], &vlan[i]->tagged);
		if (bitset_empty(&mask[i]))
			continue;
		any = true;
		frames[i] = frame_tag(frames[i], vlan[i]->id, w->fwd->pool);
		if (frames[i] == NULL)
			w->x.counters.drops[DROP_NO_MBUF] += bitset_count(&mask[i]);
	}
	if (!any)
		return;
	copies = e->plane->copies;
	bitset_andnot(&devices, &e->plane->owned[w->x.index], &copies);
	scatter(e, frames, mask, n, &copies, false);
	scatter(e, frames, mask, n, &devices, true);
}

/*
 * Send each frame to its mask and give our reference back. Masks are used up. same: all frames have
 * the same mask and VLAN, so that what there is to know of them is known of the first.
 */
static void deliver(struct egress *e, struct rte_mbuf **frames,
	const struct plane_vlan *const *vlan, struct bitset *mask, uint16_t n, bool same)
{
	struct worker *w = e->w;
	const struct bitset *owned = &e->plane->owned[w->x.index];
	struct bitset copies, devices, untagged[WORKER_BURST], m, any = {{0}}, tagged = {{0}};
	uint16_t n_distinct = same ? 1 : n;

	bitset_and(&copies, owned, &e->plane->copies);
	bitset_andnot(&devices, owned, &e->plane->copies);
	for (uint16_t i = 0; i < n_distinct; i++) {
		bitset_andnot(&untagged[i], &mask[i], &vlan[i]->tagged);
		bitset_or(&any, &any, &mask[i]);
		bitset_and(&m, &mask[i], &vlan[i]->tagged);
		bitset_or(&tagged, &tagged, &m);
	}
	if (same)
		scatter_same(e, frames, untagged, n, &copies);
	else
		scatter(e, frames, untagged, n, &copies, false);
	bitset_and(&devices, &devices, &any);
	if (!bitset_empty(&devices)) {
		for (uint16_t i = n_distinct; i < n; i++)
			untagged[i] = untagged[0];
		scatter(e, frames, untagged, n, &devices, true);
	}
	if (w->fwd->n_workers > 1 && e->port < BITSET_SIZE)
		hand_over(w, e->plane, e->port, frames, vlan, mask, n);
	bitset_and(&tagged, &tagged, owned);
	if (!bitset_empty(&tagged)) {
		for (uint16_t i = 0; i < n; i++)
			bitset_and(&mask[i], &mask[i], owned);
		send_tagged(e, frames, vlan, mask, n);
	}
	rte_pktmbuf_free_bulk(frames, n);
}

/* Where frames of one set and bucket go: most frames of a burst go where the one before did. */
struct route {
	const struct portset *set;
	uint8_t bucket;
	struct bitset mask;
	unsigned int n_ways;
};

static void route_find(
	const struct worker *w, const struct burst *b, uint16_t i, struct route *route)
{
	if (route->set == b->set[i] && route->bucket == b->bucket[i])
		return;
	route->set = b->set[i];
	route->bucket = b->bucket[i];
	bitset_and(&route->mask, &b->set[i]->ports, &b->in->reach[b->bucket[i]]);
	if (b->handed)
		bitset_and(&route->mask, &route->mask, &b->plane->owned[w->x.index]);
	route->n_ways = ways(w, b->plane, &route->mask);
}

void replicate(struct worker *w, struct burst *b)
{
	struct egress e = {.w = w, .plane = b->plane, .port = b->port};
	const struct plane_vlan *vlan[WORKER_BURST];
	struct bitset mask[WORKER_BURST];
	struct rte_mbuf *frames[WORKER_BURST];
	struct route route = {.set = NULL};
	uint64_t n_ways = 0;
	uint16_t n = 0;
	bool same = true;

	for (uint16_t i = 0; i < b->n; i++) {
		route_find(w, b, i, &route);
		if (unlikely(route.n_ways == 0)) {
			frame_drop(w, b->port, b->frame[i], (enum drop_reason)b->empty[i]);
			continue;
		}
		w->x.counters.fanouts[exchange_bucket(route.n_ways)]++;
		n_ways += route.n_ways;
		mask[n] = route.mask;
		vlan[n] = b->vlan[i];
		frames[n] = b->frame[i];
		same &= vlan[n] == vlan[0] && b->set[i] == b->set[0] &&
			b->bucket[i] == b->bucket[0];
		n++;
	}
	w->x.counters.ways += n_ways;
	w->x.counters.references += n_ways - n;
	if (n > 0)
		deliver(&e, frames, vlan, mask, n, same);
}

void replicate_to(struct worker *w, const struct plane *plane, struct rte_mbuf **frames, uint16_t n)
{
	struct egress e = {.w = w, .plane = plane, .port = BITSET_SIZE};
	const struct plane_vlan *vlan[WORKER_BURST];
	struct bitset mask[WORKER_BURST];
	struct rte_mbuf *sent[WORKER_BURST];
	uint16_t k = 0;

	for (uint16_t i = 0; i < n; i++) {
		const struct frame_meta *meta = frame_meta(frames[i]);
		unsigned int n_ways;

		bitset_and(&mask[k], &meta->to, &plane->owned[w->x.index]);
		vlan[k] = plane->vlan[meta->vlan];
		n_ways = bitset_count(&mask[k]);
		if (vlan[k] == NULL || n_ways == 0) {
			w->x.counters.drops[DROP_STALE]++;
			rte_pktmbuf_free(frames[i]);
			continue;
		}
		w->x.counters.references += n_ways - 1;
		sent[k++] = frames[i];
	}
	if (k > 0)
		deliver(&e, sent, vlan, mask, k, false);
}

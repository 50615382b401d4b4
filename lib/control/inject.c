/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include <rte_ring.h>

#include "control/control_private.h"
#include "pkt/flow.h"

/*
 * Frames from control to workers. A frame goes to each worker that owns a port it must leave by;
 * what cannot be sent (no buffer, full ring) is lost like any frame on a wire: membership
 * protocols repeat themselves.
 */
static void give(struct exchange *x, struct rte_mbuf *m)
{
	if (rte_ring_sp_enqueue(x->inject, m) != 0)
		rte_pktmbuf_free(m);
}

void ctl_inject(struct control *c, struct rte_mbuf *m, uint16_t vlan, const struct bitset *to)
{
	const struct plane *plane = atomic_load(&c->fwd->plane);
	struct exchange *last = NULL;

	BITSET_FOREACH (id, to)
		c->ports[id].n_injected++;
	frame_meta(m)->vlan = vlan;
	frame_meta(m)->to = *to;
	for (unsigned int i = 0; i < c->fwd->n_workers; i++) {
		struct rte_mbuf *copy;
		struct bitset own;

		bitset_and(&own, to, &plane->owned[i]);
		if (bitset_empty(&own))
			continue;
		if (last != NULL) {
			copy = rte_pktmbuf_copy(m, c->fwd->pool, 0, UINT32_MAX);
			if (copy != NULL) {
				*frame_meta(copy) = *frame_meta(m);
				give(c->fwd->worker[i], copy);
			}
		} else {
			last = c->fwd->worker[i];
		}
	}
	if (last != NULL)
		give(last, m);
	else
		rte_pktmbuf_free(m);
}

void ctl_inject_bytes(struct control *c, const uint8_t *frame, size_t size, uint16_t vlan,
	const struct bitset *to)
{
	struct rte_mbuf *m;
	char *room;

	if (bitset_empty(to))
		return;
	m = rte_pktmbuf_alloc(c->fwd->pool);
	if (m == NULL)
		return;
	room = rte_pktmbuf_append(m, (uint16_t)size);
	if (room == NULL) {
		rte_pktmbuf_free(m);
		return;
	}
	memcpy(room, frame, size);
	m->vlan_tci = 0;
	ctl_inject(c, m, vlan, to);
}

struct bitset ctl_inject_from(struct control *c, const struct ctl_port *guest, const uint8_t *frame,
	size_t size, uint16_t vlan)
{
	const struct plane *plane = atomic_load(&c->fwd->plane);
	const struct plane_ingress *in = &plane->ingress[guest->id];
	struct bitset to = {{0}};

	if (plane->vlan[vlan] == NULL)
		return to;
	bitset_and(&to, &plane->vlan[vlan]->uplinks,
		&in->reach[flow_hash(frame, size) % in->n_buckets]);
	ctl_inject_bytes(c, frame, size, vlan, &to);
	return to;
}

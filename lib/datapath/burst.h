/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATAPATH_BURST_H
#define DATAPATH_BURST_H

#include "datapath/frame.h"
#include "datapath/worker.h"

/*
 * A burst on its way through one worker: frames of one ingress port and, for each, where it goes.
 * classify fills it, lookup completes it, replicate empties it. Lives on the stack of one turn.
 */
struct burst {
	const struct plane *plane;
	const struct plane_ingress *in;
	uint16_t port;
	bool handed; /* from another worker: checked and punted there */
	uint16_t n;
	struct rte_mbuf *frame[WORKER_BURST];
	const struct plane_vlan *vlan[WORKER_BURST];
	const struct portset *set[WORKER_BURST]; /* NULL until lookup for groups */
	uint8_t bucket[WORKER_BURST];            /* of an ip-hash team; else 0 */
	uint8_t empty[WORKER_BURST]; /* enum drop_reason, should the set turn out to be empty */
	/* groups to look up: index into the arrays above, and key */
	uint16_t n_keys;
	uint16_t key_frame[WORKER_BURST];
	struct group_key key[WORKER_BURST];
};

/* 2. What came in: checked against the port's VLAN and security policy, told apart; membership
 * messages go to the punt ring, what may not pass is dropped by name. */
void classify(struct worker *w, struct burst *b, struct rte_mbuf **frames, uint16_t n);

/* 3. (VLAN, group) -> entry, then (VLAN, multicast MAC), then the VLAN's policy. */
void lookup(struct worker *w, struct burst *b);

/* 4, 5. Each frame to its set, masked by what its ingress port may reach. */
void replicate(struct worker *w, struct burst *b);

/* Injected frames: the ports are given, no mask applies. All of one VLAN's plane. */
void replicate_to(
	struct worker *w, const struct plane *plane, struct rte_mbuf **frames, uint16_t n);

static inline void frame_drop(
	struct worker *w, uint16_t port, struct rte_mbuf *m, enum drop_reason why)
{
	w->x.counters.drops[why]++;
	w->x.ports[port].rx_dropped++;
	rte_pktmbuf_free(m);
}

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef FWD_EXCHANGE_H
#define FWD_EXCHANGE_H

#include <stdatomic.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include "base/bitset.h"
#include "fwd/drop.h"
#include "fwd/plane.h"

/*
 * Where the control lcore and the workers meet. They share no function and include nothing of each
 * other: control publishes a plane and group entries and sends frames down an inject ring; a
 * worker sends frames up a punt ring and counts. app/mcswitch builds these objects and hands them
 * to both.
 */
struct group_table;
struct port;
struct rte_mempool;
struct rte_rcu_qsbr;
struct rte_ring;
struct tap;

enum frame_punt {
	PUNT_MEMBERSHIP,  /* the frame itself: the control lcore forwards it or drops it */
	PUNT_COPY_LEARN,  /* a copy: its source address is news */
	PUNT_COPY_ROUTER, /* a copy: its sender is a multicast router (PIM) */
	PUNT_BEACON,      /* the frame itself: a probe of one uplink by another */
};

/* What a frame carries with it through a ring, in the mbuf's private area. In a ring a frame is
 * untagged and vlan says where it belongs. */
struct frame_meta {
	uint16_t port; /* it came in by */
	uint16_t vlan;
	uint16_t punt;    /* enum frame_punt */
	struct bitset to; /* injected frames: the ports they must leave by */
};

static inline struct frame_meta *frame_meta(struct rte_mbuf *m)
{
	return (struct frame_meta *)rte_mbuf_to_priv(m);
}

/* Written by one worker, read by anybody: 64-bit words, each read whole. */
struct port_counters {
	uint64_t rx_packets, rx_bytes;
	uint64_t tx_packets, tx_bytes;
	uint64_t rx_dropped; /* came in by this port and went nowhere */
	uint64_t tx_dropped; /* should have left by this port */
};

#define EXCHANGE_N_BURSTS  6 /* up to 32 frames */
#define EXCHANGE_N_FANOUTS 9 /* up to 256 ways */

/*
 * The terms of the conservation law. A frame that leaves k ways has taken k - 1 references:
 * rx + injected + handed_in + references = tx + punted + handed_out + sum of drops.
 */
struct worker_counters {
	uint64_t rx, injected, handed_in, references;
	uint64_t tx, punted, handed_out;
	uint64_t drops[DROP_N_REASONS];
	uint64_t turns, busy_turns, busy_cycles;
	/* Histograms of powers of two, see exchange_bucket: frames of a burst that a port gave, and
	 * ways (own ports, and each other worker that owns some) of a frame that was sent on. */
	uint64_t bursts[EXCHANGE_N_BURSTS];
	uint64_t fanouts[EXCHANGE_N_FANOUTS];
	uint64_t ways; /* sum of what fanouts counts */
};

/* 1, 2, 3-4, 5-8 ... are 0, 1, 2, 3 ...; n is 1 or more. */
static inline unsigned int exchange_bucket(unsigned int n)
{
	return 31u ^ (unsigned int)__builtin_clz(2 * n - 1);
}

/* One worker's side of the meeting place. */
struct exchange {
	unsigned int index, lcore;
	struct rte_ring *punt;   /* worker produces, control consumes */
	struct rte_ring *inject; /* control produces, worker consumes */
	uint64_t *group_packets; /* [GROUP_TABLE_MAX_COUNTERS], by group_entry.counter */
	struct worker_counters counters;
	struct port_counters ports[BITSET_SIZE];
};

/* What all workers and control share. */
struct forwarding {
	const struct plane *_Atomic plane;       /* published by control */
	struct tap *_Atomic tap;                 /* published and retired by control; NULL: none */
	struct port *_Atomic ports[BITSET_SIZE]; /* set by control before a plane names the port */
	struct group_table *groups;
	struct rte_rcu_qsbr *qsbr; /* thread id = worker index */
	struct rte_mempool *pool;  /* private area: struct frame_meta */
	atomic_uint idle_sleep_us; /* set by control; 0: workers poll without rest */
	unsigned int n_workers;
	struct exchange *worker[PLANE_MAX_WORKERS];
};

#endif

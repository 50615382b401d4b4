/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATAPATH_WORKER_H
#define DATAPATH_WORKER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "fwd/exchange.h"
#include "fwd/group_table.h"

/*
 * A worker: one lcore that polls the ports it owns and moves what it finds. It takes no decision,
 * allocates no state, never logs and, while there are frames,
 * calls the kernel only to wake a guest. Everything in struct worker is
 * written by its own lcore alone. Rings have one producer and one consumer each.
 */
#define WORKER_BURST     32
#define PUNT_RING_SIZE   2048
#define INJECT_RING_SIZE 4096 /* a failover of 2,000 groups, a report each */
#define HAND_RING_SIZE   1024

struct worker_queue {
	uint16_t n;
	struct rte_mbuf *frames[WORKER_BURST];
};

struct worker {
	struct exchange x; /* what control sees */
	struct forwarding *fwd;
	atomic_bool stop;
	struct worker *others[PLANE_MAX_WORKERS];
	struct rte_ring
		*hand[PLANE_MAX_WORKERS]; /* from worker i to this one; NULL for i = index */
	uint64_t tsc_hz;
	struct {
		uint64_t tokens, last_tsc;
	} punts[BITSET_SIZE]; /* the membership messages a guest may still send */
	/* Scratch of replicate: frames queued for a port or a worker within one burst. */
	struct worker_queue out[BITSET_SIZE];
	struct worker_queue out_hand[PLANE_MAX_WORKERS];
};

/* With rings and counters, not running. NULL: no memory. */
struct worker *worker_create(struct forwarding *fwd, unsigned int index, unsigned int lcore);
/* Frees the frames its rings hold. NULL is fine. */
void worker_destroy(struct worker *w);

/* Connect every pair of workers, before any of them runs. 0 or -ENOMEM. */
int workers_connect(struct worker *const *workers, unsigned int n);

/* The lcore's main function (lcore_function_t); arg is the worker. Returns after worker_stop. */
int worker_run(void *arg);
/* From any thread. */
void worker_stop(struct worker *w);

/* One turn: poll, move, report quiescent. Returns the number of frames it saw. */
unsigned int worker_turn(struct worker *w);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#include "datapath/worker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#include <rte_cycles.h>
#include <rte_malloc.h>
#include <rte_rcu_qsbr.h>
#include <rte_ring.h>

#include "datapath/burst.h"
#include "datapath/tapping.h"
#include "port/port_io.h"

#define IDLE_BEFORE_SLEEP_HZ 1000 /* a millisecond without a frame */

/*
 * A frame's way, one turn:
 *
 *   1. rx         a burst from one port
 *   2. classify   port's VLAN and security policy; membership protocol to control; else a
 *                 destination set, or a group to look up                        (classify.c)
 *   3. lookup     (VLAN, group) -> set; by MAC; by the VLAN's policy            (lookup.c)
 *   4. replicate  set & what the ingress port may reach -> ports                (replicate.c)
 *   5. tx         the same frames to guest after guest; a full ring costs its guest alone
 *   6. account    counters on the way; quiescent state at the end of the turn
 */
static void burst_move(struct worker *w, const struct plane *plane, uint16_t port, bool handed,
	struct rte_mbuf **frames, uint16_t n)
{
	struct burst b;

	b.plane = plane;
	b.in = &plane->ingress[port];
	b.port = port;
	b.handed = handed;
	b.n = 0;
	b.n_keys = 0;
	classify(w, &b, frames, n);
	lookup(w, &b);
	replicate(w, &b);
}

/* Came in, and never became a frame of ours. */
static void refused_count(struct worker *w, uint16_t id, uint64_t n)
{
	if (likely(n == 0))
		return;
	w->x.counters.rx += n;
	w->x.counters.drops[DROP_RUNT] += n;
	w->x.ports[id].rx_packets += n;
	w->x.ports[id].rx_dropped += n;
}

static unsigned int poll_port(struct worker *w, const struct plane *plane, uint16_t id)
{
	struct port *p = atomic_load_explicit(&w->fwd->ports[id], memory_order_relaxed);
	struct rte_mbuf *frames[WORKER_BURST];
	struct tap *tap;
	uint64_t bytes = 0;
	uint16_t n;

	if (unlikely(p == NULL))
		return 0;
	port_idle(p);
	n = port_rx(p, frames, WORKER_BURST);
	refused_count(w, id, port_rx_refused(p));
	if (n == 0)
		return 0;
	for (uint16_t i = 0; i < n; i++)
		bytes += frames[i]->pkt_len;
	w->x.counters.rx += n;
	w->x.counters.bursts[exchange_bucket(n)]++;
	w->x.ports[id].rx_packets += n;
	w->x.ports[id].rx_bytes += bytes;
	tap = tapping(w);
	if (unlikely(tap != NULL))
		tap_frames(w, tap, id, false, frames, n);
	burst_move(w, plane, id, false, frames, n);
	return n;
}

/* Frames from another worker: runs of one ingress port go on together. */
static unsigned int poll_hand(struct worker *w, const struct plane *plane, struct rte_ring *ring)
{
	struct rte_mbuf *frames[WORKER_BURST];
	uint16_t n, from = 0;

	n = (uint16_t)rte_ring_sc_dequeue_burst(ring, (void **)frames, WORKER_BURST, NULL);
	w->x.counters.handed_in += n;
	for (uint16_t i = 1; i <= n; i++) {
		uint16_t port = frame_meta(frames[from])->port;

		if (i < n && frame_meta(frames[i])->port == port)
			continue;
		burst_move(w, plane, port, true, frames + from, (uint16_t)(i - from));
		from = i;
	}
	return n;
}

/* A frame may be for a port that the plane of this turn does not know yet: control publishes first
 * and injects then, so the plane is looked up after the ring. Frames leave in the order in which
 * control gave them, also where that is one between ports (a report, then the query whose answer
 * corrects it): only runs to the same ports go on together. */
static unsigned int poll_inject(struct worker *w)
{
	struct rte_mbuf *frames[WORKER_BURST];
	const struct plane *plane;
	uint16_t n, from = 0;

	n = (uint16_t)rte_ring_sc_dequeue_burst(w->x.inject, (void **)frames, WORKER_BURST, NULL);
	if (n == 0)
		return 0;
	w->x.counters.injected += n;
	plane = atomic_load_explicit(&w->fwd->plane, memory_order_acquire);
	for (uint16_t i = 1; i <= n; i++) {
		if (i < n &&
			bitset_equal(&frame_meta(frames[i])->to, &frame_meta(frames[from])->to))
			continue;
		replicate_to(w, plane, frames + from, (uint16_t)(i - from));
		from = i;
	}
	return n;
}

unsigned int worker_turn(struct worker *w)
{
	const struct plane *plane = atomic_load_explicit(&w->fwd->plane, memory_order_acquire);
	uint64_t begin = rte_rdtsc();
	unsigned int n = 0;

	BITSET_FOREACH (id, &plane->owned[w->x.index])
		n += poll_port(w, plane, (uint16_t)id);
	for (unsigned int r = 0; r < w->fwd->n_workers; r++) {
		if (w->hand[r] != NULL)
			n += poll_hand(w, plane, w->hand[r]);
	}
	n += poll_inject(w);
	w->x.counters.turns++;
	if (n > 0) {
		w->x.counters.busy_turns++;
		w->x.counters.busy_cycles += rte_rdtsc() - begin;
	}
	rte_rcu_qsbr_quiescent(w->fwd->qsbr, w->x.index);
	return n;
}

/*
 * A call to the kernel where the operator asked for it (conf.h, idle_sleep_us), and only
 * while there is nothing to move: until then, `since` is when there was last.
 */
static void idle_sleep(const struct worker *w, uint64_t since)
{
	unsigned int us = atomic_load_explicit(&w->fwd->idle_sleep_us, memory_order_relaxed);
	const struct timespec t = {.tv_nsec = (long)us * 1000};

	if (us > 0 && rte_rdtsc() - since > w->tsc_hz / IDLE_BEFORE_SLEEP_HZ)
		nanosleep(&t, NULL);
}

int worker_run(void *arg)
{
	struct worker *w = arg;
	uint64_t since = rte_rdtsc();

	rte_rcu_qsbr_thread_register(w->fwd->qsbr, w->x.index);
	rte_rcu_qsbr_thread_online(w->fwd->qsbr, w->x.index);
	while (!atomic_load_explicit(&w->stop, memory_order_relaxed)) {
		if (worker_turn(w) > 0)
			since = rte_rdtsc();
		else
			idle_sleep(w, since);
	}
	rte_rcu_qsbr_thread_offline(w->fwd->qsbr, w->x.index);
	rte_rcu_qsbr_thread_unregister(w->fwd->qsbr, w->x.index);
	return 0;
}

void worker_stop(struct worker *w)
{
	atomic_store(&w->stop, true);
}

static struct rte_ring *ring_create(
	const char *what, unsigned int a, unsigned int b, unsigned int size, unsigned int lcore)
{
	char name[RTE_RING_NAMESIZE];

	snprintf(name, sizeof(name), "%s-%u-%u", what, a, b);
	return rte_ring_create(
		name, size, (int)rte_lcore_to_socket_id(lcore), RING_F_SP_ENQ | RING_F_SC_DEQ);
}

struct worker *worker_create(struct forwarding *fwd, unsigned int index, unsigned int lcore)
{
	size_t size = GROUP_TABLE_MAX_COUNTERS * sizeof(uint64_t);
	struct worker *w;

	w = rte_zmalloc_socket(
		"worker", sizeof(*w), RTE_CACHE_LINE_SIZE, (int)rte_lcore_to_socket_id(lcore));
	if (w == NULL)
		return NULL;
	w->fwd = fwd;
	w->x.index = index;
	w->x.lcore = lcore;
	w->tsc_hz = rte_get_tsc_hz();
	atomic_init(&w->stop, false);
	/* Pages come as counters are first used: a few groups cost a few pages. */
	w->x.group_packets = mmap(NULL, size, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (w->x.group_packets == MAP_FAILED)
		w->x.group_packets = NULL;
	w->x.punt = ring_create("punt", index, 0, PUNT_RING_SIZE, lcore);
	w->x.inject = ring_create("inject", index, 0, INJECT_RING_SIZE, lcore);
	if (w->x.group_packets == NULL || w->x.punt == NULL || w->x.inject == NULL) {
		worker_destroy(w);
		return NULL;
	}
	return w;
}

int workers_connect(struct worker *const *workers, unsigned int n)
{
	for (unsigned int to = 0; to < n; to++) {
		for (unsigned int from = 0; from < n; from++) {
			workers[to]->others[from] = workers[from];
			if (from == to)
				continue;
			workers[to]->hand[from] =
				ring_create("hand", from, to, HAND_RING_SIZE, workers[to]->x.lcore);
			if (workers[to]->hand[from] == NULL)
				return -ENOMEM;
		}
	}
	return 0;
}

static void ring_destroy(struct rte_ring *ring)
{
	void *m;

	if (ring == NULL)
		return;
	while (rte_ring_sc_dequeue(ring, &m) == 0)
		rte_pktmbuf_free(m);
	rte_ring_free(ring);
}

void worker_destroy(struct worker *w)
{
	if (w == NULL)
		return;
	for (unsigned int r = 0; r < PLANE_MAX_WORKERS; r++)
		ring_destroy(w->hand[r]);
	ring_destroy(w->x.inject);
	ring_destroy(w->x.punt);
	if (w->x.group_packets != NULL)
		munmap(w->x.group_packets, GROUP_TABLE_MAX_COUNTERS * sizeof(uint64_t));
	rte_free(w);
}

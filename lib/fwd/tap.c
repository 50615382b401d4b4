/* SPDX-License-Identifier: BSD-3-Clause */
#include "fwd/tap.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

/* One producer, one consumer; head and tail only ever count up. */
struct tap_ring {
	alignas(64) atomic_uint head; /* written by the worker */
	atomic_ullong lost;
	alignas(64) atomic_uint tail; /* written by control */
	alignas(64) struct tap_frame slot[TAP_RING_SLOTS];
};

struct tap *tap_create(unsigned int n_workers, const struct tap_filter *filter)
{
	struct tap *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->filter = *filter;
	for (; t->n_workers < n_workers; t->n_workers++) {
		struct tap_ring *r = aligned_alloc(64, sizeof(*r));

		if (r == NULL) {
			tap_destroy(t);
			return NULL;
		}
		memset(r, 0, sizeof(*r)); /* and so no worker meets a page that is not there */
		t->ring[t->n_workers] = r;
	}
	return t;
}

void tap_destroy(void *tap)
{
	struct tap *t = tap;

	if (t == NULL)
		return;
	for (unsigned int i = 0; i < t->n_workers; i++)
		free(t->ring[i]);
	free(t);
}

struct tap_frame *tap_slot(struct tap *t, unsigned int worker)
{
	struct tap_ring *r = t->ring[worker];
	unsigned int head = atomic_load_explicit(&r->head, memory_order_relaxed);

	if (head - atomic_load_explicit(&r->tail, memory_order_acquire) < TAP_RING_SLOTS)
		return &r->slot[head % TAP_RING_SLOTS];
	atomic_fetch_add_explicit(&r->lost, 1, memory_order_relaxed);
	return NULL;
}

void tap_commit(struct tap *t, unsigned int worker)
{
	struct tap_ring *r = t->ring[worker];
	unsigned int head = atomic_load_explicit(&r->head, memory_order_relaxed);

	atomic_store_explicit(&r->head, head + 1, memory_order_release);
}

const struct tap_frame *tap_oldest(const struct tap *t, unsigned int *worker)
{
	const struct tap_frame *oldest = NULL;

	for (unsigned int i = 0; i < t->n_workers; i++) {
		const struct tap_ring *r = t->ring[i];
		unsigned int tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
		const struct tap_frame *f = &r->slot[tail % TAP_RING_SLOTS];

		if (atomic_load_explicit(&r->head, memory_order_acquire) == tail)
			continue;
		if (oldest != NULL && oldest->tsc <= f->tsc)
			continue;
		oldest = f;
		*worker = i;
	}
	return oldest;
}

void tap_release(struct tap *t, unsigned int worker)
{
	struct tap_ring *r = t->ring[worker];
	unsigned int tail = atomic_load_explicit(&r->tail, memory_order_relaxed);

	atomic_store_explicit(&r->tail, tail + 1, memory_order_release);
}

uint64_t tap_lost(const struct tap *t)
{
	uint64_t n = 0;

	for (unsigned int i = 0; i < t->n_workers; i++)
		n += atomic_load_explicit(&t->ring[i]->lost, memory_order_relaxed);
	return n;
}

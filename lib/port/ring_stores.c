/* SPDX-License-Identifier: BSD-3-Clause */
#include "port/ring_stores.h"

#include <sys/mman.h>
#include <time.h>

#include "port/ring_private.h"

/*
 * Full frames into buffers as guests have them, all round and again, for ever more buffers. The
 * best of a few rounds counts, since this machine may be busy.
 */
#define STRIDE     2048
#define FRAME      1500
#define BATCH      32
#define BUFFERS    (64u << 20) / STRIDE
#define LEAST      (1u << 20) / STRIDE
#define ROUNDS     3
#define ADVANTAGE  10 /* per cent, below which nothing is gained */
#define LINE_SIZE  64
#define IMAGE_SIZE ((RING_HEADER + FRAME + LINE_SIZE - 1) / LINE_SIZE * LINE_SIZE)

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static uint64_t round_ns(ring_copy_fn *copy, const struct ring_frame *frames, uint8_t *buffers,
	uint32_t n, bool stream)
{
	struct ring_target targets[BATCH];
	uint64_t begin = now_ns();

	for (uint32_t at = 0; at < n; at += BATCH) {
		for (uint32_t i = 0; i < BATCH; i++) {
			targets[i].to = buffers + (size_t)(at + i) * STRIDE;
			targets[i].room = STRIDE;
			if (!stream)
				ring_prefetch(targets[i].to);
		}
		copy(frames, targets, BATCH);
	}
	return now_ns() - begin;
}

/* The first round of each kind finds the caches as the other kind left them. */
static uint64_t best_ns(ring_copy_fn *copy, const struct ring_frame *frames, uint8_t *buffers,
	uint32_t n, bool stream)
{
	uint64_t best = UINT64_MAX;

	round_ns(copy, frames, buffers, n, stream);
	for (int i = 0; i < ROUNDS; i++) {
		uint64_t ns = round_ns(copy, frames, buffers, n, stream);

		best = ns < best ? ns : best;
	}
	return best;
}

uint64_t ring_stores_measure(void)
{
	static uint8_t data[BATCH][LINE_SIZE * 24];
	const struct ring_copier *const *copiers;
	struct ring_frame frames[BATCH];
	uint64_t from = UINT64_MAX;
	uint8_t *buffers;

	ring_copiers(&copiers);
	if (copiers[0]->stream == NULL)
		return from;
	buffers = mmap(NULL, (size_t)BUFFERS * STRIDE, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (buffers == MAP_FAILED)
		return from;
	for (uint32_t i = 0; i < BATCH; i++)
		frames[i] = (struct ring_frame){data[i], FRAME};
	for (uint32_t n = LEAST; n <= BUFFERS && from == UINT64_MAX; n *= 2) {
		uint64_t ordinary = best_ns(copiers[0]->ordinary, frames, buffers, n, false);
		uint64_t stream = best_ns(copiers[0]->stream, frames, buffers, n, true);

		if (stream + stream * ADVANTAGE / 100 < ordinary)
			from = (uint64_t)n * IMAGE_SIZE;
	}
	munmap(buffers, (size_t)BUFFERS * STRIDE);
	return from;
}

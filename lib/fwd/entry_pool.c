/* SPDX-License-Identifier: BSD-3-Clause */
#include "fwd/entry_pool.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(p, size)   ((void)(p), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(p, size) ((void)(p), (void)(size))
#endif

#define CHUNK_MIN_ENTRIES 63    /* with its head, a page */
#define CHUNK_MAX_ENTRIES 32767 /* with its head, a huge page */
#define POISON            0xdb

static_assert(sizeof(struct entry) == MEM_LINE, "an entry is one line");

struct chunk {
	struct chunk *next;
	struct entry entry[]; /* aligned: the head fills a line */
};

struct free_entry {
	struct free_entry *next;
};

struct entry_pool {
	struct chunk *chunks;      /* newest first */
	struct free_entry *unused; /* died and may be used again */
	uint32_t n_fresh;          /* at the end of the newest chunk, never used */
	uint32_t n_newest;
	uint32_t n_entries; /* of all chunks */

	uint32_t *free_counter; /* a stack with room for each index below n_counters */
	uint32_t n_free_counters;
	uint32_t n_counters;
	uint32_t counter_room;
};

struct entry_pool *entry_pool_create(void)
{
	return calloc(1, sizeof(struct entry_pool));
}

void entry_pool_destroy(struct entry_pool *pool)
{
	struct chunk *next;

	if (pool == NULL)
		return;
	for (struct chunk *c = pool->chunks; c != NULL; c = next) {
		next = c->next;
		free(c);
	}
	free(pool->free_counter);
	free(pool);
}

/* Chunks grow with the pool: a quarter of it, so at most that much lies idle. */
static int chunk_add(struct entry_pool *pool)
{
	uint32_t n = (pool->n_entries / 4 + 63) / 64 * 64;
	struct chunk *c;

	n = n > 0 ? n - 1 : 0;
	if (n < CHUNK_MIN_ENTRIES)
		n = CHUNK_MIN_ENTRIES;
	if (n > CHUNK_MAX_ENTRIES)
		n = CHUNK_MAX_ENTRIES;
	c = mem_alloc(sizeof(*c) + n * sizeof(c->entry[0]));
	if (c == NULL)
		return -ENOMEM;
	ASAN_POISON_MEMORY_REGION(c->entry, n * sizeof(c->entry[0]));
	c->next = pool->chunks;
	pool->chunks = c;
	pool->n_newest = pool->n_fresh = n;
	pool->n_entries += n;
	return 0;
}

struct entry *entry_pool_get(struct entry_pool *pool)
{
	struct entry *e;

	if (pool->unused != NULL) {
		struct free_entry *f = pool->unused;

		e = (struct entry *)(void *)f;
		ASAN_UNPOISON_MEMORY_REGION(e, sizeof(*e));
		pool->unused = f->next;
	} else {
		if (pool->n_fresh == 0 && chunk_add(pool) < 0)
			return NULL;
		e = &pool->chunks->entry[pool->n_newest - pool->n_fresh--];
		ASAN_UNPOISON_MEMORY_REGION(e, sizeof(*e));
	}
	e->pool = pool;
	e->last = false;
	return e;
}

static void exceptions_free(const struct group_exceptions *x)
{
	free((void *)(uintptr_t)x);
}

void entry_die(void *entry)
{
	struct entry *e = entry;
	struct entry_pool *pool = e->pool;
	struct free_entry *f;

	exceptions_free(e->e.exceptions);
	if (e->last)
		entry_pool_counter_put(pool, e->e.counter);
	memset(e, POISON, sizeof(*e));
	f = entry;
	f->next = pool->unused;
	pool->unused = f;
	ASAN_POISON_MEMORY_REGION(e, sizeof(*e));
}

int entry_pool_counter_get(struct entry_pool *pool, uint32_t *counter)
{
	if (pool->n_free_counters > 0) {
		*counter = pool->free_counter[--pool->n_free_counters];
		return 0;
	}
	if (pool->n_counters == GROUP_TABLE_MAX_COUNTERS)
		return -ENOSPC;
	if (pool->n_counters == pool->counter_room) {
		/* Room to give it back is taken now, because giving back cannot fail. */
		uint32_t room = pool->counter_room == 0 ? 64 : pool->counter_room * 2;
		uint32_t *stack = realloc(pool->free_counter, room * sizeof(*stack));

		if (stack == NULL)
			return -ENOMEM;
		pool->free_counter = stack;
		pool->counter_room = room;
	}
	*counter = pool->n_counters++;
	return 0;
}

unsigned int entry_pool_n_counters(const struct entry_pool *pool)
{
	return pool->n_counters;
}

void entry_pool_counter_put(struct entry_pool *pool, uint32_t counter)
{
	pool->free_counter[pool->n_free_counters++] = counter;
}

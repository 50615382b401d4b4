/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef FWD_ENTRY_POOL_H
#define FWD_ENTRY_POOL_H

#include <stdbool.h>
#include <stdint.h>

#include "fwd/group_table.h"
#include "fwd/mem.h"

/*
 * Memory for entries, one cache line each, and the indices of their counters. The writer's; a
 * reader sees an entry only between group_index_insert and the end of its grace period. Memory
 * grows by chunks and is reused, never given back before the pool goes.
 */
struct entry_pool;

struct entry {
	struct group_entry e; /* what readers see; first, so that a pointer to it is one to this */
	struct entry_pool *pool;
	bool last; /* the counter dies with this entry: the group is gone, not merely changed */
} __attribute__((aligned(MEM_LINE)));

struct entry_pool *entry_pool_create(void); /* NULL: no memory */
void entry_pool_destroy(struct entry_pool *pool);

/* An entry of undefined contents but for pool and last. NULL: no memory. */
struct entry *entry_pool_get(struct entry_pool *pool);
/* Give it back, with its exceptions, and if it is the last with its counter. Overwritten, so that a
 * reader who should not be there sees nonsense at once. Is a retire_fn. */
void entry_die(void *entry);

/* An index nobody counts into. 0, -ENOMEM or -ENOSPC. */
int entry_pool_counter_get(struct entry_pool *pool, uint32_t *counter);
unsigned int entry_pool_n_counters(const struct entry_pool *pool); /* handed out so far */
void entry_pool_counter_put(struct entry_pool *pool, uint32_t counter);

#endif

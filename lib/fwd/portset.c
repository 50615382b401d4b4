/* SPDX-License-Identifier: BSD-3-Clause */
#include "fwd/portset.h"

#include <stdlib.h>
#include <sys/random.h>

#include "base/addr.h"
#include "fwd/mem.h"
#include "fwd/retire.h"

/*
 * The pool: a chained hash table that only the writer sees. Guests choose which sets exist, by what
 * they join, so the hash is seeded.
 */
#define FIRST_CHAINS 64

struct portset_pool {
	struct retire *retire;
	struct portset **chain;
	uint64_t mask;
	uint64_t seed;
	unsigned int n;
};

struct portset_pool *portset_pool_create(struct retire *retire)
{
	struct portset_pool *pool = calloc(1, sizeof(*pool));

	if (pool == NULL)
		return NULL;
	pool->chain = calloc(FIRST_CHAINS, sizeof(*pool->chain));
	if (pool->chain == NULL ||
		getrandom(&pool->seed, sizeof(pool->seed), 0) != sizeof(pool->seed)) {
		free(pool->chain);
		free(pool);
		return NULL;
	}
	pool->mask = FIRST_CHAINS - 1;
	pool->retire = retire;
	return pool;
}

void portset_pool_destroy(struct portset_pool *pool)
{
	if (pool == NULL)
		return;
	for (uint64_t i = 0; i <= pool->mask; i++) {
		struct portset *next;

		for (struct portset *s = pool->chain[i]; s != NULL; s = next) {
			next = s->next;
			retire_later(pool->retire, s, free);
		}
	}
	free(pool->chain);
	free(pool);
}

static uint64_t ports_hash(const struct portset_pool *pool, const struct bitset *ports)
{
	uint64_t h = pool->seed;

	for (unsigned int i = 0; i < BITSET_WORDS; i++)
		h = hash_mix(h ^ ports->w[i]) + pool->seed;
	return h;
}

/* Without memory the chains stay as long as they are. */
static void pool_grow(struct portset_pool *pool)
{
	uint64_t mask = pool->mask * 2 + 1;
	struct portset **chain = calloc(mask + 1, sizeof(*chain));

	if (chain == NULL)
		return;
	for (uint64_t i = 0; i <= pool->mask; i++) {
		struct portset *next;

		for (struct portset *s = pool->chain[i]; s != NULL; s = next) {
			next = s->next;
			s->next = chain[s->hash & mask];
			chain[s->hash & mask] = s;
		}
	}
	free(pool->chain);
	pool->chain = chain;
	pool->mask = mask;
}

const struct portset *portset_get(struct portset_pool *pool, const struct bitset *ports)
{
	uint64_t hash = ports_hash(pool, ports);
	struct portset *s;

	for (s = pool->chain[hash & pool->mask]; s != NULL; s = s->next) {
		if (s->hash == hash && bitset_equal(&s->ports, ports)) {
			s->n_references++;
			return s;
		}
	}
	if (pool->n > pool->mask)
		pool_grow(pool);
	s = mem_alloc(sizeof(*s)); /* one line for a reader */
	if (s == NULL)
		return NULL;
	*s = (struct portset){.ports = *ports, .n_references = 1, .hash = hash};
	s->next = pool->chain[hash & pool->mask];
	pool->chain[hash & pool->mask] = s;
	pool->n++;
	return s;
}

void portset_put(struct portset_pool *pool, const struct portset *set)
{
	struct portset *s, **link;

	if (set == NULL)
		return;
	link = &pool->chain[set->hash & pool->mask];
	while (*link != set)
		link = &(*link)->next;
	s = *link;
	if (--s->n_references > 0)
		return;
	*link = s->next;
	pool->n--;
	retire_later(pool->retire, s, free);
}

unsigned int portset_pool_count(const struct portset_pool *pool)
{
	return pool->n;
}

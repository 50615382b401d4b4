/* SPDX-License-Identifier: BSD-3-Clause */
#include "fwd/group_table.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "fwd/entry_pool.h"
#include "fwd/group_index.h"
#include "fwd/mem.h"
#include "fwd/portset.h"
#include "fwd/retire.h"

/*
 * The table proper: entries, their sets and counters, put into the index and taken out. Sets are
 * given back when their entry is unlinked; the pool keeps those that nobody else holds until the
 * readers of that moment are gone, so an entry that still is in a reader's hand has a valid set.
 */
struct group_table {
	struct group_index index; /* first: readers need no more */
	struct entry_pool *entries;
	struct portset_pool *sets;
	struct retire *retire;
};

static_assert(sizeof(struct group_key) == 24, "the hash covers the key without padding");

struct group_table *group_table_create(struct portset_pool *sets, struct retire *retire)
{
	struct group_table *t = mem_alloc(sizeof(*t));

	if (t == NULL)
		return NULL;
	t->sets = sets;
	t->retire = retire;
	t->entries = entry_pool_create();
	if (t->entries == NULL)
		goto free_table;
	if (group_index_init(&t->index, retire) < 0)
		goto destroy_entries;
	return t;

destroy_entries:
	entry_pool_destroy(t->entries);
free_table:
	free(t);
	return NULL;
}

static void sets_put(struct group_table *t, const struct group_entry *e)
{
	portset_put(t->sets, e->set);
	for (uint32_t i = 0; e->exceptions != NULL && i < e->exceptions->n; i++)
		portset_put(t->sets, e->exceptions->source[i].set);
}

/* e is in no index any more. */
static void entry_retire(struct group_table *t, const struct group_entry *e, bool last)
{
	struct entry *mine = (struct entry *)(uintptr_t)e;

	sets_put(t, e);
	mine->last = last;
	retire_later(t->retire, mine, entry_die);
}

static bool retire_each(const struct group_entry *e, void *ctx)
{
	entry_retire(ctx, e, true);
	return true;
}

static void table_die(void *table)
{
	struct group_table *t = table;

	entry_pool_destroy(t->entries);
	free(t);
}

void group_table_destroy(struct group_table *t)
{
	if (t == NULL)
		return;
	group_index_walk(&t->index, retire_each, t);
	group_index_fini(&t->index);
	retire_later(t->retire, t, table_die); /* after its entries: they die in order */
}

void group_table_set_seed(struct group_table *t, const uint64_t seed[4])
{
	assert(t->index.n == 0);
	memcpy(t->index.seed, seed, sizeof(t->index.seed));
}

static int source_compare(const void *a, const void *b)
{
	const struct group_source_set *x = a, *y = b;

	return memcmp(&x->source, &y->source, sizeof(x->source));
}

/* NULL: no memory. */
static struct group_exceptions *exceptions_create(
	struct group_table *t, const struct group_source_ports *ports, unsigned int n)
{
	struct group_exceptions *x = mem_alloc(sizeof(*x) + n * sizeof(x->source[0]));

	if (x == NULL)
		return NULL;
	for (; x->n < n; x->n++) {
		struct group_source_set *s = &x->source[x->n];

		s->source = ports[x->n].source;
		s->set = portset_get(t->sets, &ports[x->n].ports);
		if (s->set == NULL)
			goto put_sets;
	}
	qsort(x->source, n, sizeof(x->source[0]), source_compare);
	return x;

put_sets:
	while (x->n > 0)
		portset_put(t->sets, x->source[--x->n].set);
	free(x);
	return NULL;
}

static int entry_create(struct group_table *t, const struct group_key *key,
	const struct bitset *members, const struct group_source_ports *exceptions, unsigned int n,
	struct group_entry **out)
{
	struct entry *e = entry_pool_get(t->entries);

	if (e == NULL)
		return -ENOMEM;
	e->e = (struct group_entry){.key = *key, .hash = group_index_hash(&t->index, key)};
	e->e.set = portset_get(t->sets, members);
	if (e->e.set == NULL)
		goto free_entry;
	if (n > 0) {
		e->e.exceptions = exceptions_create(t, exceptions, n);
		if (e->e.exceptions == NULL)
			goto put_set;
	}
	*out = &e->e;
	return 0;

put_set:
	portset_put(t->sets, e->e.set);
free_entry:
	entry_die(e); /* no reader has seen it */
	return -ENOMEM;
}

/* An entry that was never published. */
static void entry_discard(struct group_table *t, struct group_entry *e)
{
	sets_put(t, e);
	entry_die(e);
}

static bool entry_same(const struct group_entry *a, const struct group_entry *b)
{
	const struct group_exceptions *x = a->exceptions, *y = b->exceptions;

	if (a->set != b->set)
		return false;
	if (x == NULL || y == NULL)
		return x == y;
	return x->n == y->n && memcmp(x->source, y->source, x->n * sizeof(x->source[0])) == 0;
}

static int counter_get(struct group_table *t, uint32_t *counter)
{
	int ret = entry_pool_counter_get(t->entries, counter);

	if (ret != -ENOSPC)
		return ret;
	retire_poll(t->retire); /* some may belong to groups that are gone */
	return entry_pool_counter_get(t->entries, counter);
}

static int entry_add(struct group_table *t, struct group_entry *e)
{
	int ret = group_index_reserve(&t->index);

	if (ret == 0)
		ret = counter_get(t, &e->counter);
	if (ret < 0) {
		entry_discard(t, e);
		return ret;
	}
	group_index_insert(&t->index, e);
	return 0;
}

int group_table_set(struct group_table *t, const struct group_key *key,
	const struct bitset *members, const struct group_source_ports *exceptions, unsigned int n)
{
	struct group_entry *e, *old;
	int ret = entry_create(t, key, members, exceptions, n, &e);

	if (ret < 0)
		return ret;
	old = group_index_find(&t->index, key, e->hash);
	if (old == NULL)
		return entry_add(t, e);
	if (entry_same(old, e)) {
		entry_discard(t, e);
		return 0;
	}
	e->counter = old->counter;
	group_index_replace(&t->index, old, e);
	entry_retire(t, old, false);
	return 0;
}

int group_table_del(struct group_table *t, const struct group_key *key)
{
	struct group_entry *e = group_index_find(&t->index, key, group_index_hash(&t->index, key));

	if (e == NULL)
		return -ENOENT;
	group_index_remove(&t->index, e);
	entry_retire(t, e, true);
	return 0;
}

const struct group_entry *group_table_find(const struct group_table *t, const struct group_key *key)
{
	return group_index_find(&t->index, key, group_index_hash(&t->index, key));
}

void group_table_lookup_bulk(const struct group_table *t, const struct group_key *keys,
	unsigned int n, const struct group_entry **out)
{
	group_index_find_bulk(&t->index, keys, n, out);
}

unsigned int group_table_n_counters(const struct group_table *t)
{
	return entry_pool_n_counters(t->entries);
}

unsigned int group_table_count(const struct group_table *t)
{
	return t->index.n;
}

void group_table_walk(
	const struct group_table *t, bool (*fn)(const struct group_entry *e, void *ctx), void *ctx)
{
	group_index_walk(&t->index, fn, ctx);
}

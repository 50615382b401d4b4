/* SPDX-License-Identifier: BSD-3-Clause */
#include "fwd/group_index.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include <rte_prefetch.h>

#include "fwd/group_probe.h"
#include "fwd/retire.h"

#define FIRST_BUCKETS 64

static_assert(sizeof(struct group_bucket) == MEM_LINE, "a bucket is one line");

/* Full at five eighths: then one key in 25 lies beyond its first bucket. At three quarters it is
 * one in 14, and each costs a mispredicted branch: 24 cycles a look-up instead of 17. */
static unsigned int buckets_capacity(uint32_t n)
{
	return n * GROUP_BUCKET_SLOTS / 8 * 5;
}

static struct group_buckets *buckets_create(uint32_t n)
{
	struct group_buckets *b = mem_alloc(sizeof(*b) + n * sizeof(b->bucket[0]));

	if (b != NULL)
		b->mask = n - 1;
	return b;
}

int group_index_init(struct group_index *x, struct retire *retire)
{
	*x = (struct group_index){.retire = retire};
	if (getrandom(x->seed, sizeof(x->seed), 0) != sizeof(x->seed))
		return -EIO;
	for (unsigned int i = 0; i < 4; i++)
		x->seed[i] |= 1; /* an even multiplier loses bits, 0 loses all */
	x->buckets = buckets_create(FIRST_BUCKETS);
	return x->buckets != NULL ? 0 : -ENOMEM;
}

void group_index_fini(struct group_index *x)
{
	retire_later(x->retire, x->buckets, free); /* readers may still be about to load it */
}

uint32_t group_index_hash(const struct group_index *x, const struct group_key *key)
{
	return key_hash(x->seed, key);
}

struct group_entry *group_index_find(
	const struct group_index *x, const struct group_key *key, uint32_t hash)
{
	const struct group_buckets *a = __atomic_load_n(&x->buckets, __ATOMIC_ACQUIRE);
	uint32_t at = hash & a->mask;

	/* Bounded, because old passers may have left no bucket unpassed. */
	for (uint32_t i = 0; i <= a->mask; i++, at = (at + 1) & a->mask) {
		const struct group_bucket *b = &a->bucket[at];
		uint64_t high = __atomic_load_n(&b->tags[1], __ATOMIC_ACQUIRE);
		uint64_t low = __atomic_load_n(&b->tags[0], __ATOMIC_ACQUIRE);

		for (uint64_t m = tags_match(low, high, hash_tag(hash)); m != 0; m &= m - 1) {
			struct group_entry *e =
				__atomic_load_n(&b->slot[match_slot(m)], __ATOMIC_ACQUIRE);

			if (e != NULL && key_equal(&e->key, key))
				return e;
		}
		if (tags_passed(high) == 0)
			return NULL;
	}
	return NULL;
}

/* The first entry of a bucket that may be the one, NULL if there is none. *sure: none elsewhere. */
static const struct group_entry *candidate(const struct group_bucket *b, uint32_t hash, bool *sure)
{
	uint64_t high = __atomic_load_n(&b->tags[1], __ATOMIC_ACQUIRE);
	uint64_t low = __atomic_load_n(&b->tags[0], __ATOMIC_ACQUIRE);
	uint64_t match = tags_match(low, high, hash_tag(hash));

	*sure = match == 0 && tags_passed(high) == 0;
	return match != 0 ? __atomic_load_n(&b->slot[match_slot(match)], __ATOMIC_ACQUIRE) : NULL;
}

/*
 * Three short loops, so that the misses of one step overlap for the whole burst: the line of each
 * bucket, the line of each likely entry, the comparison. What the likely entry does not settle, a
 * key in a later bucket or a tag shared by two, starts again one by one.
 */
void group_index_find_bulk(const struct group_index *x, const struct group_key *keys,
	unsigned int n, const struct group_entry **out)
{
	const struct group_buckets *a = __atomic_load_n(&x->buckets, __ATOMIC_ACQUIRE);
	uint32_t hash[GROUP_TABLE_BURST];
	uint64_t again = 0;

	for (unsigned int i = 0; i < n; i++) {
		hash[i] = key_hash(x->seed, &keys[i]);
		rte_prefetch0(&a->bucket[hash[i] & a->mask]);
	}
	for (unsigned int i = 0; i < n; i++) {
		bool sure;

		out[i] = candidate(&a->bucket[hash[i] & a->mask], hash[i], &sure);
		again |= (uint64_t)(out[i] == NULL && !sure) << i;
		rte_prefetch0(out[i]);
	}
	for (unsigned int i = 0; i < n; i++) {
		if (out[i] == NULL)
			continue;
		if (key_equal(&out[i]->key, &keys[i]))
			rte_prefetch0(out[i]->set);
		else
			again |= 1ULL << i;
	}
	for (; again != 0; again &= again - 1) {
		unsigned int i = (unsigned int)__builtin_ctzll(again);

		out[i] = group_index_find(x, &keys[i], hash[i]);
	}
}

static void tag_store(struct group_bucket *b, unsigned int slot, uint64_t tag)
{
	uint64_t *word = &b->tags[slot / 4];
	unsigned int shift = slot % 4 * 16;

	__atomic_store_n(word, (*word & ~(0xffffULL << shift)) | tag << shift, __ATOMIC_RELEASE);
}

static void passed_add(struct group_bucket *b, int by)
{
	uint64_t delta = (uint64_t)by << 32; /* the tags below are not touched */

	__atomic_store_n(&b->tags[1], b->tags[1] + delta, __ATOMIC_RELEASE);
}

static unsigned int slot_free(const struct group_bucket *b)
{
	unsigned int i = 0;

	while (i < GROUP_BUCKET_SLOTS && b->slot[i] != NULL)
		i++;
	return i;
}

/* There is a free slot somewhere. Each store makes sense by itself to a reader: see the header. */
static void buckets_insert(struct group_buckets *a, struct group_entry *e)
{
	uint32_t at = e->hash & a->mask;
	unsigned int slot;

	while ((slot = slot_free(&a->bucket[at])) == GROUP_BUCKET_SLOTS) {
		passed_add(&a->bucket[at], 1);
		at = (at + 1) & a->mask;
	}
	__atomic_store_n(&a->bucket[at].slot[slot], e, __ATOMIC_RELEASE);
	tag_store(&a->bucket[at], slot, hash_tag(e->hash));
}

int group_index_reserve(struct group_index *x)
{
	struct group_buckets *old = x->buckets, *now;
	uint32_t n = old->mask + 1;

	if (x->n < buckets_capacity(n))
		return 0;
	now = buckets_create(n * 2);
	if (now == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++) {
		for (unsigned int s = 0; s < GROUP_BUCKET_SLOTS; s++) {
			if (old->bucket[i].slot[s] != NULL)
				buckets_insert(now, old->bucket[i].slot[s]);
		}
	}
	__atomic_store_n(&x->buckets, now, __ATOMIC_RELEASE);
	retire_later(x->retire, old, free);
	return 0;
}

void group_index_insert(struct group_index *x, struct group_entry *e)
{
	buckets_insert(x->buckets, e);
	x->n++;
}

/* Where e lies: its bucket, and in *slot its place there. */
static struct group_bucket *locate(
	struct group_index *x, const struct group_entry *e, unsigned int *slot)
{
	struct group_buckets *a = x->buckets;

	for (uint32_t at = e->hash & a->mask;; at = (at + 1) & a->mask) {
		for (unsigned int s = 0; s < GROUP_BUCKET_SLOTS; s++) {
			if (a->bucket[at].slot[s] == e) {
				*slot = s;
				return &a->bucket[at];
			}
		}
	}
}

void group_index_replace(
	struct group_index *x, const struct group_entry *old, struct group_entry *now)
{
	unsigned int slot;
	struct group_bucket *b = locate(x, old, &slot);

	__atomic_store_n(&b->slot[slot], now, __ATOMIC_RELEASE);
}

void group_index_remove(struct group_index *x, const struct group_entry *e)
{
	struct group_buckets *a = x->buckets;
	unsigned int slot;
	struct group_bucket *b = locate(x, e, &slot);

	tag_store(b, slot, 0);
	__atomic_store_n(&b->slot[slot], NULL, __ATOMIC_RELEASE);
	for (uint32_t at = e->hash & a->mask; &a->bucket[at] != b; at = (at + 1) & a->mask)
		passed_add(&a->bucket[at], -1);
	x->n--;
}

void group_index_walk(
	const struct group_index *x, bool (*fn)(const struct group_entry *e, void *ctx), void *ctx)
{
	const struct group_buckets *a = x->buckets;

	for (uint32_t i = 0; i <= a->mask; i++) {
		for (unsigned int s = 0; s < GROUP_BUCKET_SLOTS; s++) {
			if (a->bucket[i].slot[s] != NULL && !fn(a->bucket[i].slot[s], ctx))
				return;
		}
	}
}

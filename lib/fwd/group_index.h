/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef FWD_GROUP_INDEX_H
#define FWD_GROUP_INDEX_H

#include <stdbool.h>
#include <stdint.h>

#include "fwd/group_table.h"
#include "fwd/mem.h"

/*
 * The index under the group table: open addressing, linear probing from bucket to bucket. A bucket
 * is one cache line: six 16-bit tags, six pointers to entries, and `passed`, the number of keys in
 * the index whose probe found this bucket full and went on. A look-up ends at the first bucket that
 * nobody passed, so misses are short and a deletion leaves nothing behind.
 *
 * Why a reader never misses a key that is there all the while:
 * - a key never moves. Changing its entry stores one pointer over another, both with that key;
 * - passed is raised in every bucket before the key's own prior to storing the key, and holds until
 *   the key is deleted, whatever becomes of the keys that once filled those buckets;
 * - tag and pointer are separate, so a reader may pair one key's tag with another's entry. It
 *   compares the key in the entry, and the key it looks for has kept both its tag and its slot;
 * - growth copies pointers into an array twice as large, complete before one release store shows
 *   it. Until then the old array is exact; a reader still in it afterwards sees the switch as it
 *   was at that store, no more than its burst ago.
 *
 * Why it never sees freed memory: an entry or array is retired after the store that unlinks it, and
 * a reader that might have loaded the old pointer has reported no quiescent state since. That also
 * holds for an entry reached through an array that growth replaced: such a reader loaded the array
 * before it was replaced, so before any entry that only the old array still names was retired.
 *
 * Memory order: pointers and tags are stored with release and loaded with acquire; on x86 and with
 * one writer both are plain moves.
 */
#define GROUP_BUCKET_SLOTS 6

struct group_bucket {
	/* tags[0]: tags of slots 0-3; tags[1]: of slots 4 and 5, then passed in the upper half. 0 is
	 * an empty slot. The writer alone changes them, a whole word at a time. */
	uint64_t tags[2];
	struct group_entry *slot[GROUP_BUCKET_SLOTS];
} __attribute__((aligned(MEM_LINE)));

struct group_buckets {
	uint32_t mask;
	struct group_bucket bucket[]; /* the head fills a line */
};

struct group_index {
	/* Readers: buckets changes by one store; seed never does while there are entries. */
	struct group_buckets *buckets;
	uint64_t seed[4];
	/* Writer. */
	struct retire *retire __attribute__((aligned(MEM_LINE)));
	unsigned int n;
};

int group_index_init(struct group_index *x, struct retire *retire); /* 0 or -errno */
void group_index_fini(struct group_index *x); /* retires the array; the entries are the caller's */

uint32_t group_index_hash(const struct group_index *x, const struct group_key *key);

/* Reader, and writer. hash is group_index_hash of key. */
struct group_entry *group_index_find(
	const struct group_index *x, const struct group_key *key, uint32_t hash);
/* Reader: as group_table_lookup_bulk. */
void group_index_find_bulk(const struct group_index *x, const struct group_key *keys,
	unsigned int n, const struct group_entry **out);

/* Writer. Make room for one more entry: 0 or -ENOMEM. After it insert cannot fail. */
int group_index_reserve(struct group_index *x);
/* e->key is not in the index, e->hash is its hash. */
void group_index_insert(struct group_index *x, struct group_entry *e);
/* now takes the place of old, which has its key. Retiring old is the caller's. */
void group_index_replace(
	struct group_index *x, const struct group_entry *old, struct group_entry *now);
void group_index_remove(struct group_index *x, const struct group_entry *e);

/* Call fn for each entry until it returns false. */
void group_index_walk(
	const struct group_index *x, bool (*fn)(const struct group_entry *e, void *ctx), void *ctx);

#endif

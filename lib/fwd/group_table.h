/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef FWD_GROUP_TABLE_H
#define FWD_GROUP_TABLE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/addr.h"
#include "base/bitset.h"
#include "fwd/portset.h"

/*
 * The group table: (VLAN, group) -> immutable entry. One writer, the control lcore; any number of
 * lock-free readers, the workers. A change builds a new entry and swaps one pointer, so a reader
 * sees the old members or the new ones and nothing between.
 *
 * The table is open-addressed in cache-line buckets of tags and pointers: a look-up costs one line
 * for the bucket and one for the entry, and the bulk form fetches both ahead for a whole burst. A
 * deleted slot may be reused at once, because the reader compares the key in the entry, never in
 * the bucket. Growing builds a bucket array of twice the size beside the old one and swaps.
 */
enum group_key_kind {
	GROUP_KEY_IP = 1,  /* address: the group, IPv4 as v4-mapped */
	GROUP_KEY_MAC = 2, /* address.b[10..15]: a multicast MAC, the rest zero */
};

struct group_key {
	struct ip_addr address;
	uint16_t vlan;
	uint16_t kind;
	uint32_t zero;
};

struct group_source_set {
	struct ip_addr source;
	const struct portset *set;
};

/* Source-specific exceptions: who gets this group from these sources. A source that is not listed
 * goes to the entry's own set. Sorted by source. */
struct group_exceptions {
	uint32_t n;
	struct group_source_set source[];
};

struct group_entry {
	struct group_key key;
	const struct portset *set; /* members of (*,G) and everyone who always gets it */
	const struct group_exceptions *exceptions; /* NULL: none, the common frame */
	uint32_t hash;
	uint32_t counter; /* index into each worker's array of per-group counters */
};

#define GROUP_TABLE_MAX_COUNTERS (1u << 20) /* groups at once */

struct group_table;
struct retire;

struct group_table *group_table_create(struct portset_pool *sets, struct retire *retire);
/* NULL is fine. Retires all, itself included: destroy the pool of sets after it, retire last. */
void group_table_destroy(struct group_table *t);
/* For tests: collisions on purpose. The seed is random otherwise. The table must be empty. */
void group_table_set_seed(struct group_table *t, const uint64_t seed[4]);

/*
 * Writer. Publish who gets a group: members, and n exceptions (ports per source, replacing members
 * for that source, each source once). An entry that exists keeps its counter, and one that would not
 * change is left alone. The counter of a deleted group goes to another only after the grace period,
 * so two groups never count in one place. 0, -ENOMEM, or -ENOSPC when there are
 * GROUP_TABLE_MAX_COUNTERS groups already; on error the old entry stays.
 */
struct group_source_ports {
	struct ip_addr source;
	struct bitset ports;
};
int group_table_set(struct group_table *t, const struct group_key *key,
	const struct bitset *members, const struct group_source_ports *exceptions, unsigned int n);
/* 0 or -ENOENT. */
int group_table_del(struct group_table *t, const struct group_key *key);
/* The writer's own look-up; NULL: not there. */
const struct group_entry *group_table_find(
	const struct group_table *t, const struct group_key *key);
unsigned int group_table_count(const struct group_table *t);
/* Every counter ever handed out is below this. */
unsigned int group_table_n_counters(const struct group_table *t);
/* Call fn for each entry until it returns false. The table must not change meanwhile. */
void group_table_walk(
	const struct group_table *t, bool (*fn)(const struct group_entry *e, void *ctx), void *ctx);

/* Reader. out[i] is NULL for a group that is not there. Valid until the caller's next quiescent
 * state. n is at most GROUP_TABLE_BURST. */
#define GROUP_TABLE_BURST 64
void group_table_lookup_bulk(const struct group_table *t, const struct group_key *keys,
	unsigned int n, const struct group_entry **out);

/* Reader: the set for this source. */
static inline const struct portset *group_entry_set(
	const struct group_entry *e, const struct ip_addr *source)
{
	const struct group_exceptions *x = e->exceptions;
	uint32_t low = 0, high;

	if (__builtin_expect(x == NULL, 1))
		return e->set;
	for (high = x->n; low < high;) {
		uint32_t mid = (low + high) / 2;
		int order = memcmp(source, &x->source[mid].source, sizeof(*source));

		if (order == 0)
			return x->source[mid].set;
		if (order < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return e->set;
}

static inline struct group_key group_key_ip(uint16_t vlan, const struct ip_addr *group)
{
	return (struct group_key){.address = *group, .vlan = vlan, .kind = GROUP_KEY_IP};
}

static inline struct group_key group_key_mac(uint16_t vlan, const struct mac_addr *mac)
{
	struct group_key k = {.vlan = vlan, .kind = GROUP_KEY_MAC};

	memcpy(&k.address.b[10], mac->b, sizeof(mac->b));
	return k;
}

#endif

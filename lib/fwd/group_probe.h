/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef FWD_GROUP_PROBE_H
#define FWD_GROUP_PROBE_H

#include <stdint.h>
#include <string.h>

#include "fwd/group_index.h"

/*
 * What is inlined into a look-up: the hash, the tags of a bucket, the comparison of keys.
 */
static inline uint64_t multiply_fold(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/*
 * Three multiplications for 24 octets, the same for IPv4 and IPv6: no branch to mispredict when a
 * burst holds both. Guests choose addresses, so all of the seed is secret: VLAN and kind are
 * multiplied before they meet the upper half, else a trunk guest could cancel one by the other.
 */
static inline uint32_t key_hash(const uint64_t seed[4], const struct group_key *key)
{
	uint64_t w[3], h;

	memcpy(w, key, sizeof(w));
	h = multiply_fold(w[1] ^ seed[0], w[0] ^ seed[1] ^ w[2] * seed[2]);
	h = multiply_fold(h, seed[3]);
	return (uint32_t)(h ^ h >> 32);
}

static inline bool key_equal(const struct group_key *a, const struct group_key *b)
{
	uint64_t x[3], y[3];

	memcpy(x, a, sizeof(x));
	memcpy(y, b, sizeof(y));
	return ((x[0] ^ y[0]) | (x[1] ^ y[1]) | (x[2] ^ y[2])) == 0;
}

/* The bucket comes from the low bits, the tag from the high ones. Never 0. */
static inline uint64_t hash_tag(uint32_t hash)
{
	uint32_t tag = hash >> 16;

	return tag != 0 ? tag : 1;
}

#define TAG_LANES 0x0001000100010001ULL
#define TAG_TOPS  0x8000800080008000ULL

/*
 * Slots that may hold this tag, as a set to be taken apart by match_slot. All that do are in it; a
 * slot above one that does may be in it wrongly (the borrow of a subtraction), also an empty one.
 */
static inline uint64_t tags_match(uint64_t low, uint64_t high, uint64_t tag)
{
	uint64_t x = low ^ tag * TAG_LANES, y = high ^ tag * TAG_LANES;

	x = (x - TAG_LANES) & ~x & TAG_TOPS;
	y = (y - TAG_LANES) & ~y & (TAG_TOPS & UINT32_MAX);
	return x >> 15 | y >> 14; /* bits 0, 16, 32, 48 and 1, 17 */
}

static inline unsigned int match_slot(uint64_t match)
{
	unsigned int bit = (unsigned int)__builtin_ctzll(match);

	return bit / 16 + (bit & 1) * 4;
}

static inline uint32_t tags_passed(uint64_t high)
{
	return (uint32_t)(high >> 32);
}

#endif

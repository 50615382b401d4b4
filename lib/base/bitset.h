/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef BASE_BITSET_H
#define BASE_BITSET_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/*
 * A set of port ids. One fixed size for the whole switch: half a cache line, so that a set, its
 * mask and their intersection are a handful of instructions.
 */
#define BITSET_SIZE  256u /* ports of one switch: uplinks and guests together */
#define BITSET_WORDS (BITSET_SIZE / 64)

struct bitset {
	uint64_t w[BITSET_WORDS];
};

static inline void bitset_set(struct bitset *s, unsigned int i)
{
	s->w[i / 64] |= 1ULL << (i % 64);
}

static inline void bitset_clear(struct bitset *s, unsigned int i)
{
	s->w[i / 64] &= ~(1ULL << (i % 64));
}

static inline bool bitset_has(const struct bitset *s, unsigned int i)
{
	return (s->w[i / 64] >> (i % 64)) & 1;
}

static inline bool bitset_empty(const struct bitset *s)
{
	uint64_t any = 0;

	for (unsigned int i = 0; i < BITSET_WORDS; i++)
		any |= s->w[i];
	return any == 0;
}

static inline bool bitset_equal(const struct bitset *a, const struct bitset *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

static inline unsigned int bitset_count(const struct bitset *s)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < BITSET_WORDS; i++)
		n += (unsigned int)__builtin_popcountll(s->w[i]);
	return n;
}

/* out may be a or b in all three. */
static inline void bitset_and(struct bitset *out, const struct bitset *a, const struct bitset *b)
{
	for (unsigned int i = 0; i < BITSET_WORDS; i++)
		out->w[i] = a->w[i] & b->w[i];
}

static inline void bitset_or(struct bitset *out, const struct bitset *a, const struct bitset *b)
{
	for (unsigned int i = 0; i < BITSET_WORDS; i++)
		out->w[i] = a->w[i] | b->w[i];
}

static inline void bitset_andnot(struct bitset *out, const struct bitset *a, const struct bitset *b)
{
	for (unsigned int i = 0; i < BITSET_WORDS; i++)
		out->w[i] = a->w[i] & ~b->w[i];
}

static inline void bitset_not(struct bitset *s)
{
	for (unsigned int i = 0; i < BITSET_WORDS; i++)
		s->w[i] = ~s->w[i];
}

/* The lowest member at or after from, BITSET_SIZE when there is none. */
static inline unsigned int bitset_next(const struct bitset *s, unsigned int from)
{
	unsigned int i = from / 64;
	uint64_t w;

	if (from >= BITSET_SIZE)
		return BITSET_SIZE;
	w = s->w[i] & (~0ULL << (from % 64));
	while (w == 0) {
		if (++i == BITSET_WORDS)
			return BITSET_SIZE;
		w = s->w[i];
	}
	return i * 64 + (unsigned int)__builtin_ctzll(w);
}

/* The set must not lose members that are still to come while the loop runs. */
#define BITSET_FOREACH(i, s) \
	for (unsigned int i = bitset_next((s), 0); i < BITSET_SIZE; i = bitset_next((s), i + 1))

#endif

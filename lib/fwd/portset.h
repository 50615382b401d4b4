/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef FWD_PORTSET_H
#define FWD_PORTSET_H

#include "base/bitset.h"

/*
 * Shared, immutable sets of ports. Equal sets are one object: comparing two destinations is
 * comparing two pointers, and a burst whose frames go to equal sets travels as one batch.
 *
 * Written by the control lcore alone; read by workers between two quiescent states. A set that
 * loses its last reference is retired, not freed (fwd/retire.h).
 */
struct portset {
	struct bitset ports;
	/* below: the control lcore's */
	uint32_t n_references;
	uint64_t hash;
	struct portset *next;
};

struct portset_pool;
struct retire;

struct portset_pool *portset_pool_create(struct retire *retire); /* NULL: no memory */
void portset_pool_destroy(struct portset_pool *pool);            /* NULL is fine */

/* The one set equal to ports, with a reference for the caller. NULL: no memory. */
const struct portset *portset_get(struct portset_pool *pool, const struct bitset *ports);
void portset_put(struct portset_pool *pool, const struct portset *set); /* NULL is fine */

unsigned int portset_pool_count(const struct portset_pool *pool);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MEMBERSHIP_SLAB_H
#define MEMBERSHIP_SLAB_H

#include <stddef.h>

/*
 * Objects of one size without the allocator's overhead a piece: 80,000 rows are 80,000 times what
 * sizeof says. Chunks are kept until slab_fini, so memory follows the peak, which quotas bound.
 * Under AddressSanitizer each object is an allocation of its own, so that a use after free shows.
 */
struct slab {
	size_t object_size;
	struct slab_free *free;
	struct slab_chunk *chunks;
	size_t size; /* octets held */
	size_t n_taken;
};

void slab_init(struct slab *s, size_t object_size);
void slab_fini(struct slab *s);
/* Zeroed; NULL: no memory. */
void *slab_take(struct slab *s);
void slab_give(struct slab *s, void *object);

#endif

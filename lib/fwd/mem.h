/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef FWD_MEM_H
#define FWD_MEM_H

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/*
 * Memory that workers read at random: aligned to cache lines and zeroed; from 2 MiB upwards aligned
 * to huge pages, which the kernel is asked for, so that a big table does not cost a TLB miss a
 * frame. Ends with free().
 */
#define MEM_LINE      ((size_t)64)
#define MEM_HUGE_PAGE ((size_t)2 << 20)

static inline size_t mem_round(size_t size, size_t unit)
{
	return (size + unit - 1) / unit * unit;
}

static inline void *mem_alloc(size_t size) /* NULL: no memory */
{
	size_t unit = size >= MEM_HUGE_PAGE ? MEM_HUGE_PAGE : MEM_LINE;
	void *p;

	if (posix_memalign(&p, unit, mem_round(size, MEM_LINE)) != 0)
		return NULL;
	if (unit == MEM_HUGE_PAGE)
		(void)madvise(p, size, MADV_HUGEPAGE); /* a wish: small pages do as well */
	return memset(p, 0, size);
}

#endif

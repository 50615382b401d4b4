/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PORT_RING_MEMORY_H
#define PORT_RING_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#include "port/ring_fault.h"

/*
 * A guest's memory as its front-end shared it: which guest addresses are mapped, and where. Filled
 * once and then only read, so any thread may; whoever maps and unmaps keeps it until the last ring
 * that looks into it is closed.
 */
#define RING_MAX_REGIONS 64

struct ring_region {
	uint64_t guest; /* address */
	uint64_t size;  /* octets */
	uint8_t *host;
};

struct ring_memory {
	uint16_t n;
	struct ring_region region[RING_MAX_REGIONS]; /* ascending by guest address */
};

/* Copies, sorts and checks. RING_OK, or RING_FAULT_REGIONS for too many, empty, wrapping or
 * overlapping ones. */
enum ring_fault ring_memory_init(
	struct ring_memory *m, const struct ring_region *regions, unsigned int n);

/* The region that a guest address is in, or NULL. */
const struct ring_region *ring_memory_find(const struct ring_memory *m, uint64_t guest);

/* Is [host, host + size) inside one region? Then *guest is where the guest sees it. */
bool ring_memory_holds(
	const struct ring_memory *m, const void *host, uint64_t size, uint64_t *guest);

/* Octets from a guest address inside r to the end of r. */
static inline uint64_t ring_region_left(const struct ring_region *r, uint64_t guest)
{
	return r->size - (guest - r->guest);
}

/* Is [guest, guest + size) inside r? Nothing wraps, whatever the numbers. */
static inline bool ring_region_holds(const struct ring_region *r, uint64_t guest, uint64_t size)
{
	uint64_t offset = guest - r->guest;

	return offset < r->size && size <= r->size - offset;
}

#endif

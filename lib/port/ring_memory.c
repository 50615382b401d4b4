/* SPDX-License-Identifier: BSD-3-Clause */
#include "port/ring_memory.h"

#include <stddef.h>

static bool region_is_sound(const struct ring_region *r)
{
	uintptr_t host = (uintptr_t)r->host;

	return r->size > 0 && r->host != NULL && r->guest + (r->size - 1) >= r->guest &&
	       host + (r->size - 1) >= host;
}

enum ring_fault ring_memory_init(
	struct ring_memory *m, const struct ring_region *regions, unsigned int n)
{
	m->n = 0;
	if (n > RING_MAX_REGIONS)
		return RING_FAULT_REGIONS;
	for (unsigned int i = 0; i < n; i++) {
		unsigned int at = i;

		if (!region_is_sound(&regions[i]))
			return RING_FAULT_REGIONS;
		for (; at > 0 && m->region[at - 1].guest > regions[i].guest; at--)
			m->region[at] = m->region[at - 1];
		m->region[at] = regions[i];
	}
	for (unsigned int i = 1; i < n; i++) {
		if (m->region[i].guest - m->region[i - 1].guest < m->region[i - 1].size)
			return RING_FAULT_REGIONS;
	}
	m->n = (uint16_t)n;
	return RING_OK;
}

const struct ring_region *ring_memory_find(const struct ring_memory *m, uint64_t guest)
{
	unsigned int low = 0, high = m->n;

	while (low < high) {
		unsigned int middle = (low + high) / 2;

		if (m->region[middle].guest <= guest)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0 || guest - m->region[low - 1].guest >= m->region[low - 1].size)
		return NULL;
	return &m->region[low - 1];
}

bool ring_memory_holds(
	const struct ring_memory *m, const void *host, uint64_t size, uint64_t *guest)
{
	for (unsigned int i = 0; i < m->n; i++) {
		const struct ring_region *r = &m->region[i];
		uintptr_t offset = (uintptr_t)host - (uintptr_t)r->host;

		if (offset < r->size && size <= r->size - offset) {
			*guest = r->guest + offset;
			return true;
		}
	}
	return false;
}

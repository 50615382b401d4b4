/* SPDX-License-Identifier: BSD-3-Clause */
#include "port/ring_private.h"

/*
 * Descriptors of a chain, or entries of an indirect table. A table may be longer than the ring
 * (drivers do that, though 2.7.5.3.1 forbids it), but neither is without bound.
 */
#define CHAIN_MAX 1024

struct descriptor {
	uint64_t guest;
	uint32_t size;
	uint16_t flags;
	uint16_t other; /* split: the next entry; packed: the id */
};

/* Flags first: in a packed ring they say whether the rest is there (2.8.21.3.1). */
static struct descriptor descriptor_read(const uint8_t *at, bool packed)
{
	uint64_t word = ring_load64(at + 8);
	uint16_t low = (uint16_t)(word >> 32), high = (uint16_t)(word >> 48);

	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return (struct descriptor){
		.guest = ring_load64(at),
		.size = (uint32_t)word,
		.flags = packed ? high : low,
		.other = packed ? low : high,
	};
}

static bool broken(struct ring_chain *c, enum ring_fault fault)
{
	c->fault = fault;
	c->more = false;
	c->left = 0;
	return false;
}

/* A buffer may lie across regions that follow each other. */
static bool is_mapped(const struct ring *r, uint64_t guest, uint64_t size)
{
	if (ring_region_holds(&r->window, guest, size))
		return true;
	for (;;) {
		const struct ring_region *region = ring_memory_find(r->memory, guest);
		uint64_t left;

		if (region == NULL)
			return false;
		left = ring_region_left(region, guest);
		if (left >= size)
			return true;
		guest += left;
		size -= left;
	}
}

/* Go on in the table that d points to, and do not come back. */
static bool table_enter(struct ring_chain *c, const struct descriptor *d)
{
	const struct ring_region *region = ring_memory_find(c->ring->memory, d->guest);

	if (c->indirect || d->flags & DESC_F_NEXT)
		return broken(c, RING_FAULT_NESTED);
	if (!c->ring->indirect || d->size == 0 || d->size % RING_DESCRIPTOR != 0 ||
		d->size / RING_DESCRIPTOR > CHAIN_MAX)
		return broken(c, RING_FAULT_INDIRECT);
	if (region == NULL || !ring_region_holds(region, d->guest, d->size))
		return broken(c, RING_FAULT_INDIRECT);
	c->table = region->host + (d->guest - region->guest);
	c->n_table = c->budget = d->size / RING_DESCRIPTOR;
	c->next = 0;
	c->indirect = true;
	return true;
}

/* Is there an entry after d, and which? */
static void entry_after(struct ring_chain *c, const struct descriptor *d)
{
	if (!c->ring->packed) {
		c->next = d->other;
		c->more = d->flags & DESC_F_NEXT;
	} else if (c->indirect) { /* 2.8.7: all of the table, in order */
		c->next++;
		c->more = c->next < c->n_table;
	} else {
		c->more = d->flags & DESC_F_NEXT;
		if (++c->next == c->n_table) {
			c->next = 0;
			c->wrap = !c->wrap;
		}
	}
}

static bool is_offered(const struct ring_chain *c, uint16_t flags)
{
	return !!(flags & DESC_F_AVAIL) == c->wrap && !!(flags & DESC_F_USED) != c->wrap;
}

static bool descriptor_take(struct ring_chain *c)
{
	struct descriptor d;

	if (c->budget-- == 0)
		return broken(c, RING_FAULT_LOOP);
	if (c->next >= c->n_table)
		return broken(c, RING_FAULT_INDEX);
	c->n_read++;
	d = descriptor_read(c->table + (uint64_t)c->next * RING_DESCRIPTOR, c->ring->packed);
	if (!c->indirect) {
		c->n_slots++;
		if (c->ring->packed && !is_offered(c, d.flags))
			return broken(c, RING_FAULT_UNENDED);
		if (c->ring->packed)
			c->id = d.other;
	}
	if (d.flags & DESC_F_INDIRECT)
		return table_enter(c, &d) && descriptor_take(c);
	if (!!(d.flags & DESC_F_WRITE) != c->write)
		return broken(c, RING_FAULT_DIRECTION);
	if (d.size == 0)
		return broken(c, RING_FAULT_EMPTY);
	if (!is_mapped(c->ring, d.guest, d.size))
		return broken(c, RING_FAULT_ADDRESS);
	c->guest = d.guest;
	c->left = d.size;
	entry_after(c, &d);
	return true;
}

void ring_chain_begin(
	struct ring_chain *c, const struct ring *r, uint16_t head, bool wrap, bool write)
{
	*c = (struct ring_chain){
		.ring = r,
		.table = r->descriptors,
		.n_table = r->size,
		.next = head,
		.budget = r->size < CHAIN_MAX ? r->size : CHAIN_MAX,
		.more = true,
		.write = write,
		.wrap = wrap,
		.id = head,
	};
}

bool ring_chain_next(struct ring_chain *c, struct ring_piece *piece)
{
	const struct ring_region *region;
	uint64_t left;

	if (c->left == 0 && (!c->more || !descriptor_take(c)))
		return false;
	region = &c->ring->window;
	if (!ring_region_holds(region, c->guest, 1))
		region = ring_memory_find(c->ring->memory, c->guest);
	if (region == NULL)
		return broken(c, RING_FAULT_ADDRESS);
	left = ring_region_left(region, c->guest);
	piece->at = region->host + (c->guest - region->guest);
	piece->guest = c->guest;
	piece->size = left < c->left ? (uint32_t)left : c->left;
	c->guest += piece->size;
	c->left -= piece->size;
	return true;
}

bool ring_chain_finish(struct ring_chain *c)
{
	/* A split chain is known by its head, an indirect one by the slot it hangs on. */
	while (c->ring->packed && !c->indirect && c->more && descriptor_take(c))
		;
	return c->fault == RING_OK;
}

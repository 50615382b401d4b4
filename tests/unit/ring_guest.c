/* SPDX-License-Identifier: BSD-3-Clause */
#include "ring_guest.h"

#include <endian.h>
#include <linux/virtio_ring.h>
#include <stdlib.h>
#include <string.h>

#define DRIVER_AT 0x10000 /* in low */
#define DEVICE_AT 0x20000
#define LOG_SIZE  ((GUEST_FAR_BASE + GUEST_FAR) / RING_LOG_PAGE / 8)

#define F_AVAIL (1 << 7)
#define F_USED  (1 << 15)

static struct vring_avail *avail(const struct ring_guest *g)
{
	return (struct vring_avail *)(g->low + DRIVER_AT);
}

static struct vring_used *used(const struct ring_guest *g)
{
	return (struct vring_used *)(g->low + DEVICE_AT);
}

static struct vring_packed_desc *slot(const struct ring_guest *g, uint16_t at)
{
	return (struct vring_packed_desc *)g->low + at;
}

static void guest_open(struct ring_guest *g)
{
	const struct guest_options *o = &g->opt;

	ring_open(&g->ring, &(struct ring_setup){
				    .memory = &g->memory,
				    .descriptors = g->low,
				    .driver = g->low + DRIVER_AT,
				    .device = g->low + DEVICE_AT,
				    .size = o->size,
				    .next = g->avail,
				    .wrap = g->avail_wrap,
				    .packed = o->packed,
				    .mergeable = !o->one_block,
				    .event_index = o->event_index,
				    .indirect = o->indirect,
				    .short_header = o->short_header,
				    .log = {g->bits, o->log ? LOG_SIZE : 0},
				    .copier = o->copier,
			    });
}

struct ring_guest *ring_guest_create(const struct guest_options *opt)
{
	struct ring_guest *g = calloc(1, sizeof(*g));

	g->opt = *opt;
	g->low = aligned_alloc(4096, GUEST_LOW);
	g->high = aligned_alloc(4096, GUEST_HIGH);
	g->far = aligned_alloc(4096, GUEST_FAR);
	memset(g->low, 0, GUEST_LOW);
	memset(g->high, 0xee, GUEST_HIGH);
	memset(g->far, 0xee, GUEST_FAR);
	if (opt->log)
		g->bits = calloc(1, LOG_SIZE);
	ring_memory_init(&g->memory,
		(struct ring_region[]){
			{GUEST_FAR_BASE, GUEST_FAR, g->far},
			{GUEST_BASE, GUEST_LOW, g->low},
			{GUEST_BASE + GUEST_LOW, GUEST_HIGH, g->high},
		},
		3);
	g->avail = g->used = opt->packed ? opt->start & 0x7fff : opt->start;
	g->avail_wrap = g->used_wrap = opt->start >> 15;
	g->next_table = GUEST_TABLES;
	avail(g)->idx = used(g)->idx = opt->packed ? 0 : htole16(opt->start);
	/* Slots that were given back before: both bits as a used one has them. */
	for (uint16_t i = 0; opt->packed && i < opt->size; i++) {
		bool wrap = i < g->avail ? g->avail_wrap : !g->avail_wrap;

		slot(g, i)->flags = htole16(wrap ? F_AVAIL | F_USED : 0);
	}
	guest_open(g);
	return g;
}

void ring_guest_destroy(struct ring_guest *g)
{
	free(g->low);
	free(g->high);
	free(g->far);
	free(g->bits);
	free(g);
}

uint8_t *guest_at(const struct ring_guest *g, uint64_t at)
{
	if (at >= GUEST_FAR_BASE)
		return g->far + (at - GUEST_FAR_BASE);
	if (at >= GUEST_BASE + GUEST_LOW)
		return g->high + (at - GUEST_BASE - GUEST_LOW);
	return g->low + (at - GUEST_BASE);
}

void guest_read(const struct ring_guest *g, uint64_t at, void *to, uint32_t size)
{
	for (uint32_t i = 0; i < size; i++)
		((uint8_t *)to)[i] = *guest_at(g, at + i);
}

void guest_write(const struct ring_guest *g, uint64_t at, const void *from, uint32_t size)
{
	for (uint32_t i = 0; i < size; i++)
		*guest_at(g, at + i) = ((const uint8_t *)from)[i];
}

void guest_descriptor(const struct ring_guest *g, uint8_t *table, uint16_t at,
	struct guest_buffer buffer, uint16_t flags, uint16_t other)
{
	struct vring_desc *split = (struct vring_desc *)table + at;
	struct vring_packed_desc *packed = (struct vring_packed_desc *)table + at;

	split->addr = htole64(buffer.at);
	split->len = htole32(buffer.size);
	if (g->opt.packed) {
		packed->id = htole16(other);
		__atomic_store_n(&packed->flags, htole16(flags), __ATOMIC_RELEASE);
	} else {
		split->flags = htole16(flags);
		split->next = htole16(other);
	}
}

/* All but the first n - 1 go on; the table of an indirect chain ends with the last. */
static uint64_t table_build(
	struct ring_guest *g, const struct guest_buffer *buffers, uint16_t n, uint16_t flags)
{
	uint64_t at = g->next_table;

	for (uint16_t i = 0; i < n; i++) {
		bool more = i + 1 < n && !g->opt.packed;

		guest_descriptor(g, guest_at(g, at), i, buffers[i],
			(uint16_t)(flags | (more ? VRING_DESC_F_NEXT : 0)), (uint16_t)(i + 1));
	}
	g->next_table += (uint64_t)n * 16;
	if (g->next_table + 16 * GUEST_CHAIN_MAX > GUEST_BUFFERS)
		g->next_table = GUEST_TABLES;
	return at;
}

void guest_offer_head(struct ring_guest *g, uint16_t head)
{
	avail(g)->ring[g->avail % g->opt.size] = htole16(head);
	g->avail++;
	__atomic_store_n(&avail(g)->idx, htole16(g->avail), __ATOMIC_RELEASE);
}

static uint16_t split_offer(
	struct ring_guest *g, const struct guest_buffer *buffers, uint16_t n, uint16_t flags)
{
	uint16_t head = g->next_free;

	for (uint16_t i = 0; i < n; i++) {
		uint16_t next = (uint16_t)((g->next_free + 1) % g->opt.size);

		guest_descriptor(g, g->low, g->next_free, buffers[i],
			(uint16_t)(flags | (i + 1 < n ? VRING_DESC_F_NEXT : 0)), next);
		g->next_free = next;
	}
	guest_offer_head(g, head);
	return head;
}

/* The first slot's flags come last (2.8.21.1). */
static uint16_t packed_offer(
	struct ring_guest *g, const struct guest_buffer *buffers, uint16_t n, uint16_t flags)
{
	uint16_t id = g->next_id, first = g->avail, first_flags = 0;

	g->next_id = (uint16_t)((g->next_id + 7) % g->opt.size);
	for (uint16_t i = 0; i < n; i++) {
		uint16_t f = (uint16_t)(flags | (i + 1 < n ? VRING_DESC_F_NEXT : 0) |
					(g->avail_wrap ? F_AVAIL : F_USED));

		if (i == 0)
			first_flags = f;
		else
			guest_descriptor(g, g->low, g->avail, buffers[i], f, id);
		if (++g->avail == g->opt.size) {
			g->avail = 0;
			g->avail_wrap = !g->avail_wrap;
		}
	}
	guest_descriptor(g, g->low, first, buffers[0], first_flags, id);
	return id;
}

uint16_t guest_offer(struct ring_guest *g, const struct guest_buffer *buffers, uint16_t n,
	bool write, bool indirect)
{
	uint16_t flags = write ? VRING_DESC_F_WRITE : 0;
	struct guest_chain chain = {.n = n, .n_slots = indirect ? 1 : n};
	struct guest_buffer table;
	uint16_t id;

	memcpy(chain.buffers, buffers, n * sizeof(*buffers));
	if (indirect) {
		table = (struct guest_buffer){table_build(g, buffers, n, flags), n * 16u};
		buffers = &table;
		n = 1;
		flags = VRING_DESC_F_INDIRECT;
	}
	id = g->opt.packed ? packed_offer(g, buffers, n, flags) : split_offer(g, buffers, n, flags);
	g->chains[id] = chain;
	return id;
}

bool guest_used(struct ring_guest *g, uint16_t *id, uint32_t *size)
{
	const struct vring_used_elem *elem = &used(g)->ring[g->used % g->opt.size];
	uint16_t flags;

	if (!g->opt.packed) {
		if (le16toh(__atomic_load_n(&used(g)->idx, __ATOMIC_ACQUIRE)) == g->used)
			return false;
		*id = (uint16_t)le32toh(elem->id);
		*size = le32toh(elem->len);
		g->used++;
		return true;
	}
	flags = le16toh(__atomic_load_n(&slot(g, g->used)->flags, __ATOMIC_ACQUIRE));
	if (!(flags & F_AVAIL) != !(flags & F_USED) || !!(flags & F_USED) != g->used_wrap)
		return false;
	*id = le16toh(slot(g, g->used)->id);
	*size = le32toh(slot(g, g->used)->len);
	g->used = (uint16_t)(g->used + g->chains[*id % GUEST_RING_MAX].n_slots);
	if (g->used >= g->opt.size) {
		g->used = (uint16_t)(g->used - g->opt.size);
		g->used_wrap = !g->used_wrap;
	}
	return true;
}

/* Octets [skip, size) of a chain. */
static uint32_t chain_read(
	const struct ring_guest *g, uint16_t id, uint32_t skip, uint32_t size, uint8_t *to)
{
	const struct guest_chain *chain = &g->chains[id];
	uint32_t before = 0, n = 0;

	for (uint16_t i = 0; i < chain->n && before < size; i++) {
		const struct guest_buffer *b = &chain->buffers[i];

		for (uint32_t j = 0; j < b->size && before < size; j++, before++) {
			if (before >= skip)
				to[n++] = *guest_at(g, b->at + j);
		}
	}
	return n;
}

static bool header_is_sound(const struct ring_guest *g, const uint8_t *header, uint16_t *n)
{
	*n = g->opt.short_header ? 1 : (uint16_t)(header[10] | header[11] << 8);
	for (int i = 0; i < 10; i++) {
		if (header[i] != 0)
			return false;
	}
	return *n > 0 && (*n == 1 || !g->opt.one_block);
}

int guest_receive(struct ring_guest *g, uint8_t *frame, uint32_t room)
{
	uint32_t header_size = g->opt.short_header ? 10 : 12, size, got = 0;
	uint16_t id, n = 1;
	uint8_t header[12];

	for (uint16_t i = 0; i < n; i++) {
		uint32_t skip = i == 0 ? header_size : 0;

		if (!guest_used(g, &id, &size) || id >= GUEST_RING_MAX || size < skip ||
			got + size - skip > room)
			return -1;
		if (i == 0 && (chain_read(g, id, 0, header_size, header) != header_size ||
				      !header_is_sound(g, header, &n)))
			return -1;
		if (chain_read(g, id, skip, size, frame + got) != size - skip)
			return -1;
		got += size - skip;
	}
	return (int)got;
}

void guest_want(struct ring_guest *g, bool want)
{
	struct vring_packed_desc_event *event = (void *)avail(g);

	if (g->opt.packed)
		event->flags = htole16(
			want ? VRING_PACKED_EVENT_FLAG_ENABLE : VRING_PACKED_EVENT_FLAG_DISABLE);
	else
		avail(g)->flags = htole16(want ? 0 : VRING_AVAIL_F_NO_INTERRUPT);
}

void guest_want_event(struct ring_guest *g, uint16_t at, bool wrap)
{
	struct vring_packed_desc_event *event = (void *)avail(g);

	if (g->opt.packed) {
		event->off_wrap = htole16((uint16_t)(at | (wrap ? 1u << 15 : 0)));
		event->flags = htole16(VRING_PACKED_EVENT_FLAG_DESC);
	} else {
		avail(g)->ring[g->opt.size] = htole16(at);
	}
}

bool guest_is_logged(const struct ring_guest *g, uint64_t at)
{
	return g->bits[at / RING_LOG_PAGE / 8] >> at / RING_LOG_PAGE % 8 & 1;
}

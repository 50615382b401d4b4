/* SPDX-License-Identifier: BSD-3-Clause */
#include "port/ring_private.h"

/*
 * Packed rings, virtio 1.2 section 2.8: one ring of descriptors that both sides write. A slot is
 * available when its AVAIL bit equals the wrap counter and its USED bit does not; it is given back
 * by writing both equal to the counter.
 *
 * The driver looks at slots in order. So the used elements of a burst may be written as they come,
 * but for the first, which is written last and makes all of them public at once.
 */
#define EVENT_FLAGS   2
#define EVENT_ENABLE  0
#define EVENT_DISABLE 1
#define EVENT_DESC    2
#define EVENT_WRAP    (1u << 15)
#define WORD_ID(w)    ((uint16_t)((w) >> 32))
#define WORD_FLAGS(w) ((uint16_t)((w) >> 48))
#define FLAGS_SHORT   (DESC_F_NEXT | DESC_F_WRITE | DESC_F_INDIRECT)
#define FLAGS_WRAP    (DESC_F_AVAIL | DESC_F_USED)

/* AVAIL and USED of a slot that is available, or used, while the counter is wrap. */
static uint16_t flags_available(bool wrap)
{
	return wrap ? DESC_F_AVAIL : DESC_F_USED;
}

static uint16_t flags_used(bool wrap)
{
	return wrap ? FLAGS_WRAP : 0;
}

static uint8_t *slot(const struct ring *r, uint32_t at)
{
	return r->descriptors + (uint64_t)at * RING_DESCRIPTOR;
}

/* Length, id and flags, read as one; the address must be read after it. */
static uint64_t slot_load(const uint8_t *at)
{
	return le64toh(__atomic_load_n((const uint64_t *)(at + 8), __ATOMIC_ACQUIRE));
}

static bool packed_begin(struct ring *r, struct ring_burst *b)
{
	uint16_t flags = WORD_FLAGS(slot_load(slot(r, r->next)));

	b->next = r->next;
	b->wrap = r->wrap;
	b->holds = false;
	return (flags & FLAGS_WRAP) == flags_available(r->wrap);
}

static void packed_advance(const struct ring *r, struct ring_burst *b, uint16_t n_slots)
{
	uint32_t next = (uint32_t)b->next + n_slots;

	if (next >= r->size) {
		next -= r->size;
		b->wrap = !b->wrap;
	}
	b->next = (uint16_t)next;
}

static void slot_use(struct ring *r, struct ring_burst *b, uint64_t word)
{
	if (b->holds) {
		ring_store64(slot(r, b->next) + 8, word);
		return;
	}
	b->holds = true;
	b->first = b->next;
	b->first_word = word;
}

static uint64_t used_word(const struct ring_burst *b, uint16_t id, uint32_t size, bool write)
{
	uint16_t flags = (uint16_t)(flags_used(b->wrap) | (write ? DESC_F_WRITE : 0));

	return size | (uint64_t)id << 32 | (uint64_t)flags << 48;
}

/* Guest memory at [guest, guest + size), or NULL: not in one region. */
static uint8_t *mapped(struct ring *r, uint64_t guest, uint64_t size)
{
	if (__builtin_expect(!ring_region_holds(&r->window, guest, size), 0) &&
		!ring_window_move(r, guest, size))
		return NULL;
	return r->window.host + (guest - r->window.guest);
}

static uint16_t packed_targets(struct ring *r, struct ring_burst *b,
	const struct ring_frame *frames, struct ring_target *targets, uint16_t n, bool stream)
{
	uint16_t i;

	for (i = 0; i < n; i++) {
		const uint8_t *at = slot(r, b->next);
		uint64_t word = slot_load(at);
		uint32_t image = RING_HEADER + frames[i].size, room = (uint32_t)word;

		if ((WORD_FLAGS(word) & (FLAGS_SHORT | FLAGS_WRAP)) !=
				(DESC_F_WRITE | flags_available(b->wrap)) ||
			room < image)
			break;
		targets[i].to = mapped(r, ring_load64(at), room);
		targets[i].room = room;
		if (targets[i].to == NULL)
			break;
		if (!stream)
			ring_prefetch(targets[i].to);
		slot_use(r, b, used_word(b, WORD_ID(word), image, true));
		packed_advance(r, b, 1);
	}
	return i;
}

static uint16_t packed_sources(struct ring *r, struct ring_burst *b, const struct ring_room *rooms,
	struct ring_frame *frames, uint16_t n)
{
	uint16_t i;

	for (i = 0; i < n; i++) {
		const uint8_t *at = slot(r, b->next), *data;
		uint64_t word = slot_load(at);
		uint32_t image = (uint32_t)word;

		if ((WORD_FLAGS(word) & (FLAGS_SHORT | FLAGS_WRAP)) != flags_available(b->wrap) ||
			image <= RING_HEADER || image - RING_HEADER > rooms[i].size)
			break;
		data = mapped(r, ring_load64(at), image);
		if (data == NULL)
			break;
		frames[i].data = data + RING_HEADER;
		frames[i].size = image - RING_HEADER;
		slot_use(r, b, used_word(b, WORD_ID(word), 0, false));
		packed_advance(r, b, 1);
	}
	return i;
}

static bool packed_chain_open(
	struct ring *r, const struct ring_burst *b, bool write, struct ring_chain *c)
{
	uint16_t flags = WORD_FLAGS(slot_load(slot(r, b->next)));

	if ((flags & FLAGS_WRAP) != flags_available(b->wrap))
		return false;
	ring_chain_begin(c, r, b->next, b->wrap, write);
	return true;
}

static void packed_use(struct ring *r, struct ring_burst *b, const struct ring_used *used)
{
	slot_use(r, b, used_word(b, used->id, used->size, used->size > 0));
	if (r->log.bits != NULL)
		ring_log_write(&r->log, r->descriptors_guest + (uint64_t)b->next * RING_DESCRIPTOR,
			RING_DESCRIPTOR);
	packed_advance(r, b, used->n_slots);
}

static void packed_end(struct ring *r, const struct ring_burst *b)
{
	if (!b->holds)
		return;
	__atomic_store_n(
		(uint64_t *)(slot(r, b->first) + 8), htole64(b->first_word), __ATOMIC_RELEASE);
	if (r->log.bits != NULL)
		ring_log_write(&r->log, r->descriptors_guest + (uint64_t)b->first * RING_DESCRIPTOR,
			RING_DESCRIPTOR);
	r->next = b->next;
	r->wrap = b->wrap;
	r->unsignalled = true;
}

/* 2.8.14: the driver's event area holds the slot and wrap counter it waits for, then flags. */
static bool packed_kick_wanted(struct ring *r)
{
	uint32_t area = le32toh(__atomic_load_n((const uint32_t *)r->driver, __ATOMIC_ACQUIRE));
	uint16_t flags = (uint16_t)(area >> 16) & 3, event = (uint16_t)(area & ~EVENT_WRAP);
	uint16_t before = r->signalled;
	bool first = !r->signalled_once;

	r->signalled = r->next;
	r->signalled_once = true;
	if (flags != EVENT_DESC || !r->event_index)
		return flags != EVENT_DISABLE;
	/* Positions as if the ring had no end: what lies behind us is a ring's length lower. */
	if (r->next <= before)
		before = (uint16_t)(before - r->size);
	if (!!(area & EVENT_WRAP) != r->wrap)
		event = (uint16_t)(event - r->size);
	return first || ring_event_passed(event, r->next, before);
}

static void packed_quiet(struct ring *r)
{
	ring_store16(r->device + EVENT_FLAGS, EVENT_DISABLE);
	if (r->log.bits != NULL)
		ring_log_write(&r->log, r->device_guest, 4);
}

static uint16_t packed_waiting(const struct ring *r, uint16_t max)
{
	uint32_t at = r->next;
	bool wrap = r->wrap;
	uint16_t n;

	for (n = 0; n < max && n < r->size; n++) {
		if ((WORD_FLAGS(slot_load(slot(r, at))) & FLAGS_WRAP) != flags_available(wrap))
			break;
		if (++at == r->size) {
			at = 0;
			wrap = !wrap;
		}
	}
	return n;
}

const struct ring_layout ring_layout_packed = {
	.begin = packed_begin,
	.targets = packed_targets,
	.sources = packed_sources,
	.chain_open = packed_chain_open,
	.advance = packed_advance,
	.use = packed_use,
	.end = packed_end,
	.kick_wanted = packed_kick_wanted,
	.quiet = packed_quiet,
	.waiting = packed_waiting,
};

/* SPDX-License-Identifier: BSD-3-Clause */
#include "port/ring_private.h"

/*
 * Split rings, virtio 1.2 section 2.7: a table of descriptors, a ring of indices the driver makes
 * available, a ring of those the device has used.
 */
#define AVAIL_INDEX   2
#define AVAIL_RING    4
#define AVAIL_F_QUIET 1 /* VIRTQ_AVAIL_F_NO_INTERRUPT */
#define USED_INDEX    2
#define USED_RING     4
#define USED_ELEMENT  8
#define USED_F_QUIET  1 /* VIRTQ_USED_F_NO_NOTIFY */

static uint16_t split_offered(const struct ring *r)
{
	return le16toh(
		__atomic_load_n((const uint16_t *)(r->driver + AVAIL_INDEX), __ATOMIC_ACQUIRE));
}

static bool split_begin(struct ring *r, struct ring_burst *b)
{
	b->next = r->next;
	b->left = (uint16_t)(split_offered(r) - r->next);
	if (b->left > r->size)
		r->fault = RING_FAULT_AVAIL;
	return b->left > 0 && r->fault == RING_OK;
}

static uint16_t split_targets(struct ring *r, struct ring_burst *b, const struct ring_frame *frames,
	struct ring_target *targets, uint16_t n, bool stream)
{
	const uint8_t *avail = r->driver + AVAIL_RING, *table = r->descriptors;
	uint8_t *used = r->device + USED_RING;
	struct ring_region window = r->window;
	uint32_t size = r->size, mask = size - 1, next = b->next;
	uint16_t i;

	if (n > b->left)
		n = b->left;
	for (i = 0; i < n; i++, next++) {
		uint32_t head = ring_load16(avail + 2 * (next & mask));
		uint32_t image = RING_HEADER + frames[i].size, room;
		uint64_t guest, word;

		if (head >= size)
			break;
		guest = ring_load64(table + RING_DESCRIPTOR * head);
		word = ring_load64(table + RING_DESCRIPTOR * head + 8);
		room = (uint32_t)word;
		/* Writable, not chained, not indirect; what is wrong is found the long way. */
		if ((word >> 32 & (DESC_F_NEXT | DESC_F_WRITE | DESC_F_INDIRECT)) != DESC_F_WRITE ||
			room < image)
			break;
		if (__builtin_expect(!ring_region_holds(&window, guest, room), 0)) {
			if (!ring_window_move(r, guest, room))
				break;
			window = r->window;
		}
		targets[i].to = window.host + (guest - window.guest);
		targets[i].room = room;
		if (!stream)
			ring_prefetch(targets[i].to);
		ring_store64(used + USED_ELEMENT * (next & mask), head | (uint64_t)image << 32);
	}
	b->next = (uint16_t)next;
	b->left = (uint16_t)(b->left - i);
	return i;
}

static uint16_t split_sources(struct ring *r, struct ring_burst *b, const struct ring_room *rooms,
	struct ring_frame *frames, uint16_t n)
{
	uint32_t size = r->size, mask = size - 1;
	uint16_t i;

	if (n > b->left)
		n = b->left;
	for (i = 0; i < n; i++, b->next++) {
		uint32_t head = ring_load16(r->driver + AVAIL_RING + 2 * (b->next & mask)), image;
		uint64_t guest, word;

		if (head >= size)
			break;
		guest = ring_load64(r->descriptors + RING_DESCRIPTOR * head);
		word = ring_load64(r->descriptors + RING_DESCRIPTOR * head + 8);
		image = (uint32_t)word;
		if ((word >> 32 & (DESC_F_NEXT | DESC_F_WRITE | DESC_F_INDIRECT)) != 0 ||
			image <= RING_HEADER || image - RING_HEADER > rooms[i].size)
			break;
		if (!ring_region_holds(&r->window, guest, image) &&
			!ring_window_move(r, guest, image))
			break;
		frames[i].data = r->window.host + (guest - r->window.guest) + RING_HEADER;
		frames[i].size = image - RING_HEADER;
		ring_store64(r->device + USED_RING + USED_ELEMENT * (b->next & mask), head);
	}
	b->left = (uint16_t)(b->left - i);
	return i;
}

static bool split_chain_open(
	struct ring *r, const struct ring_burst *b, bool write, struct ring_chain *c)
{
	uint16_t head;

	if (b->left == 0)
		return false;
	head = ring_load16(r->driver + AVAIL_RING + 2 * (b->next & (r->size - 1)));
	ring_chain_begin(c, r, head, false, write);
	return true;
}

static void split_advance(const struct ring *r, struct ring_burst *b, uint16_t n_slots)
{
	b->next++;
	b->left--;
}

static void split_use(struct ring *r, struct ring_burst *b, const struct ring_used *used)
{
	uint32_t at = USED_RING + USED_ELEMENT * (b->next & (r->size - 1));

	ring_store64(r->device + at, used->id | (uint64_t)used->size << 32);
	if (r->log.bits != NULL)
		ring_log_write(&r->log, r->device_guest + at, USED_ELEMENT);
	split_advance(r, b, 1);
}

static void split_end(struct ring *r, const struct ring_burst *b)
{
	if (b->next == r->next)
		return;
	__atomic_store_n((uint16_t *)(r->device + USED_INDEX), htole16(b->next), __ATOMIC_RELEASE);
	if (r->log.bits != NULL)
		ring_log_write(&r->log, r->device_guest + USED_INDEX, sizeof(uint16_t));
	r->next = b->next;
	r->unsignalled = true;
}

static bool split_kick_wanted(struct ring *r)
{
	uint16_t before = r->signalled;
	bool first = !r->signalled_once;

	r->signalled = r->next;
	r->signalled_once = true;
	if (!r->event_index)
		return !(ring_load16(r->driver) & AVAIL_F_QUIET);
	return first || ring_event_passed(
				ring_load16(r->driver + AVAIL_RING + 2 * r->size), r->next, before);
}

static void split_quiet(struct ring *r)
{
	/* With event index the flag means nothing; there the event we leave in the past does it. */
	ring_store16(r->device, r->event_index ? 0 : USED_F_QUIET);
	if (r->event_index)
		ring_store16(
			r->device + USED_RING + USED_ELEMENT * r->size, (uint16_t)(r->next - 1));
	if (r->log.bits != NULL)
		ring_log_write(&r->log, r->device_guest, USED_RING + USED_ELEMENT * r->size + 2);
}

static uint16_t split_waiting(const struct ring *r, uint16_t max)
{
	uint16_t n = (uint16_t)(split_offered(r) - r->next);

	return n < max ? n : max;
}

const struct ring_layout ring_layout_split = {
	.begin = split_begin,
	.targets = split_targets,
	.sources = split_sources,
	.chain_open = split_chain_open,
	.advance = split_advance,
	.use = split_use,
	.end = split_end,
	.kick_wanted = split_kick_wanted,
	.quiet = split_quiet,
	.waiting = split_waiting,
};

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A guest that means harm, at its ring. The input is the guest: how the ring is set up, what its
 * memory holds, and a script of what it does between our bursts. Guest memory, frames, rooms and
 * log are blocks of their own from malloc, so AddressSanitizer is the red zone round each of them.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "port/ring.h"
#include "port/ring_copy.h"

#define MAIN_AT   0x1000 /* guest addresses: main and next follow each other */
#define MAIN_SIZE 2048
#define NEXT_SIZE 700
#define FAR_AT    0x10000
#define FAR_SIZE  300
#define LOG_SIZE  2
#define BURST     6
#define ROOM      900

/* In main. */
#define DRIVER_AT 512
#define DEVICE_AT 768
#define TABLE_AT  1024

struct scene {
	const uint8_t *script;
	size_t left;
	uint8_t *main, *next, *far, *bits;
	struct ring_memory memory;
	struct ring ring;
	uint32_t n_entries;
	bool packed;
};

static void must(bool holds)
{
	if (!holds)
		abort();
}

static uint32_t take(struct scene *s, unsigned int n_octets)
{
	uint32_t v = 0;

	while (n_octets-- > 0 && s->left > 0) {
		v = v << 8 | *s->script++;
		s->left--;
	}
	return v;
}

/* --- what the guest does --- */

/* An address that is likely to be one. */
static uint64_t address(uint32_t code)
{
	switch (code >> 14) {
	case 0:
		return MAIN_AT + code % (MAIN_SIZE + NEXT_SIZE + 16);
	case 1:
		return FAR_AT - 8 + code % (FAR_SIZE + 16);
	case 2:
		return MAIN_AT + TABLE_AT + code % 64 * 16;
	default:
		return UINT64_MAX - code % 4096;
	}
}

/* A descriptor in the ring or in a table: packed ones get the bits of a slot that is on offer. */
static void descriptor_write(struct scene *s, bool table)
{
	uint32_t at = take(s, 1) % (table ? 64 : s->n_entries), flags = take(s, 1);
	uint64_t guest = address(take(s, 2));
	uint32_t size = take(s, 2), other = take(s, 1) % (s->n_entries + 1);
	uint8_t *d = s->main + (table ? TABLE_AT : 0) + 16 * at;
	uint16_t low, high;

	size = flags & 0x80 ? size << 16 | size : size & 0x3ff;
	if (flags & 0x40)
		size &= ~15u;
	low = (uint16_t)(flags & 7);
	high = (uint16_t)other;
	if (s->packed) {
		high = (uint16_t)(low | (flags & 8 ? 0x8000 : 0x80));
		low = (uint16_t)other;
	}
	memcpy(d, &guest, 8);
	memcpy(d + 8, &size, 4);
	memcpy(d + 12, &low, 2);
	memcpy(d + 14, &high, 2);
}

static void available(struct scene *s)
{
	uint32_t n = take(s, 1);
	uint16_t idx, head;

	memcpy(&idx, s->main + DRIVER_AT + 2, 2);
	for (uint32_t i = 0; i < n % 8 && !s->packed; i++, idx++) {
		head = (uint16_t)(n & 0x80 ? take(s, 1) : take(s, 1) % s->n_entries);
		memcpy(s->main + DRIVER_AT + 4 + 2 * (idx % s->n_entries), &head, 2);
	}
	if (n == 0xff)
		idx = (uint16_t)take(s, 2);
	memcpy(s->main + DRIVER_AT + 2, &idx, 2);
}

static void scribble(struct scene *s)
{
	uint32_t at = take(s, 2), n = take(s, 1) % 32;

	for (uint32_t i = 0; i < n; i++)
		s->main[(at + i) % MAIN_SIZE] = (uint8_t)take(s, 1);
}

/* --- what we do --- */

static void enqueue(struct scene *s)
{
	uint32_t code = take(s, 1), octets = 0;
	struct ring_frame frames[BURST];
	uint8_t *data[BURST];
	struct ring_done done;
	uint64_t unfit = s->ring.n_unfit;
	uint16_t n = (uint16_t)(1 + code % BURST);

	for (uint16_t i = 0; i < n; i++) {
		frames[i].size = 1 + take(s, 2) % (code & 0x40 ? 9018 : 200);
		octets += frames[i].size;
		frames[i].data = data[i] = malloc(frames[i].size);
		memset(data[i], 0xab, frames[i].size);
	}
	done = ring_enqueue(&s->ring, frames, n, code & 0x80);
	must(done.n + (s->ring.n_unfit - unfit) <= n && done.octets <= octets);
	for (uint16_t i = 0; i < n; i++)
		free(data[i]);
}

static void dequeue(struct scene *s)
{
	struct ring_room rooms[BURST];
	uint8_t *data[BURST];
	uint16_t n;

	for (uint16_t i = 0; i < BURST; i++) {
		rooms[i].size = 1 + take(s, 1) * 4 % ROOM;
		rooms[i].data = data[i] = malloc(rooms[i].size);
	}
	n = ring_dequeue(&s->ring, rooms, BURST);
	must(n <= BURST);
	for (uint16_t i = 0; i < BURST; i++) {
		must(rooms[i].data == data[i] && (i >= n || rooms[i].size > 0));
		/* Were they written, and no further than said? */
		for (uint32_t k = 0; i < n && k < rooms[i].size; k++)
			data[i][k] ^= 1;
		free(data[i]);
	}
}

static void step(struct scene *s)
{
	enum ring_fault before = s->ring.fault;

	switch (take(s, 1) % 8) {
	case 0:
	case 1:
		descriptor_write(s, false);
		break;
	case 2:
		descriptor_write(s, true);
		break;
	case 3:
		available(s);
		break;
	case 4:
		enqueue(s);
		break;
	case 5:
		dequeue(s);
		break;
	case 6:
		scribble(s);
		break;
	default:
		ring_kick_wanted(&s->ring);
		must(ring_waiting(&s->ring, BURST) <= BURST);
	}
	must(before == RING_OK || s->ring.fault == before);
}

/* --- */

static void scene_open(struct scene *s)
{
	const struct ring_copier *const *copiers;
	unsigned int n_copiers = ring_copiers(&copiers);
	uint32_t flags = take(s, 1), size = take(s, 1), start = take(s, 2);

	s->packed = flags & 1;
	s->n_entries = s->packed ? 1 + size % 20 : 1u << size % 5;
	s->main = calloc(1, MAIN_SIZE);
	s->next = calloc(1, NEXT_SIZE);
	s->far = calloc(1, FAR_SIZE);
	s->bits = calloc(1, LOG_SIZE);
	must(ring_memory_init(&s->memory,
		     (struct ring_region[]){{FAR_AT, FAR_SIZE, s->far},
			     {MAIN_AT, MAIN_SIZE, s->main},
			     {MAIN_AT + MAIN_SIZE, NEXT_SIZE, s->next}},
		     3) == RING_OK);
	for (uint32_t at = 0; at < s->n_entries * 16; at += 16)
		s->main[at + 12] = 2; /* all writable, nowhere */
	if (!s->packed)
		memcpy(s->main + DRIVER_AT + 2, &(uint16_t){(uint16_t)start}, 2);
	ring_open(&s->ring, &(struct ring_setup){
				    .memory = &s->memory,
				    .descriptors = s->main,
				    .driver = s->main + DRIVER_AT,
				    .device = s->main + DEVICE_AT,
				    .size = s->n_entries,
				    .next = (uint16_t)(s->packed ? start % s->n_entries : start),
				    .wrap = start & 0x8000,
				    .packed = s->packed,
				    .mergeable = flags & 2,
				    .event_index = flags & 4,
				    .indirect = flags & 8,
				    .short_header = (flags & 0x12) == 0x10,
				    .log = {flags & 0x20 ? s->bits : NULL, LOG_SIZE},
				    .copier = copiers[(flags >> 6) % n_copiers],
			    });
	must(s->ring.fault == RING_OK);
	ring_quiet(&s->ring);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct scene s = {.script = data, .left = size};

	scene_open(&s);
	while (s.left > 0)
		step(&s);
	free(s.main);
	free(s.next);
	free(s.far);
	free(s.bits);
	return 0;
}

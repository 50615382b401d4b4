/* SPDX-License-Identifier: BSD-3-Clause */
/* Rings and honest guests: every layout, every shape of buffers, both directions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "port/ring_copy.h"
#include "ring_guest.h"

#define FRAME_MAX 9018
#define BURST     8

/* Frame number i of a stream: its size walks through `sizes`, its octets tell number and place. */
static const uint32_t sizes[] = {60, 64, 14, 1514, 65, 128, 590, 115, 4, 116, 9018, 52, 53, 9000};

static uint32_t frame_build(uint8_t *frame, uint32_t number, uint32_t max)
{
	uint32_t size = sizes[number % (sizeof(sizes) / sizeof(sizes[0]))];

	if (size > max)
		size = max;
	for (uint32_t i = 0; i < size; i++)
		frame[i] = (uint8_t)(number * 31 + i * 7 + (i >> 8));
	return size;
}

/* How a driver lays out its buffers, receive and transmit alike. */
enum shape { WHOLE, HEADER_APART, THREE, SMALL, ACROSS, FAR, N_SHAPES };

static uint16_t shape_buffers(
	enum shape shape, uint32_t number, uint32_t size, struct guest_buffer *b)
{
	uint64_t at = GUEST_BUFFERS +
		      (shape == SMALL ? number % 64 * 0x200 : number % 16 * 0x4000) + number % 3;

	switch (shape) {
	case HEADER_APART: /* octets of the header in two places, even */
		b[0] = (struct guest_buffer){at, 11};
		b[1] = (struct guest_buffer){at + 100, size - 11};
		return 2;
	case THREE:
		b[0] = (struct guest_buffer){at, 12};
		b[1] = (struct guest_buffer){at + 64, 1};
		b[2] = (struct guest_buffer){at + 128, size - 13};
		return 3;
	case ACROSS:
		b[0] = (struct guest_buffer){GUEST_BASE + GUEST_LOW - 30 - number % 16, size};
		return 1;
	case FAR:
		b[0] = (struct guest_buffer){
			number % 2 ? GUEST_FAR_BASE + number % 4 * 0x3000 : at, size};
		return 1;
	default:
		b[0] = (struct guest_buffer){at, size};
		return 1;
	}
}

struct traffic {
	struct guest_options opt;
	enum shape shape;
	bool indirect, stream;
};

/* Offers, writes and receives one burst after the other, twice round the ring. */
static void receive_run(const struct traffic *t)
{
	struct ring_guest *g = ring_guest_create(&t->opt);
	static uint8_t data[BURST][FRAME_MAX], got[FRAME_MAX];
	uint32_t room = t->shape == SMALL ? 100 : FRAME_MAX + 12, number = 0, offered = 0;
	/* Buffers at work lie in 16 places, or one. */
	uint16_t n = t->shape == ACROSS ? 1 : t->opt.size < 16 ? 1 : 4;

	assert_int_equal(g->ring.fault, RING_OK);
	while (number < 2u * t->opt.size) {
		struct ring_frame frames[BURST];
		struct guest_buffer b[4];
		uint32_t octets = 0, wanted = 0;
		struct ring_done done;

		for (uint16_t i = 0; i < n; i++) {
			frames[i].size = frame_build(
				data[i], number + i, t->shape == SMALL ? 700 : FRAME_MAX);
			frames[i].data = data[i];
			octets += frames[i].size;
			wanted += t->shape == SMALL ? (frames[i].size + 12 + 99) / 100 : 1;
		}
		for (uint32_t i = 0; i < wanted; i++, offered++)
			guest_offer(
				g, b, shape_buffers(t->shape, offered, room, b), true, t->indirect);
		done = ring_enqueue(&g->ring, frames, n, t->stream);
		assert_int_equal(g->ring.fault, RING_OK);
		assert_int_equal(done.n, n);
		assert_int_equal(done.octets, octets);
		for (uint16_t i = 0; i < n; i++, number++) {
			assert_int_equal(guest_receive(g, got, FRAME_MAX), frames[i].size);
			assert_memory_equal(got, data[i], frames[i].size);
		}
		assert_int_equal(ring_enqueue(&g->ring, frames, n, t->stream).n, 0);
	}
	ring_guest_destroy(g);
}

static void transmit_run(const struct traffic *t)
{
	struct ring_guest *g = ring_guest_create(&t->opt);
	static uint8_t data[FRAME_MAX], got[BURST][FRAME_MAX];
	uint32_t header = t->opt.short_header ? 10 : 12, number = 0;
	uint16_t n = t->shape == ACROSS ? 1 : t->opt.size < 16 ? 1 : 4;

	while (number < 2u * t->opt.size) {
		struct ring_room rooms[BURST];
		uint16_t ids[BURST];

		for (uint16_t i = 0; i < n; i++) {
			uint32_t size = frame_build(data, number + i, FRAME_MAX), at = 0;
			struct guest_buffer b[4];
			uint16_t k = shape_buffers(t->shape, number + i, size + header, b);

			for (uint16_t j = 0; j < k; j++) {
				for (uint32_t o = 0; o < b[j].size; o++, at++)
					*guest_at(g, b[j].at + o) =
						at < header ? 0x55 : data[at - header];
			}
			ids[i] = guest_offer(g, b, k, false, t->indirect);
			rooms[i] = (struct ring_room){got[i], FRAME_MAX};
		}
		for (uint16_t i = n; i < BURST; i++)
			rooms[i] = (struct ring_room){got[i], FRAME_MAX};
		assert_in_range(ring_waiting(&g->ring, 2), n < 2 ? n : 2, 2);
		assert_int_equal(ring_dequeue(&g->ring, rooms, BURST), n);
		assert_int_equal(g->ring.fault, RING_OK);
		for (uint16_t i = 0; i < n; i++, number++) {
			uint32_t size = frame_build(data, number, FRAME_MAX), used;
			uint16_t id;

			assert_int_equal(rooms[i].size, size);
			assert_memory_equal(got[i], data, size);
			assert_true(guest_used(g, &id, &used));
			assert_int_equal(id, ids[i]);
		}
		assert_int_equal(ring_waiting(&g->ring, 2), 0);
	}
	ring_guest_destroy(g);
}

/* Every combination that makes sense. */
static void combinations(void (*run)(const struct traffic *t), bool receive)
{
	const struct ring_copier *const *copiers;
	unsigned int n_copiers = ring_copiers(&copiers);

	for (unsigned int bits = 0; bits < 256; bits++) {
		struct traffic t = {
			.opt = {.packed = bits & 1,
				.size = bits & 2   ? 64
					: bits & 1 ? 7
						   : 8,
				.start = bits & 1 ? 0x8003 : 65533,
				.one_block = bits & 4,
				.event_index = bits & 8,
				.indirect = bits & 16,
				.short_header = (bits & 36) == 36,
				.log = bits & 64,
				.copier = copiers[bits % n_copiers]},
			.indirect = bits & 16,
			.stream = bits & 128,
		};

		for (t.shape = WHOLE; t.shape < N_SHAPES; t.shape++) {
			if (t.shape == SMALL && (!receive || t.opt.one_block || t.opt.size < 32))
				continue;
			run(&t);
		}
	}
}

static void frames_reach_the_guest(void **state)
{
	combinations(receive_run, true);
}

static void frames_come_from_the_guest(void **state)
{
	combinations(transmit_run, false);
}

/* A frame takes all of its buffers or none, and what is missing costs later frames nothing. */
static void a_frame_is_not_cut(void **state)
{
	for (int packed = 0; packed < 2; packed++) {
		struct ring_guest *g = ring_guest_create(&(struct guest_options){
			.packed = packed, .size = 16, .start = packed ? 0x8000 : 0});
		static uint8_t data[1500], got[1500];
		const struct ring_frame frame = {data, 300};

		for (unsigned int i = 0; i < 3; i++)
			guest_offer(g, &(struct guest_buffer){GUEST_BUFFERS + i * 256, 100}, 1,
				true, false);
		assert_int_equal(ring_enqueue(&g->ring, &frame, 1, false).n, 0);
		assert_int_equal(guest_receive(g, got, sizeof(got)), -1);
		guest_offer(
			g, &(struct guest_buffer){GUEST_BUFFERS + 3 * 256, 100}, 1, true, false);
		assert_int_equal(ring_enqueue(&g->ring, &frame, 1, false).n, 1);
		assert_int_equal(guest_receive(g, got, sizeof(got)), 300);
		ring_guest_destroy(g);
	}
}

/* Without mergeable buffers a frame that is too long for its buffer is left out, and the next one
 * gets the buffer. */
static void a_frame_that_cannot_fit(void **state)
{
	for (int packed = 0; packed < 2; packed++) {
		struct ring_guest *g = ring_guest_create(&(struct guest_options){.packed = packed,
			.size = 16,
			.start = packed ? 0x8000 : 0,
			.one_block = true});
		static uint8_t data[1500], got[1500];
		const struct ring_frame frames[] = {{data, 60}, {data, 1500}, {data, 70}};
		struct ring_done done;

		for (unsigned int i = 0; i < 2; i++)
			guest_offer(g, &(struct guest_buffer){GUEST_BUFFERS + i * 256, 100}, 1,
				true, false);
		done = ring_enqueue(&g->ring, frames, 3, false);
		assert_int_equal(done.n, 2);
		assert_int_equal(done.octets, 130);
		assert_int_equal(g->ring.n_unfit, 1);
		assert_int_equal(guest_receive(g, got, sizeof(got)), 60);
		assert_int_equal(guest_receive(g, got, sizeof(got)), 70);
		ring_guest_destroy(g);
	}
}

/* Empty and oversized frames are given back and counted, those around them arrive. */
static void frames_nobody_wants(void **state)
{
	static const uint32_t offered[] = {12 + 60, 12, 5, 12 + 61, 12 + 200, 12 + 62};

	for (int bits = 0; bits < 4; bits++) {
		struct ring_guest *g = ring_guest_create(&(struct guest_options){.packed = bits & 1,
			.size = 16,
			.start = bits & 1 ? 0x8000 : 0,
			.indirect = bits & 2});
		uint8_t got[8][100];
		struct ring_room rooms[8];
		uint16_t id;
		uint32_t size;

		for (unsigned int i = 0; i < 6; i++)
			guest_offer(g, &(struct guest_buffer){GUEST_BUFFERS + i * 256, offered[i]},
				1, false, bits & 2);
		for (unsigned int i = 0; i < 8; i++)
			rooms[i] = (struct ring_room){got[i], 100};
		assert_int_equal(ring_dequeue(&g->ring, rooms, 8), 3);
		for (unsigned int i = 0; i < 3; i++)
			assert_int_equal(rooms[i].size, 60 + i);
		assert_int_equal(g->ring.n_bad, 3);
		for (unsigned int i = 0; i < 6; i++)
			assert_true(guest_used(g, &id, &size));
		assert_false(guest_used(g, &id, &size));
		ring_guest_destroy(g);
	}
}

/* One buffer; is an interrupt due? */
static bool kick_after_one(struct ring_guest *g)
{
	static uint8_t data[60], got[60];

	guest_offer(g, &(struct guest_buffer){GUEST_BUFFERS, 100}, 1, true, false);
	assert_int_equal(ring_enqueue(&g->ring, &(struct ring_frame){data, 60}, 1, false).n, 1);
	assert_int_equal(guest_receive(g, got, sizeof(got)), 60);
	return ring_kick_wanted(&g->ring);
}

static void interrupts_by_flag(void **state)
{
	for (int packed = 0; packed < 2; packed++) {
		struct ring_guest *g = ring_guest_create(&(struct guest_options){
			.packed = packed, .size = 4, .start = packed ? 0x8000 : 0});

		assert_false(ring_kick_wanted(&g->ring));
		guest_want(g, true);
		assert_true(kick_after_one(g));
		assert_false(ring_kick_wanted(&g->ring));
		guest_want(g, false);
		assert_false(kick_after_one(g));
		ring_guest_destroy(g);
	}
}

/* 2.7.10.1, 2.8.21.4.1: an interrupt when the event is passed, and only then, round every end. */
static void interrupts_by_event(void **state)
{
	static const struct {
		bool packed;
		uint16_t size, start;
	} row[] = {
		{false, 4, 65530},
		{false, 8, 3},
		{true, 4, 0x8002},
		{true, 7, 0x8000},
		{true, 7, 0x0005},
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct ring_guest *g =
			ring_guest_create(&(struct guest_options){.packed = row[i].packed,
				.size = row[i].size,
				.start = row[i].start,
				.event_index = true});

		assert_true(kick_after_one(g)); /* nobody has been told anything yet */
		for (unsigned int ahead = 0; ahead < 2u * row[i].size; ahead++) {
			uint16_t event = g->used;
			bool wrap = g->used_wrap;

			/* Packed: no further than once round. */
			if (row[i].packed && ahead % row[i].size + event >= row[i].size)
				wrap = !wrap;
			event = (uint16_t)(event + ahead % row[i].size);
			if (row[i].packed)
				event %= row[i].size;
			guest_want_event(g, event, wrap);
			for (unsigned int k = 0; k < ahead % row[i].size; k++)
				assert_false(kick_after_one(g));
			assert_true(kick_after_one(g));
		}
		if (row[i].packed) {
			guest_want(g, false);
			assert_false(kick_after_one(g));
			guest_want(g, true);
			assert_true(kick_after_one(g));
		}
		ring_guest_destroy(g);
	}
}

/* What a front-end reads to learn whether to notify us. */
static void drivers_need_not_notify(void **state)
{
	for (int bits = 0; bits < 4; bits++) {
		struct ring_guest *g = ring_guest_create(&(struct guest_options){.packed = bits & 1,
			.event_index = bits & 2,
			.size = 8,
			.start = bits & 1 ? 0x8000 : 77,
			.log = true});

		ring_quiet(&g->ring);
		assert_true(guest_is_logged(g, g->ring.device_guest));
		if (bits & 1)
			assert_int_equal(g->ring.device[2], 1);
		else if (bits & 2)
			assert_int_equal(g->ring.device[4 + 8 * 8], 76);
		else
			assert_int_equal(g->ring.device[0], 1);
		ring_guest_destroy(g);
	}
}

/* Each page written is in the log, and no other. */
static void writes_are_logged(void **state)
{
	for (int bits = 0; bits < 4; bits++) {
		struct ring_guest *g = ring_guest_create(&(struct guest_options){.packed = bits & 1,
			.size = 8,
			.start = bits & 1 ? 0x8000 : 0,
			.indirect = bits & 2,
			.log = true});
		static uint8_t data[9000];
		uint64_t at = GUEST_BUFFERS + 4096 - 8, page;
		uint64_t used = bits & 1 ? GUEST_BASE : g->ring.device_guest;

		guest_offer(g, &(struct guest_buffer){at, 9100}, 1, true, bits & 2);
		assert_int_equal(
			ring_enqueue(&g->ring, &(struct ring_frame){data, 9000}, 1, true).n, 1);
		for (page = GUEST_BASE; page < GUEST_BASE + GUEST_LOW; page += RING_LOG_PAGE)
			assert_int_equal(guest_is_logged(g, page),
				page == used || (page >= GUEST_BUFFERS && page < at + 9012));
		ring_guest_destroy(g);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_reach_the_guest),
		cmocka_unit_test(frames_come_from_the_guest),
		cmocka_unit_test(a_frame_is_not_cut),
		cmocka_unit_test(a_frame_that_cannot_fit),
		cmocka_unit_test(frames_nobody_wants),
		cmocka_unit_test(interrupts_by_flag),
		cmocka_unit_test(interrupts_by_event),
		cmocka_unit_test(drivers_need_not_notify),
		cmocka_unit_test(writes_are_logged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

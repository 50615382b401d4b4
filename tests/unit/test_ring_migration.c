/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A live migration without a machine: while frames flow at full speed, another thread copies each
 * page that the dirty log names, as QEMU does (vhost-user.rst, "Migration"). What it has in the end
 * is the guest's memory, octet for octet.
 *
 * The driver's own writes are logged here, as the hypervisor tracks its processors. So that they
 * hide none of the device's, the last burst meets buffers that were offered and copied before.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "ring_guest.h"

#define MEMORY   (GUEST_LOW + GUEST_HIGH) /* what moves */
#define RING     256
#define BURST    32
#define SLOT     2560 /* of a buffer: some lie across pages, and one across regions */
#define N_SLOTS  256
#define FRAME    1514
#define HEADER   12
#define N_FRAMES 60000

static const uint32_t sizes[] = {FRAME, 60, 1000, 590, 64, 1300};

struct variant {
	const char *name;
	bool packed, to_guest, indirect;
};

struct migration {
	const struct variant *v;
	struct ring_guest *g;
	uint8_t *copy; /* of MEMORY */
	pthread_t thread;
	atomic_bool stop;
	uint64_t n_passes, n_pages;
	uint32_t n_offered, n_frames;
};

/* --- the hypervisor --- */

static void page_copy(struct migration *m, uint64_t page)
{
	uint64_t at = page * RING_LOG_PAGE;

	if (at < GUEST_BASE || at >= GUEST_BASE + MEMORY)
		return;
	memcpy(m->copy + (at - GUEST_BASE), guest_at(m->g, at), RING_LOG_PAGE);
	m->n_pages++;
}

static void log_follow(struct migration *m)
{
	uint64_t first = GUEST_BASE / RING_LOG_PAGE / 8, n = MEMORY / RING_LOG_PAGE / 8;

	for (uint64_t at = first; at < first + n; at++) {
		uint8_t bits = __atomic_exchange_n(&m->g->bits[at], 0, __ATOMIC_SEQ_CST);

		for (unsigned int i = 0; i < 8; i++) {
			if (bits >> i & 1)
				page_copy(m, at * 8 + i);
		}
	}
	m->n_passes++;
}

static void *migration_run(void *ctx)
{
	struct migration *m = ctx;

	while (!atomic_load(&m->stop))
		log_follow(m);
	return NULL;
}

static bool is_moved(const struct migration *m)
{
	return memcmp(m->copy, m->g->low, GUEST_LOW) == 0 &&
	       memcmp(m->copy + GUEST_LOW, m->g->high, GUEST_HIGH) == 0;
}

/* --- the guest --- */

static void driver_wrote(const struct migration *m, uint64_t at, uint64_t size)
{
	ring_log_write(&(struct ring_log){m->g->bits, m->g->ring.log.size}, at, size);
}

static uint32_t frame_size(uint32_t number)
{
	return sizes[number % (sizeof(sizes) / sizeof(sizes[0]))];
}

static uint32_t frame_build(uint8_t *frame, uint32_t number)
{
	uint32_t size = frame_size(number);

	for (uint32_t i = 0; i < size; i++)
		frame[i] = (uint8_t)(number * 31 + i * 7 + (i >> 8));
	return size;
}

/* The next buffer; one to send from holds the frame of its number. */
static void offer(struct migration *m)
{
	uint64_t at = GUEST_BUFFERS + (uint64_t)(m->n_offered % N_SLOTS) * SLOT;
	uint32_t size = m->v->to_guest ? HEADER + FRAME : HEADER + frame_size(m->n_offered);
	const struct guest_buffer parts[2] = {{at, HEADER}, {at + HEADER, size - HEADER}};
	uint64_t table = m->g->next_table;
	uint8_t frame[FRAME];

	if (!m->v->to_guest) {
		frame_build(frame, m->n_offered);
		guest_write(m->g, parts[1].at, frame, parts[1].size);
		driver_wrote(m, parts[1].at, parts[1].size);
	}
	if (m->v->indirect)
		guest_offer(m->g, parts, 2, m->v->to_guest, true);
	else
		guest_offer(m->g, &(struct guest_buffer){at, size}, 1, m->v->to_guest, false);
	if (m->v->indirect)
		driver_wrote(m, table, 32);
	m->n_offered++;
}

static void offer_burst(struct migration *m)
{
	const struct ring_guest *g = m->g;

	for (uint32_t n = BURST; n > 0; n--)
		offer(m);
	driver_wrote(m, g->ring.descriptors_guest, RING * 16);
	driver_wrote(m, GUEST_BASE + (uint64_t)(g->ring.driver - g->low), 6 + 2 * RING);
}

/* --- the device, and what the guest makes of it --- */

static void burst_to_guest(struct migration *m)
{
	static uint8_t data[BURST][FRAME];
	struct ring_frame frames[BURST];

	for (uint32_t i = 0; i < BURST; i++)
		frames[i] = (struct ring_frame){data[i], frame_build(data[i], m->n_frames + i)};
	assert_int_equal(ring_enqueue(&m->g->ring, frames, BURST, m->n_frames % 64 == 0).n, BURST);
}

static void guest_takes(struct migration *m)
{
	uint8_t frame[FRAME], want[FRAME];

	for (uint32_t i = 0; i < BURST; i++, m->n_frames++) {
		uint32_t size = frame_build(want, m->n_frames);

		assert_int_equal(guest_receive(m->g, frame, sizeof(frame)), size);
		assert_memory_equal(frame, want, size);
	}
}

static void burst_from_guest(struct migration *m)
{
	static uint8_t data[BURST][FRAME];
	struct ring_room rooms[BURST];
	uint8_t want[FRAME];

	for (uint32_t i = 0; i < BURST; i++)
		rooms[i] = (struct ring_room){data[i], FRAME};
	assert_int_equal(ring_dequeue(&m->g->ring, rooms, BURST), BURST);
	for (uint32_t i = 0; i < BURST; i++, m->n_frames++) {
		assert_int_equal(rooms[i].size, frame_build(want, m->n_frames));
		assert_memory_equal(data[i], want, rooms[i].size);
	}
}

static void guest_reclaims(struct migration *m)
{
	uint32_t size;
	uint16_t id;

	while (guest_used(m->g, &id, &size))
		;
}

static void device_burst(struct migration *m)
{
	if (m->v->to_guest)
		burst_to_guest(m);
	else
		burst_from_guest(m);
}

static void turn(struct migration *m)
{
	offer_burst(m);
	device_burst(m);
	if (m->v->to_guest)
		guest_takes(m);
	else
		guest_reclaims(m);
}

static struct migration *migration_begin(const struct variant *v)
{
	struct migration *m = calloc(1, sizeof(*m));

	m->v = v;
	m->g = ring_guest_create(&(struct guest_options){.packed = v->packed,
		.size = RING,
		.start = v->packed ? 1u << 15 : 0,
		.indirect = v->indirect,
		.log = true});
	assert_int_equal(m->g->ring.fault, RING_OK);
	m->copy = malloc(MEMORY);
	memcpy(m->copy, m->g->low, GUEST_LOW);
	memcpy(m->copy + GUEST_LOW, m->g->high, GUEST_HIGH);
	assert_int_equal(pthread_create(&m->thread, NULL, migration_run, m), 0);
	return m;
}

/* The guest stands; what it has offered last is over there. */
static void migration_pause(struct migration *m)
{
	offer_burst(m);
	atomic_store(&m->stop, true);
	pthread_join(m->thread, NULL);
	log_follow(m);
	assert_true(is_moved(m));
}

static void migration_end(struct migration *m)
{
	ring_guest_destroy(m->g);
	free(m->copy);
	free(m);
}

static const struct variant variants[] = {
	{"split, to the guest", false, true, false},
	{"split, to the guest, indirect", false, true, true},
	{"split, from the guest", false, false, false},
	{"split, from the guest, indirect", false, false, true},
	{"packed, to the guest", true, true, false},
	{"packed, to the guest, indirect", true, true, true},
	{"packed, from the guest", true, false, false},
	{"packed, from the guest, indirect", true, false, true},
};

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void memory_moves_whole(void **state)
{
	for (size_t i = 0; i < sizeof(variants) / sizeof(variants[0]); i++) {
		struct migration *m = migration_begin(&variants[i]);
		double begin = now_s();

		while (m->n_frames < N_FRAMES)
			turn(m);
		print_message("%s: %.0f frames/s, %llu pages in %llu passes\n", variants[i].name,
			m->n_frames / (now_s() - begin), (unsigned long long)m->n_pages,
			(unsigned long long)m->n_passes);
		migration_pause(m);
		device_burst(m);
		log_follow(m);
		assert_true(is_moved(m));
		migration_end(m);
	}
}

/* And had the ring not logged, this would have been seen. */
static void what_is_not_logged_stays(void **state)
{
	for (size_t i = 0; i < sizeof(variants) / sizeof(variants[0]); i++) {
		struct migration *m = migration_begin(&variants[i]);

		turn(m);
		migration_pause(m);
		m->g->ring.log.bits = NULL;
		device_burst(m);
		log_follow(m);
		assert_false(is_moved(m));
		migration_end(m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_moves_whole),
		cmocka_unit_test(what_is_not_logged_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

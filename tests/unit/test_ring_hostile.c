/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rings and hostile guests: one lie a row. The ring breaks under the right name, what came before
 * the lie arrives, what lies around guest memory stays as it was (the sanitizers watch its ends).
 */
#include <linux/virtio_ring.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ring_guest.h"

#define SIZE    8
#define F_AVAIL (1 << 7)
#define W       VRING_DESC_F_WRITE
#define N       VRING_DESC_F_NEXT
#define I       VRING_DESC_F_INDIRECT
#define AT      GUEST_BUFFERS
#define TABLE   GUEST_TABLES
#define END     (GUEST_BASE + GUEST_LOW + GUEST_HIGH)

/* Descriptors as they come: the second of a good one and a bad one. flags are those of the receive
 * ring; the transmit ring has W turned round. */
struct row {
	const char *what;
	struct {
		struct guest_buffer buffer;
		uint16_t flags, next;
	} d[4], table[3];
	enum ring_fault split, packed;
	bool receive_only;
};

static const struct row rows[] = {
	{"nothing wrong", {{{AT, 2000}, W}}, .split = RING_OK, .packed = RING_OK},
	{"ends where memory ends", {{{END - 100, 100}, W}}, .split = RING_OK, .packed = RING_OK},
	{"one octet too far", {{{END - 100, 101}, W}}, .split = RING_FAULT_ADDRESS,
		.packed = RING_FAULT_ADDRESS},
	{"begins where memory ends", {{{END, 100}, W}}, .split = RING_FAULT_ADDRESS,
		.packed = RING_FAULT_ADDRESS},
	{"before all memory", {{{GUEST_BASE - 1, 100}, W}}, .split = RING_FAULT_ADDRESS,
		.packed = RING_FAULT_ADDRESS},
	{"as long as can be", {{{AT, UINT32_MAX}, W}}, .split = RING_FAULT_ADDRESS,
		.packed = RING_FAULT_ADDRESS},
	{"wraps the address space", {{{UINT64_MAX - 10, 200}, W}}, .split = RING_FAULT_ADDRESS,
		.packed = RING_FAULT_ADDRESS},
	{"first good, then nowhere", {{{AT, 20}, W | N, 1}, {{END, 100}, W}},
		.split = RING_FAULT_ADDRESS, .packed = RING_FAULT_ADDRESS},
	{"empty", {{{AT, 0}, W}}, .split = RING_FAULT_EMPTY, .packed = RING_FAULT_EMPTY},
	{"an empty one among others", {{{AT, 12}, W | N, 1}, {{AT, 0}, W | N, 2}, {{AT, 99}, W}},
		.split = RING_FAULT_EMPTY, .packed = RING_FAULT_EMPTY},
	{"wrong way", {{{AT, 200}, 0}}, .split = RING_FAULT_DIRECTION,
		.packed = RING_FAULT_DIRECTION},
	{"wrong way later", {{{AT, 20}, W | N, 1}, {{AT, 200}, 0}}, .split = RING_FAULT_DIRECTION,
		.packed = RING_FAULT_DIRECTION},
	{"runt", {{{AT, 11}, W}}, .split = RING_FAULT_RUNT, .packed = RING_FAULT_RUNT,
		.receive_only = true},
	{"runt of two", {{{AT, 5}, W | N, 1}, {{AT, 6}, W}}, .split = RING_FAULT_RUNT,
		.packed = RING_FAULT_RUNT, .receive_only = true},
	{"itself again", {{{AT, 4}, W | N, 0}}, .split = RING_FAULT_LOOP,
		.packed = RING_FAULT_UNENDED},
	{"round and round", {{{AT, 4}, W | N, 1}, {{AT, 4}, W | N, 0}}, .split = RING_FAULT_LOOP,
		.packed = RING_FAULT_UNENDED},
	{"next is beyond", {{{AT, 4}, W | N, SIZE}}, .split = RING_FAULT_INDEX,
		.packed = RING_FAULT_UNENDED},
	{"next is far beyond", {{{AT, 4}, W | N, 65535}}, .split = RING_FAULT_INDEX,
		.packed = RING_FAULT_UNENDED},
	{"indirect, good", {{{TABLE, 16}, I}}, {{{AT, 2000}, W}}, RING_OK, RING_OK},
	{"indirect after direct", {{{AT, 12}, W | N, 1}, {{TABLE, 16}, I}}, {{{AT, 2000}, W}},
		RING_OK, RING_OK},
	{"table of no entry", {{{TABLE, 0}, I}}, .split = RING_FAULT_INDIRECT,
		.packed = RING_FAULT_INDIRECT},
	{"table of half an entry", {{{TABLE, 24}, I}}, .split = RING_FAULT_INDIRECT,
		.packed = RING_FAULT_INDIRECT},
	{"table past all bounds", {{{TABLE, 16 * 1025}, I}}, .split = RING_FAULT_INDIRECT,
		.packed = RING_FAULT_INDIRECT},
	{"table of 4 GiB", {{{TABLE, UINT32_MAX & ~15u}, I}}, .split = RING_FAULT_INDIRECT,
		.packed = RING_FAULT_INDIRECT},
	{"table nowhere", {{{END, 16}, I}}, .split = RING_FAULT_INDIRECT,
		.packed = RING_FAULT_INDIRECT},
	{"table over the end", {{{END - 16, 32}, I}}, .split = RING_FAULT_INDIRECT,
		.packed = RING_FAULT_INDIRECT},
	{"table and more", {{{TABLE, 16}, I | N, 1}, {{AT, 100}, W}}, {{{AT, 2000}, W}},
		RING_FAULT_NESTED, RING_FAULT_NESTED},
	{"table in a table", {{{TABLE, 16}, I}}, {{{TABLE, 16}, I}}, RING_FAULT_NESTED,
		RING_FAULT_NESTED},
	{"table that leaves itself", {{{TABLE, 32}, I}}, {{{AT, 4}, W | N, 2}, {{AT, 800}, W}},
		RING_FAULT_INDEX, RING_OK},
	{"table that loops", {{{TABLE, 32}, I}}, {{{AT, 4}, W | N, 1}, {{AT, 4}, W | N, 0}},
		RING_FAULT_LOOP, RING_FAULT_RUNT, .receive_only = true},
	{"table with a bad address", {{{TABLE, 16}, I}}, {{{END, 2000}, W}}, RING_FAULT_ADDRESS,
		RING_FAULT_ADDRESS},
};

/* A good descriptor in slot 0, those of the row behind it. */
static void row_offer(struct ring_guest *g, const struct row *row, uint16_t turn)
{
	uint16_t avail = g->opt.packed ? F_AVAIL : 0, n = 1;

	for (uint16_t i = 0; i < 3; i++)
		guest_descriptor(g, guest_at(g, TABLE), i, row->table[i].buffer,
			row->table[i].flags ^ turn, row->table[i].next);
	guest_descriptor(
		g, g->low, SIZE - 1, (struct guest_buffer){AT + 4096, 80}, (W ^ turn) | avail, 0);
	for (uint16_t i = 0; i == 0 || row->d[i].buffer.at != 0; i++, n++) {
		uint16_t flags = row->d[i].flags;

		guest_descriptor(g, g->low, i, row->d[i].buffer,
			(flags & I ? flags : flags ^ turn) | (g->opt.packed ? 1 << 15 : 0),
			row->d[i].next);
	}
	if (!g->opt.packed) {
		guest_offer_head(g, SIZE - 1);
		guest_offer_head(g, 0);
	}
	for (uint16_t i = 0; i < SIZE; i++)
		g->chains[i].n_slots = 1;
}

static void row_run(const struct row *row, bool packed, bool receive)
{
	struct ring_guest *g = ring_guest_create(&(struct guest_options){
		.packed = packed, .size = SIZE, .indirect = true, .start = packed ? 0x8007 : 0});
	enum ring_fault want = packed ? row->packed : row->split;
	static uint8_t data[68], room[2][4096];
	const struct ring_frame frames[] = {{data, 68}, {data, 40}};
	struct ring_room rooms[] = {{room[0], 4096}, {room[1], 4096}};
	uint16_t n = want == RING_OK ? 2 : 1, got, id;
	uint32_t size;

	row_offer(g, row, receive ? 0 : W);
	got = receive ? ring_enqueue(&g->ring, frames, 2, false).n
		      : ring_dequeue(&g->ring, rooms, 2);
	if (g->ring.fault != want || got != n)
		print_error("%s, %s, %s: %s after %u\n", row->what, packed ? "packed" : "split",
			receive ? "receive" : "transmit", ring_fault_name(g->ring.fault), got);
	assert_int_equal(g->ring.fault, want);
	assert_int_equal(got, n);
	/* What was good is public, what was not is not. */
	for (uint16_t i = 0; i < n; i++)
		assert_true(guest_used(g, &id, &size));
	assert_int_equal(guest_used(g, &id, &size), false);
	/* Broken it stays, and is safe to call. */
	if (want != RING_OK) {
		assert_int_equal(ring_enqueue(&g->ring, frames, 2, false).n, 0);
		assert_int_equal(ring_dequeue(&g->ring, rooms, 2), 0);
		assert_int_equal(ring_waiting(&g->ring, 2), 0);
		ring_quiet(&g->ring);
	}
	ring_guest_destroy(g);
}

static void lies_of_descriptors(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (int packed = 0; packed < 2; packed++) {
			row_run(&rows[i], packed, true);
			if (!rows[i].receive_only)
				row_run(&rows[i], packed, false);
		}
	}
}

/* The available index jumps: by as much as fits, by one more, backwards. */
static void lies_of_the_available_index(void **state)
{
	static const struct {
		uint16_t start, step;
		enum ring_fault want;
	} row[] = {
		{0, SIZE, RING_OK},
		{0, SIZE + 1, RING_FAULT_AVAIL},
		{0, 65535, RING_FAULT_AVAIL},
		{65530, SIZE, RING_OK},
		{65530, SIZE + 1, RING_FAULT_AVAIL},
		{65535, 1, RING_OK},
		{100, 32768, RING_FAULT_AVAIL},
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct ring_guest *g = ring_guest_create(
			&(struct guest_options){.size = SIZE, .start = row[i].start});
		static uint8_t data[60];

		for (uint16_t k = 0; k < SIZE; k++) {
			guest_descriptor(g, g->low, k, (struct guest_buffer){AT, 200}, W, 0);
			guest_offer_head(g, k);
		}
		ring_enqueue(&g->ring, &(struct ring_frame){data, 60}, 0, false);
		*(uint16_t *)(g->ring.driver + 2) = (uint16_t)(row[i].start + row[i].step);
		assert_int_equal(ring_enqueue(&g->ring, &(struct ring_frame){data, 60}, 1, false).n,
			row[i].want == RING_OK);
		assert_int_equal(g->ring.fault, row[i].want);
		ring_guest_destroy(g);
	}
}

static void heads_beyond_the_table(void **state)
{
	static const uint16_t heads[] = {SIZE, SIZE + 1, 0x8000, 65535};

	for (size_t i = 0; i < 2 * sizeof(heads) / sizeof(heads[0]); i++) {
		struct ring_guest *g = ring_guest_create(&(struct guest_options){.size = SIZE});
		static uint8_t data[60];
		struct ring_room room = {data, 60};

		guest_offer_head(g, heads[i / 2]);
		if (i % 2)
			ring_dequeue(&g->ring, &room, 1);
		else
			ring_enqueue(&g->ring, &(struct ring_frame){data, 60}, 1, false);
		assert_int_equal(g->ring.fault, RING_FAULT_INDEX);
		ring_guest_destroy(g);
	}
}

static void setups(void **state)
{
	static const struct {
		uint32_t size;
		uint32_t descriptors, driver, device; /* in low */
		uint16_t next;
		bool packed;
		enum ring_fault want;
	} row[] = {
		{8, 0, 0x1000, 0x2000, 65535, false, RING_OK},
		{0, 0, 0x1000, 0x2000, 0, false, RING_FAULT_SIZE},
		{7, 0, 0x1000, 0x2000, 0, false, RING_FAULT_SIZE},
		{7, 0, 0x1000, 0x2000, 6, true, RING_OK},
		{7, 0, 0x1000, 0x2000, 7, true, RING_FAULT_BASE},
		{0, 0, 0x1000, 0x2000, 0, true, RING_FAULT_SIZE},
		{32768, 0, 0x80000, 0x90004, 0, false, RING_OK},
		{32769, 0, 0x80000, 0x90000, 0, true, RING_FAULT_SIZE},
		{65536, 0, 0x80000, 0x90000, 0, false, RING_FAULT_SIZE},
		{8, 8, 0x1000, 0x2000, 0, false, RING_FAULT_AREA},
		{8, 0, 0x1001, 0x2000, 0, false, RING_FAULT_AREA},
		{8, 0, 0x1000, 0x2002, 0, false, RING_FAULT_AREA},
		{8, GUEST_LOW - 128, 0x1000, 0x2000, 0, false, RING_OK},
		{8, GUEST_LOW - 112, 0x1000, 0x2000, 0, false, RING_FAULT_AREA},
		{8, 0, GUEST_LOW - 22, 0x2000, 0, false, RING_OK},
		{8, 0, GUEST_LOW - 20, 0x2000, 0, false, RING_FAULT_AREA},
		{8, 0, 0x1000, GUEST_LOW - 72, 0, false, RING_OK},
		{8, 0, 0x1000, GUEST_LOW - 68, 0, false, RING_FAULT_AREA},
		{8, 0, GUEST_LOW - 4, 0x2000, 0, true, RING_OK},
		{8, 0, GUEST_LOW, 0x2000, 0, true, RING_FAULT_AREA},
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct ring_guest *g = ring_guest_create(&(struct guest_options){.size = SIZE});

		ring_open(&g->ring, &(struct ring_setup){
					    .memory = &g->memory,
					    .descriptors = g->low + row[i].descriptors,
					    .driver = g->low + row[i].driver,
					    .device = g->low + row[i].device,
					    .size = row[i].size,
					    .next = row[i].next,
					    .packed = row[i].packed,
				    });
		assert_int_equal(g->ring.fault, row[i].want);
		ring_guest_destroy(g);
	}
}

/* What was not negotiated is not understood. */
static void indirect_unasked(void **state)
{
	struct ring_guest *g = ring_guest_create(&(struct guest_options){.size = SIZE});
	static uint8_t data[60];

	guest_offer(g, &(struct guest_buffer){AT, 200}, 1, true, true);
	ring_enqueue(&g->ring, &(struct ring_frame){data, 60}, 1, false);
	assert_int_equal(g->ring.fault, RING_FAULT_INDIRECT);
	ring_guest_destroy(g);
}

/* Long chains of single octets and rings full of rubbish end a burst, not the worker's turn. */
static void work_is_bounded(void **state)
{
	struct ring_guest *g =
		ring_guest_create(&(struct guest_options){.size = 1024, .indirect = true});
	static uint8_t data[32][60];
	struct ring_room rooms[32];
	uint16_t n_given = 0, id;
	uint32_t size;

	for (unsigned int i = 0; i < 1024; i++) {
		struct guest_buffer entry = {AT, 1};

		guest_descriptor(g, guest_at(g, TABLE), (uint16_t)i, entry, N, (uint16_t)(i + 1));
		guest_descriptor(
			g, g->low, (uint16_t)i, (struct guest_buffer){TABLE, 16 * 1024}, I, 0);
	}
	guest_descriptor(g, guest_at(g, TABLE), 1023, (struct guest_buffer){AT, 1}, 0, 0);
	for (uint16_t i = 0; i < 1024; i++) {
		g->chains[i].n_slots = 1;
		guest_offer_head(g, i);
	}
	for (unsigned int i = 0; i < 32; i++)
		rooms[i] = (struct ring_room){data[i], 2000};
	for (unsigned int i = 0; i < 32; i++)
		rooms[i].size = 60;
	assert_int_equal(ring_dequeue(&g->ring, rooms, 32), 0);
	while (guest_used(g, &id, &size))
		n_given++;
	assert_in_range(n_given, 1, 64);
	assert_int_equal(g->ring.n_bad, n_given);
	assert_int_equal(g->ring.fault, RING_OK);
	ring_guest_destroy(g);
}

struct race {
	struct ring_guest *g;
	int stop;
};

/* Another processor of the guest: turns good descriptors into bad ones and back. */
static void *flip(void *arg)
{
	struct race *race = arg;
	uint64_t k = 0;

	while (!__atomic_load_n(&race->stop, __ATOMIC_RELAXED)) {
		struct vring_desc *d = (struct vring_desc *)race->g->low + k % SIZE;

		__atomic_store_n(&d->len, k % 3 ? 200 : UINT32_MAX - (uint32_t)k, __ATOMIC_RELAXED);
		__atomic_store_n(&d->addr, k % 5 ? AT : END - k % 300, __ATOMIC_RELAXED);
		__atomic_store_n((uint16_t *)(race->g->ring.driver + 4) + k % SIZE,
			(uint16_t)(k % 7 ? k % SIZE : k), __ATOMIC_RELAXED);
		k++;
	}
	return NULL;
}

/* No value is looked at twice: whatever the guest changes meanwhile, nothing is written outside. */
static void values_change_under_us(void **state)
{
	struct ring_guest *g = ring_guest_create(&(struct guest_options){.size = SIZE});
	static uint8_t data[180];
	const struct ring_frame frames[4] = {{data, 180}, {data, 60}, {data, 180}, {data, 60}};
	struct race race = {.g = g};
	pthread_t thread;

	for (uint16_t i = 0; i < SIZE; i++)
		guest_descriptor(g, g->low, i, (struct guest_buffer){AT, 200}, W, 0);
	assert_int_equal(pthread_create(&thread, NULL, flip, &race), 0);
	for (unsigned int i = 0; i < 20000; i++) {
		uint16_t *idx = (uint16_t *)(g->ring.driver + 2);

		__atomic_store_n(idx, (uint16_t)(g->ring.next + SIZE), __ATOMIC_RELEASE);
		ring_enqueue(&g->ring, frames, 4, i & 1);
		g->ring.fault = RING_OK;
	}
	__atomic_store_n(&race.stop, 1, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	ring_guest_destroy(g);
}

static void faults_have_names(void **state)
{
	for (enum ring_fault f = RING_OK; f < RING_N_FAULTS; f++) {
		assert_int_equal(strncmp(ring_fault_name(f), "RING_", 5), 0);
		assert_true(strlen(ring_fault_sentence(f)) > 10);
	}
	assert_string_equal(ring_fault_name(RING_N_FAULTS), "?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lies_of_descriptors),
		cmocka_unit_test(lies_of_the_available_index),
		cmocka_unit_test(heads_beyond_the_table),
		cmocka_unit_test(setups),
		cmocka_unit_test(indirect_unasked),
		cmocka_unit_test(work_is_bounded),
		cmocka_unit_test(values_change_under_us),
		cmocka_unit_test(faults_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

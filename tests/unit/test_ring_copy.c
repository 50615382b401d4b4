/* SPDX-License-Identifier: BSD-3-Clause */
/* The innermost loop: every size, every alignment, every kind of stores; memory table and log. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "port/ring_copy.h"

#define ROOM_MAX (64 + 9300)
#define SECRET   0xa5 /* around frames: must not reach a guest */
#define BEFORE   0x77 /* in the guest's memory */

static uint8_t source[64 + 9300 + 64], target[ROOM_MAX + 256];
static const uint8_t header[RING_HEADER] = {[10] = 1};

/* Octets of [from, to) that are neither a nor b. */
static size_t others(const uint8_t *from, const uint8_t *to, uint8_t a, uint8_t b)
{
	size_t n = 0;

	for (; from < to; from++)
		n += *from != a && *from != b;
	return n;
}

/* What is behind a frame may become zero up to the end of a line, and nowhere else. */
static void copy_check(ring_copy_fn *copy, uint32_t size, uint32_t align, uint32_t spare)
{
	uint32_t image = RING_HEADER + size, cleared = spare < 64 ? spare : 64;
	uint8_t *to = target + 64 + align, *data = source + 64 - align % 3;
	uint8_t *end = to + image + spare + 64;

	memset(source, SECRET, sizeof(source));
	for (uint32_t i = 0; i < size; i++)
		data[i] = (uint8_t)(i * 5 + size);
	memset(target, BEFORE, (size_t)(end - target));
	copy(&(struct ring_frame){data, size}, &(struct ring_target){to, image + spare}, 1);
	assert_memory_equal(to, header, RING_HEADER);
	assert_memory_equal(to + RING_HEADER, data, size);
	assert_int_equal(others(target, to, BEFORE, BEFORE), 0);
	assert_int_equal(others(to + image, to + image + cleared, BEFORE, 0), 0);
	assert_int_equal(others(to + image + cleared, end, BEFORE, BEFORE), 0);
}

static void every_size_and_place(void **state)
{
	static const uint32_t spares[] = {0, 1, 17, 63, 64, 200};
	static const uint32_t large[] = {511, 512, 1500, 1514, 8999, 9018};
	const struct ring_copier *const *copiers;
	unsigned int n_copiers = ring_copiers(&copiers);

	for (unsigned int c = 0; c < 2 * n_copiers; c++) {
		ring_copy_fn *copy = c % 2 ? copiers[c / 2]->stream : copiers[c / 2]->ordinary;

		for (uint32_t i = 0; i < 300 * 64 && copy != NULL; i++)
			copy_check(copy, 1 + i % 300, i / 300, spares[i % 6]);
		for (uint32_t i = 0; i < 6 * 64 && copy != NULL; i++)
			copy_check(copy, large[i % 6], i / 6, spares[i % 5]);
	}
}

static void a_plain_way_is_always_there(void **state)
{
	const struct ring_copier *const *copiers;
	unsigned int n = ring_copiers(&copiers);

	assert_true(n >= 1);
	assert_string_equal(copiers[n - 1]->name, "C");
}

static void memory_tables(void **state)
{
	static uint8_t host[0x3000];
	static const struct {
		struct ring_region r[2];
		unsigned int n;
		bool sound;
	} row[] = {
		{{{0, 0x1000, host}}, 0, true},
		{{{0, 0x1000, host}}, 1, true},
		{{{0, 0, host}}, 1, false},
		{{{0, 0x1000, NULL}}, 1, false},
		{{{UINT64_MAX - 0xfff, 0x1000, host}}, 1, true},
		{{{UINT64_MAX - 0xffe, 0x1000, host}}, 1, false},
		{{{0, UINT64_MAX, host}}, 1, false},
		{{{0x1000, 0x1000, host}, {0, 0x1000, host + 0x1000}}, 2, true},
		{{{0x1000, 0x1000, host}, {0, 0x1001, host + 0x1000}}, 2, false},
		{{{0x1000, 0x1000, host}, {0x1000, 0x1000, host}}, 2, false},
	};
	struct ring_region many[RING_MAX_REGIONS + 1];
	struct ring_memory m;

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++)
		assert_int_equal(ring_memory_init(&m, row[i].r, row[i].n),
			row[i].sound ? RING_OK : RING_FAULT_REGIONS);
	for (unsigned int i = 0; i <= RING_MAX_REGIONS; i++)
		many[i] = (struct ring_region){0x10000 - i * 0x100, 0x10, host + i * 0x10};
	assert_int_equal(ring_memory_init(&m, many, RING_MAX_REGIONS + 1), RING_FAULT_REGIONS);
	assert_int_equal(ring_memory_init(&m, many, RING_MAX_REGIONS), RING_OK);
	for (unsigned int i = 0; i < RING_MAX_REGIONS; i++) {
		assert_ptr_equal(ring_memory_find(&m, many[i].guest)->host, many[i].host);
		assert_ptr_equal(ring_memory_find(&m, many[i].guest + 0xf)->host, many[i].host);
		assert_null(ring_memory_find(&m, many[i].guest + 0x10));
		assert_null(ring_memory_find(&m, many[i].guest - 1));
	}
}

static void host_addresses(void **state)
{
	static uint8_t host[0x3000];
	struct ring_memory m;
	uint64_t guest;

	ring_memory_init(&m,
		(struct ring_region[]){{0x8000, 0x1000, host}, {0x1000, 0x1000, host + 0x2000}}, 2);
	assert_true(ring_memory_holds(&m, host + 0x10, 0xff0, &guest));
	assert_int_equal(guest, 0x8010);
	assert_false(ring_memory_holds(&m, host + 0x10, 0xff1, &guest));
	assert_false(ring_memory_holds(&m, host + 0x10, UINT64_MAX, &guest));
	assert_false(ring_memory_holds(&m, host + 0x1000, 1, &guest));
	assert_true(ring_memory_holds(&m, host + 0x2000, 1, &guest));
	assert_int_equal(guest, 0x1000);
}

static void log_of_writes(void **state)
{
	static const struct {
		uint64_t at, size;
		uint8_t bits[4]; /* of a bitmap of 3 octets, and what is behind it */
	} row[] = {
		{0, 0, {0, 0, 0, 0}},
		{0, 1, {1, 0, 0, 0}},
		{4095, 1, {1, 0, 0, 0}},
		{4095, 2, {3, 0, 0, 0}},
		{4096 * 7, 4096, {0x80, 0, 0, 0}},
		{4096 * 7, 4097, {0x80, 1, 0, 0}},
		{4096 * 23, 1 << 20, {0, 0, 0x80, 0}},
		{4096 * 24, 1 << 20, {0, 0, 0, 0}},
		{UINT64_MAX, 1, {0, 0, 0, 0}},
		{UINT64_MAX, 2, {0, 0, 0, 0}},
		{0, UINT64_MAX, {0xff, 0xff, 0xff, 0}},
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		uint8_t bits[4] = {0};

		ring_log_write(&(struct ring_log){bits, 3}, row[i].at, row[i].size);
		assert_memory_equal(bits, row[i].bits, sizeof(bits));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_size_and_place),
		cmocka_unit_test(a_plain_way_is_always_there),
		cmocka_unit_test(memory_tables),
		cmocka_unit_test(host_addresses),
		cmocka_unit_test(log_of_writes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

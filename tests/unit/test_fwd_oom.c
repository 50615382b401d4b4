/* SPDX-License-Identifier: BSD-3-Clause */
#include "fwd_rig.h"

#include <errno.h>

#include "fwd/plane.h"

/*
 * Without memory: each allocation in turn fails, the caller hears of it, what was there stays, and
 * nothing is lost (rig_close counts sets; ASan counts bytes). The linker puts these functions
 * between lib/fwd and libc (--wrap).
 */
static unsigned int fail_in; /* 0: never; 1: the next allocation, and so on */

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
int __real_posix_memalign(void **p, size_t alignment, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
int __wrap_posix_memalign(void **p, size_t alignment, size_t size);

static bool fails(void)
{
	return fail_in > 0 && --fail_in == 0;
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t size)
{
	return fails() ? NULL : __real_realloc(p, size);
}

int __wrap_posix_memalign(void **p, size_t alignment, size_t size)
{
	return fails() ? ENOMEM : __real_posix_memalign(p, alignment, size);
}

static void what_cannot_be_made_is_not_half_made(void **state)
{
	struct rig r = rig_open();

	for (unsigned int i = 1; i < 10; i++) {
		struct group_table *t;

		fail_in = i;
		t = group_table_create(r.sets, r.retire);
		assert_int_equal(t == NULL, fail_in == 0);
		fail_in = i;
		group_table_destroy(t);
		fail_in = 0;
	}
	for (unsigned int i = 1; i < 3; i++) {
		fail_in = i;
		assert_null(retire_create(r.qsbr));
		fail_in = i;
		assert_null(portset_pool_create(r.retire));
		assert_int_equal(fail_in, 0);
	}
	rig_close(&r);
}

/* 1 when all allocations were granted. */
static int set_failing_at(struct rig *r, uint32_t i, unsigned int n_sources, unsigned int at)
{
	struct group_source_ports x[3] = {0};
	struct group_key key = rig_key(i);
	struct bitset ports = rig_ports(i * 8 + at + 1);
	const struct group_entry *before = group_table_find(r->table, &key);
	unsigned int n = group_table_count(r->table);
	int ret;

	for (unsigned int s = 0; s < 3; s++) {
		x[s].source.b[0] = (uint8_t)(s + 1);
		x[s].ports = rig_ports(i * 8 + s * 100000 + 2);
	}
	fail_in = at;
	ret = group_table_set(r->table, &key, &ports, x, n_sources);
	if (ret == 0) {
		bool all = fail_in > 0;

		fail_in = 0;
		return all;
	}
	assert_int_equal(ret, -ENOMEM);
	assert_ptr_equal(group_table_find(r->table, &key), before);
	assert_int_equal(group_table_count(r->table), n);
	return 0;
}

static void a_group_that_cannot_be_set_stays_what_it_was(void **state)
{
	struct rig r = rig_open();

	for (uint32_t i = 0; i < 2000; i++) { /* through growth of every part */
		for (unsigned int at = 1; set_failing_at(&r, i % 1500, i % 4, at) == 0; at++)
			assert_true(at < 20);
		if (i % 200 == 0)
			retire_poll(r.retire);
	}
	assert_int_equal(group_table_count(r.table), 1500);
	rig_close(&r);
}

static void a_plane_is_built_whole_or_not(void **state)
{
	static const uint16_t uplink[] = {0}, carrier[BITSET_SIZE];
	const struct plane_port ports[] = {{.id = 0, .up = true},
		{.id = 1, .flags = PLANE_GUEST, .vlan = 7, .mac = {{2}}, .up = true},
		{.id = 2, .flags = PLANE_GUEST, .vlan = 7, .mac = {{4}}, .up = true}};
	const struct plane_team team = {.uplinks = uplink, .n_uplinks = 1, .carrier = carrier};
	const struct plane_vlan_policy vlan = {.id = 7};
	const struct plane_input in = {.ports = ports,
		.n_ports = 3,
		.teams = &team,
		.n_teams = 1,
		.vlans = &vlan,
		.n_vlans = 1};
	struct rig r = rig_open();
	struct plane *p = NULL;
	unsigned int at = 0;

	while (p == NULL) {
		fail_in = ++at;
		p = plane_build(&in, r.sets);
		assert_true(p != NULL || fail_in == 0);
		assert_true(p != NULL || portset_pool_count(r.sets) == 0);
	}
	fail_in = 0;
	assert_true(at > 4);
	plane_destroy(p, r.sets);
	rig_close(&r);
}

static unsigned int n_died;

static void count(void *object)
{
	n_died++;
}

static void retirement_waits_when_it_cannot_remember(void **state)
{
	struct rig r = rig_open();

	n_died = 0;
	for (unsigned int i = 0; i < 200; i++) { /* a chunk holds fewer */
		fail_in = i >= 150 && n_died == 0;
		retire_later(r.retire, &r, count);
	}
	fail_in = 0;
	assert_true(n_died > 150);
	assert_int_equal(retire_poll(r.retire), 0);
	assert_int_equal(n_died, 200);
	rig_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_cannot_be_made_is_not_half_made),
		cmocka_unit_test(a_group_that_cannot_be_set_stays_what_it_was),
		cmocka_unit_test(a_plane_is_built_whole_or_not),
		cmocka_unit_test(retirement_waits_when_it_cannot_remember),
	};

	return cmocka_run_group_tests_name("fwd_oom", tests, NULL, NULL);
}

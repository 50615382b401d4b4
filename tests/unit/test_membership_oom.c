/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Membership without memory: the test stands between the room and libc, and lets the nth
 * allocation and all after it fail. A call that says so has changed nothing. Slabs make that coarse;
 * under AddressSanitizer every object is an allocation.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "membership/membership.h"

#define VLAN        20
#define SEC         NSEC_PER_SEC
#define N_STEPS     14u
#define N_FAILURES  64u /* more than a scenario allocates */
#define NEVER_FAILS UINT32_MAX

static uint32_t n_until_failure = NEVER_FAILS;
static unsigned int n_refused;

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);

static bool is_failing(void)
{
	if (n_until_failure == NEVER_FAILS)
		return false;
	if (n_until_failure == 0)
		return true;
	n_until_failure--;
	return false;
}

void *__wrap_malloc(size_t size)
{
	return is_failing() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return is_failing() ? NULL : __real_calloc(n, size);
}

static struct ip_addr v4(uint32_t a)
{
	return ip_from_v4(__builtin_bswap32(a));
}

/* What can be seen of the rows, as a number. Allocates nothing that may fail. */
static bool row_digest(
	const struct membership_row *row, const struct membership_row_source *sources, void *ctx)
{
	uint64_t *h = ctx;

	*h += hash_mix(ip_hash(&row->group.ip, row->port) + mac_to_u64(&row->group.mac) +
		       row->expires * 3 + row->exclude + row->origin * 7 + row->version * 11);
	for (unsigned int i = 0; i < row->n_sources; i++)
		*h += hash_mix(ip_hash(&sources[i].source, row->port) + sources[i].expires +
			       sources[i].forwarded);
	return true;
}

static uint64_t rows_digest(const struct membership *m)
{
	uint32_t saved = n_until_failure;
	uint64_t h = 0;

	n_until_failure = NEVER_FAILS;
	membership_walk(m, VLAN, UINT16_MAX, NULL, row_digest, &h);
	n_until_failure = saved;
	return h;
}

static struct membership *machine_create(void)
{
	const struct membership_sink sink = {0};
	struct membership *m = membership_create(&sink, 1, SEC);
	struct membership_vlan vlan = {
		.id = VLAN,
		.timers = {2, 125 * SEC, 10 * SEC, SEC},
		.querier = QUERIER_AUTO,
		.querier_address = {ip_from_v4(0)},
	};
	struct bitset ports = {0};

	if (m == NULL)
		return NULL;
	if (membership_vlan_set(m, &vlan, SEC) < 0)
		goto fail;
	for (uint16_t i = 1; i <= 3; i++) {
		struct membership_port port = {
			.id = i, .is_uplink = i == 3, .max_groups = 64, .max_sources = 8};

		if (membership_port_set(m, &port, SEC) < 0)
			goto fail;
		bitset_set(&ports, i);
	}
	membership_vlan_ports(m, VLAN, &ports, SEC);
	return m;
fail:
	membership_destroy(m);
	return NULL;
}

/* Returns -ENOMEM when the record was refused for that. */
static int record(
	struct membership *m, enum group_record_type type, uint8_t host, unsigned int n, nsec now)
{
	uint8_t body[8 + 8 * 4] = {(uint8_t)type, 0, 0, (uint8_t)n, 239, 1, 1, 1};
	struct group_msg msg = {
		.type = GROUP_MSG_RECORDS,
		.version = 3,
		.source = v4(0x0a000000 + host),
		.n_records = 1,
		.body = body,
		.body_size = 8 + n * 4,
	};
	struct mac_addr mac = {{2, 0, 0, 0, 0, host}};

	for (unsigned int i = 0; i < n; i++) {
		body[8 + i * 4] = 10;
		body[8 + i * 4 + 3] = (uint8_t)(host + i);
	}
	return membership_message_seen(m, VLAN, 1, &mac, &msg, now) == MEMBERSHIP_DROP_NO_MEMORY
		       ? -ENOMEM
		       : 0;
}

static int filter(struct membership *m, unsigned int n, nsec now)
{
	struct mac_addr macs[4];

	for (unsigned int i = 0; i < n; i++)
		macs[i] = (struct mac_addr){{1, 0, 0x5e, 1, 1, (uint8_t)(i + n)}};
	return membership_filter_set(m, VLAN, 1, macs, n, false, now);
}

static int step(struct membership *m, unsigned int i, nsec now)
{
	struct ip_addr group = v4(0xef010101), source = v4(0x0a000063), any = ip_from_v4(0);

	switch (i) {
	case 0:
		return record(m, GROUP_RECORD_IS_IN, 1, 3, now);
	case 1:
		return record(m, GROUP_RECORD_ALLOW, 2, 4, now);
	case 2:
		return filter(m, 3, now);
	case 3:
		return record(m, GROUP_RECORD_BLOCK, 2, 2, now);
	case 4:
		return membership_static_add(m, VLAN, 1, &group, &source, now);
	case 5:
		return membership_static_add(m, VLAN, 2, &group, &any, now);
	case 6:
		return record(m, GROUP_RECORD_TO_EX, 1, 4, now);
	case 7:
		return filter(m, 4, now);
	case 8:
		return record(m, GROUP_RECORD_TO_IN, 1, 0, now);
	case 9:
		return membership_restore(m, VLAN, 2, &group, false, &source, 1, now);
	case 10:
		return membership_router_static(m, VLAN, 3, true, now);
	case 11:
		return record(m, GROUP_RECORD_IS_EX, 3, 0, now);
	case 12:
		return membership_static_del(m, VLAN, 2, &group, &any, now) == -ENOMEM ? -ENOMEM
										       : 0;
	default:
		membership_advance(m, now + 300 * SEC);
		return 0;
	}
}

/* The nth allocation of this step and all after it fail; then the step is done again with memory. */
static void step_fails(unsigned int which, uint32_t n)
{
	struct membership *m = machine_create();
	uint64_t before;
	nsec now = SEC;
	int rc;

	assert_non_null(m);
	for (unsigned int i = 0; i < N_STEPS; i++, now += SEC / 10) {
		membership_advance(m, now);
		before = rows_digest(m);
		n_until_failure = i == which ? n : NEVER_FAILS;
		rc = step(m, i, now);
		n_until_failure = NEVER_FAILS;
		if (rc == 0)
			continue;
		n_refused++;
		assert_int_equal(i, which);
		assert_int_equal(rc, -ENOMEM);
		assert_true(rows_digest(m) == before);
		assert_int_equal(step(m, i, now), 0);
	}
	assert_int_equal(
		membership_row_count(m, UINT16_MAX), 5); /* static one, four of the filter */
	membership_destroy(m);
}

static void every_step_fails_cleanly(void **state)
{
	for (unsigned int which = 0; which < N_STEPS; which++) {
		for (uint32_t n = 0; n < 16; n++)
			step_fails(which, n);
	}
	print_message("%u refusals\n", n_refused);
	assert_true(n_refused > 0);
}

static void everything_fails_from_somewhere_on(void **state)
{
	for (uint32_t n = 0; n < N_FAILURES; n++) {
		struct membership *m;

		n_until_failure = n;
		m = machine_create();
		for (unsigned int i = 0; i < N_STEPS && m != NULL; i++)
			step(m, i, SEC + i * SEC / 10);
		n_until_failure = NEVER_FAILS;
		membership_destroy(m);
	}
}

/* A leave that cannot be asked about: a timer lowered without a question would cut siblings. */
static void what_cannot_be_asked_about_is_not_cut(void **state)
{
	struct membership *m = machine_create();

	assert_non_null(m);
	assert_int_equal(record(m, GROUP_RECORD_IS_EX, 1, 0, SEC), 0);
	assert_int_equal(record(m, GROUP_RECORD_IS_EX, 2, 0, SEC), 0);
	n_until_failure = 0;
	assert_int_equal(record(m, GROUP_RECORD_TO_IN, 1, 0, 2 * SEC), 0);
	n_until_failure = NEVER_FAILS;
	membership_advance(m, 200 * SEC);
	assert_int_equal(membership_row_count(m, 1), 1);
	membership_destroy(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_step_fails_cleanly),
		cmocka_unit_test(everything_fails_from_somewhere_on),
		cmocka_unit_test(what_cannot_be_asked_about_is_not_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

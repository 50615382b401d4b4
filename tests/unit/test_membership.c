/* SPDX-License-Identifier: BSD-3-Clause */
/* What the room promises beside the RFCs, which tests/sim replays: memory, limits, failures. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "membership/membership.h"

#define VLAN     20
#define N_GROUPS 10000u
#define N_PORTS  8u
#define SEC      NSEC_PER_SEC

static const struct membership_timers timers = {
	.robustness = 2,
	.query_interval = 125 * SEC,
	.query_response = 10 * SEC,
	.last_member_interval = SEC,
};

static unsigned int n_changed;
static unsigned int n_quota;
static unsigned int n_asked; /* sources in queries */
static unsigned int n_queries;

static void group_changed(void *ctx, uint16_t vlan, const struct membership_group *group)
{
	n_changed++;
}

static void event(void *ctx, const struct membership_event *e)
{
	n_quota += e->type == MEMBERSHIP_QUOTA;
}

static void send_query(
	void *ctx, uint16_t vlan, const struct bitset *ports, const struct group_query *query)
{
	n_queries++;
	n_asked += query->n_sources;
}

static struct membership *machine_create(uint32_t max_groups)
{
	const struct membership_sink sink = {
		.group_changed = group_changed, .send_query = send_query, .event = event};
	struct membership *m = membership_create(&sink, 1, SEC);
	struct membership_vlan vlan = {.id = VLAN, .timers = timers};
	struct bitset ports = {0};

	assert_non_null(m);
	vlan.querier_address[0] = ip_from_v4(0);
	assert_int_equal(membership_vlan_set(m, &vlan, SEC), 0);
	for (uint16_t i = 0; i < N_PORTS; i++) {
		struct membership_port port = {
			.id = i, .max_groups = max_groups, .max_sources = 80};

		assert_int_equal(membership_port_set(m, &port, SEC), 0);
		bitset_set(&ports, i);
	}
	membership_vlan_ports(m, VLAN, &ports, SEC);
	n_changed = 0;
	n_quota = 0;
	return m;
}

static struct group_msg report(uint32_t group)
{
	return (struct group_msg){
		.type = GROUP_MSG_REPORT,
		.version = 2,
		.source = ip_from_v4(0x0100000a),
		.group = ip_from_v4(__builtin_bswap32(group)),
	};
}

static enum membership_verdict join(struct membership *m, uint16_t port, uint32_t group, nsec now)
{
	struct mac_addr mac = {{2, 0, 0, 0, 0, (uint8_t)port}};
	struct group_msg msg = report(group);

	return membership_message_seen(m, VLAN, port, &mac, &msg, now);
}

static void many_groups_fit(void **state)
{
	struct membership *m = machine_create(N_GROUPS);
	size_t before = membership_memory(m);
	size_t size;

	for (uint32_t i = 0; i < N_GROUPS * N_PORTS; i++)
		assert_int_equal(join(m, i % N_PORTS, 0xef000000 + i / N_PORTS, SEC), 0);
	size = membership_memory(m) - before;
	print_message("%u rows with a reporter each: %zu octets, %zu a row\n", N_GROUPS * N_PORTS,
		size, size / (N_GROUPS * N_PORTS));
	assert_int_equal(membership_row_count(m, UINT16_MAX), N_GROUPS * N_PORTS);
	assert_int_equal(n_changed, N_GROUPS * N_PORTS);
	membership_port_down(m, 3, 2 * SEC);
	assert_int_equal(membership_row_count(m, UINT16_MAX), N_GROUPS * (N_PORTS - 1));
	membership_advance(m, 300 * SEC);
	assert_int_equal(membership_row_count(m, UINT16_MAX), 0);
#ifndef __SANITIZE_ADDRESS__
	assert_in_range(
		size / (N_GROUPS * N_PORTS), 1, 200); /* a plain row, its share of a group */
	assert_true(size < 13 << 20);
#endif
	membership_destroy(m);
}

static void refresh_is_not_told(void **state)
{
	struct membership *m = machine_create(16);

	join(m, 1, 0xef010101, SEC);
	assert_int_equal(n_changed, 1);
	join(m, 1, 0xef010101, 2 * SEC);
	join(m, 1, 0xef010101, 3 * SEC);
	assert_int_equal(n_changed, 1);
	membership_destroy(m);
}

/* ::ffff:239.1.1.1 in MLD reads like an IPv4 group; it must not touch one. */
static void mapped_group_in_mld_is_none(void **state)
{
	static const uint8_t body[20] = {GROUP_RECORD_IS_EX, [14] = 0xff, [15] = 0xff, [16] = 239,
		[17] = 1, [18] = 1, [19] = 1};
	struct membership *m = machine_create(16);
	struct mac_addr mac = {{2}};
	struct group_msg msg = {
		.type = GROUP_MSG_RECORDS,
		.version = 2,
		.v6 = true,
		.source = {.b = {0xfe, 0x80, [15] = 1}},
		.n_records = 1,
		.body = body,
		.body_size = sizeof(body),
	};

	membership_message_seen(m, VLAN, 1, &mac, &msg, SEC);
	msg.type = GROUP_MSG_REPORT;
	msg.version = 1;
	msg.group = ip_from_v4(0x010101ef);
	membership_message_seen(m, VLAN, 1, &mac, &msg, SEC);
	assert_int_equal(membership_row_count(m, UINT16_MAX), 0);
	membership_destroy(m);
}

/* threats.md: one guest fills the table; the others lose nothing. */
static void offender_is_refused(void **state)
{
	struct membership *m = machine_create(16);

	assert_int_equal(join(m, 2, 0xef010101, SEC), MEMBERSHIP_PASS_ROUTERS);
	for (uint32_t i = 0; i < 1000000; i++)
		join(m, 1, 0xe0010000 + i, SEC);
	assert_int_equal(membership_row_count(m, 1), 16);
	assert_int_equal(membership_row_count(m, 2), 1);
	assert_int_equal(n_quota, 1);
	assert_int_equal(membership_port_counters(m, 1)->verdicts[MEMBERSHIP_DROP_QUOTA_GROUPS],
		1000000 - 16);
	assert_true(membership_memory(m) < 1 << 20);
	membership_destroy(m);
}

static void report_with_sources(
	struct membership *m, uint16_t port, uint32_t group, enum group_record_type type, nsec now)
{
	uint8_t body[8 + 4 * 4] = {(uint8_t)type, 0, 0, 4, (uint8_t)(group >> 24),
		(uint8_t)(group >> 16), (uint8_t)(group >> 8), (uint8_t)group, 10, 0, 0, 1, 10, 0,
		0, 2, 10, 0, 0, 3, 10, 0, 0, 4};
	struct group_msg msg = {
		.type = GROUP_MSG_RECORDS,
		.version = 3,
		.source = ip_from_v4(0x0100000a),
		.n_records = 1,
		.body = body,
		.body_size = sizeof(body),
	};
	struct mac_addr mac = {{2, 0, 0, 0, 0, (uint8_t)port}};

	assert_int_equal(
		membership_message_seen(m, VLAN, port, &mac, &msg, now), MEMBERSHIP_PASS_ROUTERS);
}

/* 65,536 rows of 4 sources come, are refreshed and go. What a report costs is counted by
 * tests/net/test_scale.py. */
static void many_rows_of_sources(void **state)
{
	struct membership *m = machine_create(65536);
	uint32_t n_rows = 65536;

	for (uint32_t i = 0; i < n_rows; i++)
		report_with_sources(
			m, i % N_PORTS, 0xe8000000 + i / N_PORTS, GROUP_RECORD_ALLOW, SEC);
	assert_int_equal(membership_row_count(m, UINT16_MAX), n_rows);
	assert_int_equal(n_changed, n_rows);
	for (uint32_t i = 0; i < n_rows; i++)
		report_with_sources(
			m, i % N_PORTS, 0xe8000000 + i / N_PORTS, GROUP_RECORD_IS_IN, 2 * SEC);
	assert_int_equal(n_changed, n_rows);
	print_message(
		"%u rows of 4 sources: %zu octets a row\n", n_rows, membership_memory(m) / n_rows);
	for (uint32_t i = 0; i < n_rows; i++)
		report_with_sources(
			m, i % N_PORTS, 0xe8000000 + i / N_PORTS, GROUP_RECORD_BLOCK, 3 * SEC);
	membership_advance(m, 6 * SEC);
	assert_int_equal(membership_row_count(m, UINT16_MAX), 0);
	membership_destroy(m);
}

/* A report of version 3 from a host: records as on the wire. */
static enum membership_verdict records_report(struct membership *m, uint8_t host,
	const uint8_t *body, size_t size, uint16_t n_records, nsec now)
{
	const struct mac_addr mac = {{2, [5] = host}};
	const struct group_msg msg = {
		.type = GROUP_MSG_RECORDS,
		.version = 3,
		.source = ip_from_v4(0x0100000a + ((uint32_t)host << 24)),
		.n_records = n_records,
		.body = body,
		.body_size = size,
	};

	return membership_message_seen(m, VLAN, 1, &mac, &msg, now);
}

/* RFC 3376 6.6.3.2 says nothing of frames: each query is to fit into one. */
static void many_sources_are_asked_about_in_several_queries(void **state)
{
	struct membership *m = machine_create(16);
	struct membership_vlan vlan = {.id = VLAN, .timers = timers, .querier = QUERIER_AUTO};
	uint8_t body[8 + 4 * 70] = {GROUP_RECORD_ALLOW, 0, 0, 70, 232, 1, 1, 1};

	for (uint8_t i = 0; i < 70; i++)
		memcpy(&body[8 + 4 * i], (uint8_t[4]){10, 9, 0, i}, 4);
	vlan.querier_address[0] = ip_from_v4(0);
	assert_int_equal(membership_vlan_set(m, &vlan, SEC), 0);
	records_report(m, 1, body, sizeof(body), 1, SEC);
	body[0] = GROUP_RECORD_BLOCK;
	n_queries = n_asked = 0;
	records_report(m, 1, body, sizeof(body), 1, 2 * SEC);
	assert_int_equal(n_queries, 2);
	assert_int_equal(n_asked, 70);
	membership_advance(m, 5 * SEC);
	assert_int_equal(n_queries, 4);
	assert_int_equal(n_asked, 140);
	assert_int_equal(membership_row_count(m, UINT16_MAX), 0);
	membership_destroy(m);
}

/* What would go on to the routers must not be more than this switch has. */
static void one_refused_record_refuses_the_message(void **state)
{
	static const uint8_t body[] = {GROUP_RECORD_IS_EX, 0, 0, 0, 239, 1, 1, 2, /* too many */
		GROUP_RECORD_IS_EX, 0, 0, 0, 239, 1, 1, 1};
	struct membership *m = machine_create(1);

	assert_int_equal(join(m, 1, 0xef010101, SEC), MEMBERSHIP_PASS_ROUTERS);
	assert_int_equal(
		records_report(m, 1, body, sizeof(body), 2, 2 * SEC), MEMBERSHIP_DROP_QUOTA_GROUPS);
	assert_int_equal(membership_row_count(m, 1), 1);
	membership_advance(m, 261 * SEC + SEC / 2); /* the other one was taken */
	assert_int_equal(membership_row_count(m, 1), 1);
	membership_advance(m, 262 * SEC);
	assert_int_equal(membership_row_count(m, 1), 0);
	membership_destroy(m);
}

static void a_source_is_a_host(void **state)
{
	static const uint8_t body[] = {
		GROUP_RECORD_IS_IN, 0, 0, 2, 239, 1, 1, 1, 0, 0, 0, 0, 239, 5, 5, 5};
	struct membership *m = machine_create(16);

	assert_int_equal(records_report(m, 1, body, sizeof(body), 1, SEC), MEMBERSHIP_PASS_ROUTERS);
	assert_int_equal(membership_row_count(m, UINT16_MAX), 0);
	membership_destroy(m);
}

/* Beyond what is tracked no leave is instant: it could cut one that is not. */
static void of_too_many_hosts_none_is_cut(void **state)
{
	static const uint8_t join_all[] = {GROUP_RECORD_IS_EX, 0, 0, 0, 239, 1, 1, 1};
	static const uint8_t leave_all[] = {GROUP_RECORD_TO_IN, 0, 0, 0, 239, 1, 1, 1};
	struct membership_vlan vlan = {.id = VLAN, .timers = timers, .fast_leave = true};
	struct membership *m = machine_create(16);

	vlan.querier_address[0] = ip_from_v4(0);
	assert_int_equal(membership_vlan_set(m, &vlan, SEC), 0);
	for (unsigned int i = 0; i < 200; i++)
		records_report(m, (uint8_t)i, join_all, sizeof(join_all), 1, SEC);
	for (unsigned int i = 0; i < 199; i++)
		records_report(m, (uint8_t)i, leave_all, sizeof(leave_all), 1, 2 * SEC);
	assert_int_equal(membership_row_count(m, 1), 1);
	membership_advance(m, 200 * SEC);
	assert_int_equal(membership_row_count(m, 1), 1);
	membership_destroy(m);
}

static void the_last_of_many_hosts_leaves_at_once(void **state)
{
	static const uint8_t join_all[] = {GROUP_RECORD_IS_EX, 0, 0, 0, 239, 1, 1, 1};
	static const uint8_t leave_all[] = {GROUP_RECORD_TO_IN, 0, 0, 0, 239, 1, 1, 1};
	struct membership_vlan vlan = {.id = VLAN, .timers = timers, .fast_leave = true};
	struct membership *m = machine_create(16);

	vlan.querier_address[0] = ip_from_v4(0);
	assert_int_equal(membership_vlan_set(m, &vlan, SEC), 0);
	for (unsigned int i = 0; i < 100; i++)
		records_report(m, (uint8_t)i, join_all, sizeof(join_all), 1, SEC);
	for (unsigned int i = 0; i < 100; i++) {
		assert_int_equal(membership_row_count(m, 1), 1);
		records_report(m, (uint8_t)i, leave_all, sizeof(leave_all), 1, 2 * SEC);
	}
	assert_int_equal(membership_row_count(m, 1), 0);
	membership_destroy(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_groups_fit),
		cmocka_unit_test(refresh_is_not_told),
		cmocka_unit_test(mapped_group_in_mld_is_none),
		cmocka_unit_test(offender_is_refused),
		cmocka_unit_test(many_rows_of_sources),
		cmocka_unit_test(many_sources_are_asked_about_in_several_queries),
		cmocka_unit_test(one_refused_record_refuses_the_message),
		cmocka_unit_test(a_source_is_a_host),
		cmocka_unit_test(of_too_many_hosts_none_is_cut),
		cmocka_unit_test(the_last_of_many_hosts_leaves_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What membership costs among many rows, in instructions, which are the same in every run:
 *
 *     valgrind --tool=callgrind --toggle-collect=measured --callgrind-out-file=/dev/null build/tests/sim/cost WHAT ROWS
 *
 * prints "Collected : N". ROWS rows of 4 sources stand, on 8 ports. WHAT is
 *
 *   report   N is of 512 reports: a join, a refresh, a change of sources and a leave of each of 128 groups
 *   lives    N is of ROWS lives: each row joins, is refreshed and expires by its timers
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "membership/membership.h"

#define VLAN      1
#define N_PORTS   8u
#define N_SOURCES 4u
#define N_CHANGES 128u
#define BEGIN     NSEC_PER_SEC

static void report(struct membership *m, uint32_t row, enum group_record_type type,
	uint16_t n_sources, nsec now)
{
	uint32_t group = 0xef000000 + row / N_PORTS;
	uint16_t port = row % N_PORTS;
	uint8_t body[8 + 4 * N_SOURCES] = {(uint8_t)type, 0, 0, (uint8_t)n_sources,
		(uint8_t)(group >> 24), (uint8_t)(group >> 16), (uint8_t)(group >> 8),
		(uint8_t)group};
	const struct mac_addr mac = {{2, [5] = (uint8_t)port}};
	const struct group_msg msg = {
		.type = GROUP_MSG_RECORDS,
		.version = 3,
		.source = ip_from_v4(0x0100000a),
		.n_records = 1,
		.body = body,
		.body_size = 8 + 4u * n_sources,
	};

	for (uint8_t i = 0; i < n_sources; i++)
		memcpy(&body[8 + 4 * i], (uint8_t[4]){10, (uint8_t)port, 0, i}, 4);
	if (membership_message_seen(m, VLAN, port, &mac, &msg, now) != MEMBERSHIP_PASS_ROUTERS)
		abort();
}

static struct membership *machine_create(void)
{
	const struct membership_sink sink = {0};
	const struct membership_vlan vlan = {
		.id = VLAN,
		.timers = {2, 125 * NSEC_PER_SEC, 10 * NSEC_PER_SEC, NSEC_PER_SEC},
		.querier_address = {ip_from_v4(0)},
		.fast_leave = true,
	};
	struct membership *m = membership_create(&sink, 1, BEGIN);
	struct bitset ports = {0};

	if (m == NULL || membership_vlan_set(m, &vlan, BEGIN) < 0)
		abort();
	for (uint16_t i = 0; i < N_PORTS; i++) {
		const struct membership_port port = {
			.id = i, .max_groups = UINT32_MAX, .max_sources = N_SOURCES};

		if (membership_port_set(m, &port, BEGIN) < 0)
			abort();
		bitset_set(&ports, i);
	}
	membership_vlan_ports(m, VLAN, &ports, BEGIN);
	return m;
}

/* Rows first to end, each a little later than the one before: timers do not fall due at once. */
static nsec rows_join(struct membership *m, uint32_t first, uint32_t end, nsec now)
{
	for (uint32_t row = first; row < end; row++) {
		now += NSEC_PER_MS;
		report(m, row, GROUP_RECORD_TO_IN, N_SOURCES, now);
	}
	return now;
}

/* Among `rows` others, from every part of the table. */
static void reports_take(struct membership *m, uint32_t rows, nsec now)
{
	for (uint32_t i = 0; i < N_CHANGES; i++) {
		uint32_t fresh = rows + N_PORTS + i * N_PORTS, old = i * (rows / N_CHANGES);

		now += NSEC_PER_MS;
		report(m, fresh, GROUP_RECORD_TO_EX, 0, now);
		report(m, old, GROUP_RECORD_IS_IN, N_SOURCES, now);
		report(m, old, GROUP_RECORD_BLOCK, 1, now);
		report(m, fresh, GROUP_RECORD_TO_IN, 0, now);
	}
}

static void rows_live(struct membership *m, uint32_t rows)
{
	nsec now = rows_join(m, 0, rows, BEGIN);

	now = rows_join(m, 0, rows, now);
	membership_advance(m, now + 300 * NSEC_PER_SEC);
}

__attribute__((noinline)) static void measured(
	struct membership *m, bool lives, uint32_t rows, nsec now)
{
	if (lives)
		rows_live(m, rows);
	else
		reports_take(m, rows, now);
}

int main(int argc, char **argv)
{
	bool lives = argc == 3 && strcmp(argv[1], "lives") == 0;
	uint32_t rows = argc == 3 ? (uint32_t)strtoul(argv[2], NULL, 10) : 0;
	struct membership *m;
	nsec now = BEGIN;

	if (rows < N_CHANGES || (!lives && strcmp(argv[1], "report") != 0)) {
		fprintf(stderr, "cost report|lives ROWS, at least %u\n", N_CHANGES);
		return 2;
	}
	m = machine_create();
	if (!lives) /* and a group more, so that no table has to grow when one comes */
		now = rows_join(m, 0, rows + N_PORTS, now);
	measured(m, lives, rows, now);
	if (membership_row_count(m, UINT16_MAX) != (lives ? 0 : rows + N_PORTS))
		return 1;
	membership_destroy(m);
	return 0;
}

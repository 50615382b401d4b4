/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>
#include <string.h>

#include "table.h"
#include "top.h"

static long long number(const json_t *row, const char *key)
{
	return json_integer_value(json_object_get(row, key));
}

static const char *text(const json_t *row, const char *key)
{
	const char *s = json_string_value(json_object_get(row, key));

	return s != NULL ? s : "?";
}

/* --- cells --- */

static void busy_write(const json_t *row, char *cell)
{
	long long permille = number(row, "busy_permille");

	snprintf(cell, TABLE_CELL_SIZE, "%lld.%lld%%", permille / 10, permille % 10);
}

static void punt_write(const json_t *row, char *cell)
{
	snprintf(cell, TABLE_CELL_SIZE, "%lld/%lld", number(row, "punt_ring_fill"),
		number(row, "punt_ring_size"));
}

static void inject_write(const json_t *row, char *cell)
{
	snprintf(cell, TABLE_CELL_SIZE, "%lld/%lld", number(row, "inject_ring_fill"),
		number(row, "inject_ring_size"));
}

static void mbits_write(long long bps, char *cell)
{
	snprintf(cell, TABLE_CELL_SIZE, "%.2f", (double)bps / 1e6);
}

static void rx_mbits_write(const json_t *row, char *cell)
{
	mbits_write(number(row, "rx_bps"), cell);
}

static void tx_mbits_write(const json_t *row, char *cell)
{
	mbits_write(number(row, "tx_bps"), cell);
}

static const struct column core_columns[] = {
	{"Core", "lcore", COLUMN_NUMBER, NULL},
	{"Role", "role", COLUMN_TEXT, NULL},
	{"Busy", NULL, COLUMN_NUMBER, busy_write},
	{"Cycles/Frame", "cycles_per_frame", COLUMN_NUMBER, NULL},
	{"Rx-Pps", "rx_pps", COLUMN_NUMBER, NULL},
	{"Tx-Pps", "tx_pps", COLUMN_NUMBER, NULL},
	{"Punt-Ring", NULL, COLUMN_NUMBER, punt_write},
	{"Inject-Ring", NULL, COLUMN_NUMBER, inject_write},
	{NULL},
};

static const struct column port_columns[] = {
	{"Port", "name", COLUMN_TEXT, NULL},
	{"State", "state", COLUMN_TEXT, NULL},
	{"Rx-Pps", "rx_pps", COLUMN_NUMBER, NULL},
	{"Tx-Pps", "tx_pps", COLUMN_NUMBER, NULL},
	{"Rx-Mbit/s", NULL, COLUMN_NUMBER, rx_mbits_write},
	{"Tx-Mbit/s", NULL, COLUMN_NUMBER, tx_mbits_write},
	{"Drops/s", "drop_pps", COLUMN_NUMBER, NULL},
	{NULL},
};

static const struct column group_columns[] = {
	{"Pps", "pps", COLUMN_NUMBER, NULL},
	{"Packets", "packets", COLUMN_NUMBER, NULL},
	{"Ports", "ports", COLUMN_NUMBER, NULL},
	{"VLAN", "vlan", COLUMN_NUMBER, NULL},
	{"Group", "group", COLUMN_TEXT, NULL},
	{NULL},
};

/* --- rows --- */

static int by_rate(const void *a, const void *b)
{
	const json_t *p = *(json_t *const *)a, *q = *(json_t *const *)b;
	long long x = number(p, "rx_pps") + number(p, "tx_pps") + number(p, "drop_pps");
	long long y = number(q, "rx_pps") + number(q, "tx_pps") + number(q, "drop_pps");

	if (x != y)
		return x < y ? 1 : -1;
	return strcmp(text(p, "name"), text(q, "name"));
}

/* The n busiest ports, a new list. */
static json_t *ports_sort(const json_t *ports, size_t n)
{
	size_t n_ports = json_array_size(ports);
	json_t **row = calloc(n_ports + 1, sizeof(*row)), *sorted = json_array();

	for (size_t i = 0; row != NULL && i < n_ports; i++)
		row[i] = json_array_get(ports, i);
	if (row != NULL)
		qsort(row, n_ports, sizeof(*row), by_rate);
	for (size_t i = 0; row != NULL && i < n_ports && i < n; i++)
		json_array_append(sorted, row[i]);
	free(row);
	return sorted;
}

static json_t *head_of(const json_t *rows, size_t n)
{
	json_t *head = json_array();

	for (size_t i = 0; i < n && i < json_array_size(rows); i++)
		json_array_append(head, json_array_get(rows, i));
	return head;
}

/* --- the frame --- */

static void summary_print(FILE *out, const json_t *s)
{
	char uptime[TABLE_CELL_SIZE], line[512];

	table_duration(number(s, "uptime_ms"), uptime);
	snprintf(line, sizeof(line),
		"mcswitch %s  up %s  groups %lld  memberships %lld  mbufs %lld/%lld  dropped %lld",
		text(s, "version"), uptime, number(s, "groups"), number(s, "rows"),
		number(s, "mbufs_in_use"), number(s, "mbufs_total"), number(s, "dropped"));
	table_clean(line);
	fprintf(out, "%s\n", line);
}

static void section_print(FILE *out, const struct column *columns, json_t *rows)
{
	fputc('\n', out);
	fputc(TOP_HEADING, out);
	table_print(out, columns, rows);
	json_decref(rows);
}

/* Cores always; ports and groups share what is left, and what one does not need the other takes. */
void top_frame(FILE *out, const struct top_answers *a, unsigned int n_lines)
{
	size_t n_cores = json_array_size(a->cores), n_ports = json_array_size(a->ports);
	size_t n_groups = json_array_size(a->groups), fixed = 1 + 3 * 2 + n_cores, left;

	if (n_lines > 0) {
		left = n_lines > fixed ? n_lines - fixed : 0;
		if (n_ports + n_groups > left && n_groups > left / 2)
			n_groups = n_ports > left / 2 ? left - left / 2 : left - n_ports;
		if (n_ports + n_groups > left)
			n_ports = left - n_groups;
	}
	summary_print(out, a->status);
	section_print(out, core_columns, head_of(a->cores, n_cores));
	section_print(out, port_columns, ports_sort(a->ports, n_ports));
	section_print(out, group_columns, head_of(a->groups, n_groups));
}

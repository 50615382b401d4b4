/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <string.h>

#include "request.h"
#include "show.h"
#include "table.h"

static const char *text(const json_t *row, const char *key)
{
	const char *s = json_string_value(json_object_get(row, key));

	return s != NULL ? s : "?";
}

void show_groups(const struct request *r, const json_t *result)
{
	static const struct column columns[] = {
		{"VLAN", "vlan", COLUMN_NUMBER, NULL},
		{"Source", "source", COLUMN_TEXT, NULL},
		{"Group", "group", COLUMN_TEXT, NULL},
		{"Port", "port", COLUMN_TEXT, NULL},
		{"Mode", "mode", COLUMN_TEXT, NULL},
		{"Origin", "origin", COLUMN_TEXT, NULL},
		{"Uptime", "uptime_ms", COLUMN_DURATION, NULL},
		{"Expires", "expires_ms", COLUMN_DURATION, NULL},
		{"Packets", "packets", COLUMN_NUMBER, NULL},
		{"Pps", "pps", COLUMN_NUMBER, NULL},
		{NULL},
	};

	table_print(stdout, columns, result);
}

void show_busiest(const struct request *r, const json_t *result)
{
	static const struct column columns[] = {
		{"Pps", "pps", COLUMN_NUMBER, NULL},
		{"Packets", "packets", COLUMN_NUMBER, NULL},
		{"Ports", "ports", COLUMN_NUMBER, NULL},
		{"VLAN", "vlan", COLUMN_NUMBER, NULL},
		{"Group", "group", COLUMN_TEXT, NULL},
		{NULL},
	};

	table_print(stdout, columns, result);
}

/* The next four are the table of the paper's last page. */
static void source_group_write(const json_t *row, char *cell)
{
	const char *source = text(row, "source"), *group = text(row, "group");

	if (strcmp(source, "*") == 0)
		source = strchr(group, ':') != NULL ? "::" : "0.0.0.0";
	snprintf(cell, TABLE_CELL_SIZE, "%s/%s", source, group);
}

static void interface_write(const json_t *row, char *cell)
{
	snprintf(cell, TABLE_CELL_SIZE, "Vl%lld:%s",
		(long long)json_integer_value(json_object_get(row, "vlan")), text(row, "port"));
}

/* How many different names the rows have in cell's words. */
static size_t distinct_count(const json_t *rows, void (*write)(const json_t *row, char *cell))
{
	json_t *seen = json_object(), *row;
	char name[TABLE_CELL_SIZE];
	size_t i, n;

	json_array_foreach (rows, i, row) {
		write(row, name);
		json_object_set_new(seen, name, json_true());
	}
	n = json_object_size(seen);
	json_decref(seen);
	return n;
}

static void reporter_write(const json_t *row, char *cell)
{
	snprintf(cell, TABLE_CELL_SIZE, "%s", text(row, "reporter"));
}

static void snooping_vlan_print(const json_t *rows)
{
	static const struct column columns[] = {
		{"Source/Group", NULL, COLUMN_TEXT, source_group_write},
		{"Interface", NULL, COLUMN_TEXT, interface_write},
		{"Reporter", "reporter", COLUMN_TEXT, NULL},
		{"Uptime", "uptime_ms", COLUMN_DURATION, NULL},
		{"Last-Join", "last_join_ms", COLUMN_DURATION, NULL},
		{"Last-Leave", "last_leave_ms", COLUMN_DURATION, NULL},
		{NULL},
	};
	const json_t *vlan = json_object_get(json_array_get(rows, 0), "vlan");

	printf("Snooping statistics for Vlan%lld\n", (long long)json_integer_value(vlan));
	printf("#channels: %zu\n", distinct_count(rows, source_group_write));
	printf("#hosts   : %zu\n\n", distinct_count(rows, reporter_write));
	table_print(stdout, columns, rows);
}

void show_snooping(const struct request *r, const json_t *result)
{
	json_t *rows = json_array(), *row;
	size_t i;

	json_array_foreach (result, i, row) {
		const json_t *before = json_array_get(rows, 0);

		if (before != NULL && !json_equal(json_object_get(before, "vlan"),
					      json_object_get(row, "vlan"))) {
			snooping_vlan_print(rows);
			printf("\n");
			json_array_clear(rows);
		}
		json_array_append(rows, row);
	}
	if (json_array_size(rows) > 0)
		snooping_vlan_print(rows);
	else
		printf("no reports were heard\n");
	json_decref(rows);
}

void show_queriers(const struct request *r, const json_t *result)
{
	static const struct column columns[] = {
		{"VLAN", "vlan", COLUMN_NUMBER, NULL},
		{"Family", "family", COLUMN_TEXT, NULL},
		{"State", "state", COLUMN_TEXT, NULL},
		{"Address", "address", COLUMN_TEXT, NULL},
		{"Version", "version", COLUMN_NUMBER, NULL},
		{"Port", "port", COLUMN_TEXT, NULL},
		{"Uptime", "uptime_ms", COLUMN_DURATION, NULL},
		{"Expires", "expires_ms", COLUMN_DURATION, NULL},
		{"Robustness", "robustness", COLUMN_NUMBER, NULL},
		{"Query-Interval", "query_interval_ms", COLUMN_DURATION, NULL},
		{"Query-Response", "query_response_ms", COLUMN_DURATION, NULL},
		{"Router-Ports", "router_ports", COLUMN_TEXT, NULL},
		{NULL},
	};

	table_print(stdout, columns, result);
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>

#include "show.h"
#include "table.h"

/* A port and family a line: an object with the members of the family and the port's name. */
static void family_append(json_t *rows, const json_t *port, const char *family)
{
	json_t *row = json_copy(json_object_get(port, family));

	json_object_set(row, "port", json_object_get(port, "port"));
	json_object_set_new(row, "protocol", json_string(family));
	json_array_append_new(rows, row);
}

static void messages_print(const json_t *result)
{
	static const struct column columns[] = {
		{"Port", "port", COLUMN_TEXT, NULL},
		{"Protocol", "protocol", COLUMN_TEXT, NULL},
		{"Rx-Query-1", "queries_rx.v1", COLUMN_NUMBER, NULL},
		{"2", "queries_rx.v2", COLUMN_NUMBER, NULL},
		{"3", "queries_rx.v3", COLUMN_NUMBER, NULL},
		{"Rx-Report-1", "reports_rx.v1", COLUMN_NUMBER, NULL},
		{"2", "reports_rx.v2", COLUMN_NUMBER, NULL},
		{"3", "reports_rx.v3", COLUMN_NUMBER, NULL},
		{"Rx-Leave", "leaves_rx", COLUMN_NUMBER, NULL},
		{"Tx-Query-1", "queries_tx.v1", COLUMN_NUMBER, NULL},
		{"2", "queries_tx.v2", COLUMN_NUMBER, NULL},
		{"3", "queries_tx.v3", COLUMN_NUMBER, NULL},
		{"Tx-Report-1", "reports_tx.v1", COLUMN_NUMBER, NULL},
		{"2", "reports_tx.v2", COLUMN_NUMBER, NULL},
		{"3", "reports_tx.v3", COLUMN_NUMBER, NULL},
		{"Tx-Leave", "leaves_tx", COLUMN_NUMBER, NULL},
		{NULL},
	};
	json_t *rows = json_array(), *port;
	size_t i;

	json_array_foreach (result, i, port) {
		family_append(rows, port, "igmp");
		family_append(rows, port, "mld");
	}
	table_print(stdout, columns, rows);
	json_decref(rows);
}

void show_counters(const struct request *r, const json_t *result)
{
	static const struct column columns[] = {
		{"Port", "port", COLUMN_TEXT, NULL},
		{"Rx-PIM", "pim_rx", COLUMN_NUMBER, NULL},
		{"Rx-MRD", "mrd_rx", COLUMN_NUMBER, NULL},
		{"Rx-Unknown", "unknown_rx", COLUMN_NUMBER, NULL},
		{"Odd-TTL", "odd.ttl", COLUMN_NUMBER, NULL},
		{"Odd-Alert", "odd.router_alert", COLUMN_NUMBER, NULL},
		{"Odd-Destination", "odd.destination", COLUMN_NUMBER, NULL},
		{"Odd-Source", "odd.source", COLUMN_NUMBER, NULL},
		{"Sources-Capped", "sources_capped", COLUMN_NUMBER, NULL},
		{NULL},
	};

	messages_print(result);
	printf("\n");
	table_print(stdout, columns, result);
}

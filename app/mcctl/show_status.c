/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <string.h>

#include "request.h"
#include "show.h"
#include "table.h"

static long long number(const json_t *row, const char *key)
{
	return json_integer_value(json_object_get(row, key));
}

static const char *text(const json_t *row, const char *key)
{
	const char *s = json_string_value(json_object_get(row, key));

	return s != NULL ? s : "?";
}

static const char *plural(long long n)
{
	return n == 1 ? "" : "s";
}

/* What came in must have gone somewhere; while frames are under way it may differ for a moment. */
static void law_print(const json_t *s)
{
	printf("in        rx %lld + injected %lld + references %lld = %lld\n", number(s, "rx"),
		number(s, "injected"), number(s, "references"),
		number(s, "rx") + number(s, "injected") + number(s, "references"));
	printf("out       tx %lld + punted %lld + dropped %lld + in flight %lld = %lld\n",
		number(s, "tx"), number(s, "punted"), number(s, "dropped"), number(s, "in_flight"),
		number(s, "tx") + number(s, "punted") + number(s, "dropped") +
			number(s, "in_flight"));
	printf("law       %s\n",
		json_is_true(json_object_get(s, "law_holds"))
			? "holds: in = out"
			: "in and out differ, as they may while frames are under way");
}

void show_config(const struct request *r, const json_t *result)
{
	fputs(json_string_value(json_object_get(result, "yaml")) ?: "", stdout);
}

void show_status(const struct request *r, const json_t *result)
{
	long long guests = number(result, "guests"), uplinks = number(result, "uplinks");
	char uptime[TABLE_CELL_SIZE];

	table_duration(number(result, "uptime_ms"), uptime);
	printf("mcswitch  %s, %s, up %s\n", text(result, "version"), text(result, "dpdk_version"),
		uptime);
	printf("workers   %lld\n", number(result, "workers"));
	printf("ports     %lld: %lld guest%s, %lld uplink%s\n", number(result, "ports"), guests,
		plural(guests), uplinks, plural(uplinks));
	printf("groups    %lld, memberships %lld\n", number(result, "groups"),
		number(result, "rows"));
	printf("mbufs     %lld of %lld in use\n", number(result, "mbufs_in_use"),
		number(result, "mbufs_total"));
	printf("punts     %lld handled, %lld waiting\n", number(result, "punts_handled"),
		number(result, "punts_waiting"));
	law_print(result);
}

void show_drops(const struct request *r, const json_t *result)
{
	static const struct column columns[] = {
		{"Count", "count", COLUMN_NUMBER, NULL},
		{"Name", "name", COLUMN_TEXT, NULL},
		{"Port", "port", COLUMN_TEXT, NULL},
		{"Sentence", "sentence", COLUMN_TEXT, NULL},
		{NULL},
	};
	json_t *shown = json_array(), *row;
	size_t i;

	json_array_foreach (result, i, row) {
		if (r->all || number(row, "count") > 0)
			json_array_append(shown, row);
	}
	if (json_array_size(shown) > 0)
		table_print(stdout, columns, shown);
	else
		printf("nothing was dropped\n");
	json_decref(shown);
}

static void params_write(const json_t *row, char *cell)
{
	const json_t *list = json_object_get(row, "params"), *param;
	size_t i, used = 0;

	snprintf(cell, TABLE_CELL_SIZE, "-");
	json_array_foreach (list, i, param) {
		bool needed = json_is_true(json_object_get(param, "required"));

		used += (size_t)snprintf(cell + used, TABLE_CELL_SIZE - used, "%s%s%s",
			i > 0 ? ", " : "", text(param, "name"), needed ? "" : "?");
		if (used >= TABLE_CELL_SIZE)
			return;
	}
}

void show_schema(const struct request *r, const json_t *result)
{
	static const struct column columns[] = {
		{"Name", "name", COLUMN_TEXT, NULL},
		{"Role", "role", COLUMN_TEXT, NULL},
		{"Parameters", NULL, COLUMN_TEXT, params_write},
		{"Help", "help", COLUMN_TEXT, NULL},
		{NULL},
	};

	table_print(stdout, columns, result);
}

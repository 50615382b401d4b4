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

static bool is_worker(const json_t *row)
{
	const char *role = json_string_value(json_object_get(row, "role"));

	return role != NULL && strcmp(role, "worker") == 0;
}

/* Of the last second. */
static void busy_write(const json_t *row, char *cell)
{
	long long permille = number(row, "busy_permille");

	snprintf(cell, TABLE_CELL_SIZE, "%lld.%lld%%", permille / 10, permille % 10);
}

static void ring_write(const json_t *row, const char *fill, const char *size, char *cell)
{
	if (number(row, size) == 0)
		snprintf(cell, TABLE_CELL_SIZE, "-");
	else
		snprintf(cell, TABLE_CELL_SIZE, "%lld/%lld", number(row, fill), number(row, size));
}

static void punt_ring_write(const json_t *row, char *cell)
{
	ring_write(row, "punt_ring_fill", "punt_ring_size", cell);
}

static void inject_ring_write(const json_t *row, char *cell)
{
	ring_write(row, "inject_ring_fill", "inject_ring_size", cell);
}

/* A share of all that were counted, in each bucket of a power of two: 1, 2, 3-4, 5-8 ... */
static void histogram_print(const char *heading, const char *key, const json_t *cores)
{
	const json_t *core, *count, *first = json_object_get(json_array_get(cores, 0), key);
	size_t i, b;

	printf("\n%-14s", heading);
	json_array_foreach (first, b, count) {
		char bucket[16];

		snprintf(bucket, sizeof(bucket), "%d", 1 << b);
		if (b > 1)
			snprintf(bucket, sizeof(bucket), "%d-%d", (1 << (b - 1)) + 1, 1 << b);
		printf("  %7s", bucket);
	}
	putchar('\n');
	json_array_foreach (cores, i, core) {
		long long sum = 0;

		json_array_foreach (json_object_get(core, key), b, count)
			sum += json_integer_value(count);
		printf("lcore %-8lld", number(core, "lcore"));
		json_array_foreach (json_object_get(core, key), b, count)
			printf("  %6.2f%%",
				sum > 0 ? 100.0 * (double)json_integer_value(count) / (double)sum
					: 0.0);
		putchar('\n');
	}
}

void show_cores(const struct request *r, const json_t *result)
{
	static const struct column columns[] = {
		{"Lcore", "lcore", COLUMN_NUMBER, NULL},
		{"Node", "numa_node", COLUMN_NUMBER, NULL},
		{"Role", "role", COLUMN_TEXT, NULL},
		{"Ports", "ports", COLUMN_NUMBER, NULL},
		{"Rx", "rx", COLUMN_NUMBER, NULL},
		{"Tx", "tx", COLUMN_NUMBER, NULL},
		{"Rx-Pps", "rx_pps", COLUMN_NUMBER, NULL},
		{"Tx-Pps", "tx_pps", COLUMN_NUMBER, NULL},
		{"Busy", NULL, COLUMN_NUMBER, busy_write},
		{"Cycles/Frame", "cycles_per_frame", COLUMN_NUMBER, NULL},
		{"Punt-Ring", NULL, COLUMN_NUMBER, punt_ring_write},
		{"Inject-Ring", NULL, COLUMN_NUMBER, inject_ring_write},
		{NULL},
	};
	json_t *workers, *row;
	size_t i;

	table_print(stdout, columns, result);
	if (!r->all)
		return;
	workers = json_array();
	json_array_foreach (result, i, row) {
		if (is_worker(row))
			json_array_append(workers, row);
	}
	histogram_print("Burst, frames", "bursts", workers);
	histogram_print("Frame, ways", "fanouts", workers);
	json_decref(workers);
}

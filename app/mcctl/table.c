/* SPDX-License-Identifier: BSD-3-Clause */
#include "table.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

void table_clean(char *text)
{
	for (; *text != '\0'; text++) {
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = '?';
	}
}

void table_duration(json_int_t ms, char *cell)
{
	long long s = ms / 1000;

	snprintf(cell, TABLE_CELL_SIZE, "%02lld:%02lld:%02lld", s / 3600, s / 60 % 60, s % 60);
}

static const json_t *member(const json_t *row, const char *key)
{
	const char *dot = strchr(key, '.');
	char first[64];

	if (dot == NULL)
		return json_object_get(row, key);
	snprintf(first, sizeof(first), "%.*s", (int)(dot - key), key);
	return member(json_object_get(row, first), dot + 1);
}

static void scalar_write(const json_t *value, char *cell, size_t size)
{
	if (json_is_string(value))
		snprintf(cell, size, "%s", json_string_value(value));
	else if (json_is_integer(value))
		snprintf(cell, size, "%lld", (long long)json_integer_value(value));
	else if (json_is_boolean(value))
		snprintf(cell, size, "%s", json_is_true(value) ? "yes" : "no");
	else
		snprintf(cell, size, "-");
}

static void list_write(const json_t *list, char *cell)
{
	const json_t *item;
	size_t i, used = 0;

	snprintf(cell, TABLE_CELL_SIZE, "-");
	json_array_foreach (list, i, item) {
		if (used + 1 >= TABLE_CELL_SIZE)
			return;
		if (i > 0)
			cell[used++] = ',';
		scalar_write(item, cell + used, TABLE_CELL_SIZE - used);
		used += strlen(cell + used);
	}
}

static void cell_write(const struct column *column, const json_t *row, char *cell)
{
	const json_t *value;

	if (column->write != NULL) {
		column->write(row, cell);
		table_clean(cell);
		return;
	}
	value = member(row, column->key);
	if (json_is_array(value))
		list_write(value, cell);
	else if (column->format == COLUMN_DURATION && json_is_integer(value))
		table_duration(json_integer_value(value), cell);
	else
		scalar_write(value, cell, TABLE_CELL_SIZE);
	table_clean(cell);
}

static void cell_print(FILE *out, const struct column *column, const char *text, size_t width)
{
	bool last = column[1].heading == NULL;

	if (column->format == COLUMN_NUMBER)
		fprintf(out, "%*s", (int)width, text);
	else if (last)
		fputs(text, out);
	else
		fprintf(out, "%-*s", (int)width, text);
	fputs(last ? "\n" : "  ", out);
}

#define MAX_COLUMNS 20

void table_print(FILE *out, const struct column *columns, const json_t *rows)
{
	size_t width[MAX_COLUMNS], i, n = 0;
	char cell[TABLE_CELL_SIZE];
	const json_t *row;

	for (; n < MAX_COLUMNS && columns[n].heading != NULL; n++)
		width[n] = strlen(columns[n].heading);
	json_array_foreach (rows, i, row) {
		for (size_t c = 0; c < n; c++) {
			cell_write(&columns[c], row, cell);
			if (strlen(cell) > width[c])
				width[c] = strlen(cell);
		}
	}
	for (size_t c = 0; c < n; c++)
		cell_print(out, &columns[c], columns[c].heading, width[c]);
	json_array_foreach (rows, i, row) {
		for (size_t c = 0; c < n; c++) {
			cell_write(&columns[c], row, cell);
			cell_print(out, &columns[c], cell, width[c]);
		}
	}
}

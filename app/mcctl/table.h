/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MCCTL_TABLE_H
#define MCCTL_TABLE_H

#include <jansson.h>
#include <stddef.h>
#include <stdio.h>

/*
 * A list of flat objects as an aligned table. The columns are data: heading, member, and how to
 * print it. null and what is missing is '-'; control characters never reach the terminal.
 */
enum column_format {
	COLUMN_TEXT,     /* strings, lists as a,b,c */
	COLUMN_NUMBER,   /* to the right */
	COLUMN_DURATION, /* milliseconds as hh:mm:ss */
	COLUMN_YES_NO,
};

#define TABLE_CELL_SIZE 256

struct column {
	const char *heading; /* NULL ends the list */
	const char *key;     /* "limits.groups" looks inside */
	enum column_format format;
	/* Not NULL: writes the cell itself, of the whole row. */
	void (*write)(const json_t *row, char *cell);
};

void table_print(FILE *out, const struct column *columns, const json_t *rows);

/* hh:mm:ss with as many hours as it takes. Writes at most TABLE_CELL_SIZE. */
void table_duration(json_int_t ms, char *cell);
/* '?' for what a terminal might obey. */
void table_clean(char *text);

#endif

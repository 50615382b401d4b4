/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef API_FAMILIES_H
#define API_FAMILIES_H

#include <stdbool.h>
#include <stddef.h>

/*
 * What is exported: one const table of metric families, written one after the other. Names and help
 * are the documentation; docs/grafana.json rests on them.
 *
 * Bounded: FAMILIES_MAX_GROUPS groups; mcswitch_groups_omitted says how many were left out.
 */
struct control;
struct evbuffer;
struct family;

#define FAMILIES_MAX_GROUPS 4096
#define FAMILIES_PIECE_ROWS 256 /* groups a piece */

struct families_walk {
	const struct control *control;
	struct evbuffer *out;
	bool openmetrics; /* else the older text format: it differs in names of counters and the end */
	const struct family *next; /* NULL: all is written */
	size_t next_row;           /* of a family that takes several pieces */
	struct group_figures *groups;
	size_t n_groups, n_omitted;
};

/* out is the caller's. 0 or -ENOMEM. */
int families_begin(
	struct families_walk *w, const struct control *c, struct evbuffer *out, bool openmetrics);
/* Append the next piece to out. True: there is more. */
bool families_write(struct families_walk *w);
void families_end(struct families_walk *w); /* in any case */

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MCCTL_TOP_H
#define MCCTL_TOP_H

#include <jansson.h>
#include <stdio.h>

#include "base/error.h"

/*
 * The live view: cores, ports and groups by rate, once a second. Plain ANSI escape sequences, on the
 * alternate screen, so that the terminal is afterwards as it was; follows the window's size; q ends it.
 * Without a terminal, or with --once, one frame as text.
 */
struct client;
struct request;

int top_run(const struct request *r, struct client *c, struct error *err);

/* What the switch answered, each a reference. */
struct top_answers {
	json_t *status, *cores, *ports, *groups;
};

/* Write a frame of at most n_lines lines (0: as many as it takes) to out. A line that begins a table
 * begins with TOP_HEADING. */
#define TOP_HEADING '\001'
void top_frame(FILE *out, const struct top_answers *a, unsigned int n_lines);

#endif

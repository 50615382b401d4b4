/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_STATE_FILE_H
#define CONTROL_STATE_FILE_H

#include <jansson.h>
#include <stddef.h>

#include "base/error.h"

/*
 * A file that is always whole: written beside, synced and renamed, by a thread of its own, because a
 * disk may be slow and the control loop may not. What it holds is its owner's business.
 */
#define STATE_FILE_MAX (64u << 20) /* octets that are read back */

struct state_file;

/* NULL: no memory or no thread. */
struct state_file *state_file_open(const char *path);
/* Write what is under way to the end. NULL is fine. */
void state_file_close(struct state_file *f);

/* Write text (stolen; malloc) soon; a text that has not been begun is replaced. */
void state_file_write(struct state_file *f, char *text, size_t size);

/* Errno of the last write, 0 when all is well. */
int state_file_error(struct state_file *f);

/* 0, -ENOENT when there is none, or what is wrong with it. */
int state_file_read(const char *path, json_t **out, struct error *err);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

/*
 * A log of single lines on a file descriptor, in the form that whoever reads it takes: for people
 * "mcswitch: warning: text", for the journal "<4>text" (sd-daemon(3)). Each level has a bucket of its
 * own, so a flood of one kind hides no other; what is left out is counted and told.
 *
 * Any thread may write. Not for workers: they count and never log. What guests and peers sent stands in
 * a line at most as addresses and names; bytes that are not printable become '?', so nobody forges a
 * line.
 */
enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

#define LOG_N_LEVELS  4
#define LOG_LINE_SIZE 600 /* bytes; what is longer is cut */
#define LOG_BURST     200 /* lines of a level that may come at once */
#define LOG_PER_S     20  /* and for ever */

struct log {
	int fd;
	enum log_level level; /* the last that is written */
	bool journal;
	pthread_mutex_t lock;
	struct log_bucket {
		unsigned int tokens;
		nsec refilled;
		unsigned int n_left_out;
	} buckets[LOG_N_LEVELS];
};

void log_init(struct log *l, int fd, enum log_level level, bool journal);

/* Is fd the stream that $JOURNAL_STREAM ("DEVICE:INODE", systemd.exec(5)) speaks of? NULL: no. */
bool log_is_journal(int fd, const char *journal_stream);

/* A level of its name: error, warning, info or debug. -EINVAL: there is none. */
int log_level_parse(const char *name);

/* Write a line, or as many as text has. now may be 0 before there is a clock to ask. */
void log_write(struct log *l, nsec now, enum log_level level, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
void log_vwrite(struct log *l, nsec now, enum log_level level, const char *fmt, va_list ap);

#endif

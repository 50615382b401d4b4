/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MCSWITCH_LOGGING_H
#define MCSWITCH_LOGGING_H

#include <stdio.h>

#include "base/log.h"
#include "control/control.h"

/*
 * The daemon's one log, on stderr: its own lines, DPDK's, and the control lcore's events at level info.
 * Configuration and requests are never written to it.
 */
struct logging {
	struct log log;
	FILE *dpdk;                     /* what DPDK writes to */
	struct control *control;        /* NULL: not watched */
	struct control_watcher watcher; /* its events */
};

void logging_init(struct logging *l, enum log_level level);
void logging_say(struct logging *l, enum log_level level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* DPDK's lines go this way, from before EAL starts. Without memory they go DPDK's own way. */
void logging_dpdk_begin(struct logging *l);
void logging_dpdk_end(struct logging *l);

/* Events so far, and from now on. */
void logging_events_begin(struct logging *l, struct control *control);
void logging_events_end(struct logging *l);

#endif

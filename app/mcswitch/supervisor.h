/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MCSWITCH_SUPERVISOR_H
#define MCSWITCH_SUPERVISOR_H

#include <stdbool.h>

#include "base/error.h"
#include "watchdog.h"

/*
 * What systemd is told (sd_notify(3)): READY=1 once workers run, WATCHDOG=1 only while every worker goes
 * on and the control loop turns, STOPPING=1 at the end. Without systemd nobody is told, and a worker
 * that stands still is logged all the same.
 */
struct control;
struct event;
struct logging;

struct supervisor {
	struct control *control;
	struct logging *logging;
	struct event *timer;
	struct watchdog watchdog;
	unsigned int lcores[WATCHDOG_MAX_WORKERS];
	bool feeds; /* systemd waits for it */
	int still;  /* lcore that stands still; -1: none */
};

/* Workers run. 0 or -ENOMEM with a sentence. */
int supervisor_begin(
	struct supervisor *s, struct control *control, struct logging *logging, struct error *err);
void supervisor_end(struct supervisor *s);

#endif

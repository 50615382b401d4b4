/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MCSWITCH_WATCHDOG_H
#define MCSWITCH_WATCHDOG_H

#include <stdint.h>

/*
 * Does every worker go on? A worker that neither waits nor calls the kernel turns its loop millions of
 * times a second, idle or not; one whose count stands still between two looks hangs.
 */
#define WATCHDOG_MAX_WORKERS 128

struct watchdog {
	unsigned int n; /* workers at the last look */
	uint64_t turns[WATCHDOG_MAX_WORKERS];
};

/* Compare with the last look, and remember. Returns -1 when all have turned (also at the first look, and
 * when the number of workers is another), else the index of the first that stands still. */
int watchdog_look(struct watchdog *w, const uint64_t *turns, unsigned int n);

#endif

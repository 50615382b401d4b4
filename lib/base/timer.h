/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef BASE_TIMER_H
#define BASE_TIMER_H

#include <stdbool.h>

#include "base/clock.h"

/*
 * Timers whose cost does not grow with their number: a hierarchical wheel with a tick of 1 ms.
 * start and stop are O(1); advancing costs the ticks passed (empty stretches are skipped) and the
 * timers fired. A timer never fires early, and at most one tick late plus the caller's own delay.
 * Not thread safe: one owner. A timer lives inside the object it guards; stop it before freeing.
 */
struct timer {
	struct timer *next;
	struct timer **pprev; /* NULL while stopped */
	nsec deadline;
};

/* 8 levels of 64 slots of 1 ms reach beyond any deadline a nsec can hold. */
#define TIMER_WHEEL_LEVELS 8
#define TIMER_WHEEL_SLOTS  64

struct timer_wheel {
	nsec now_tick;
	uint64_t occupied[TIMER_WHEEL_LEVELS]; /* bit = slot that holds a timer */
	struct timer *slot[TIMER_WHEEL_LEVELS][TIMER_WHEEL_SLOTS];
	unsigned int n_running;
};

void timer_wheel_init(struct timer_wheel *w, nsec now);

/* (Re)start t. A deadline in the past fires on the next advance. NSEC_NEVER stops it. */
void timer_start(struct timer_wheel *w, struct timer *t, nsec deadline);
void timer_stop(struct timer_wheel *w, struct timer *t);

static inline bool timer_is_running(const struct timer *t)
{
	return t->pprev != 0;
}

/* Take one timer whose deadline is <= now off the wheel, NULL when there is none left. Call in a
 * loop; what it returns is stopped already, so it may be restarted or freed at once. */
struct timer *timer_wheel_expire(struct timer_wheel *w, nsec now);

/* No timer fires before this time. NSEC_NEVER when none runs. O(1); may be early, never late. */
nsec timer_wheel_next(const struct timer_wheel *w);

#endif

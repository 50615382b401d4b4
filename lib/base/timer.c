/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/timer.h"

#include <stddef.h>
#include <string.h>

/*
 * Level n has 64 slots of 64^n ticks. A timer hangs in the level of the highest base-64 digit in
 * which its tick differs from now_tick, in the slot of that digit. So every slot of a level lies
 * before every slot of the next one, no slot is behind now_tick, and the first timer is in the
 * lowest level that holds any. When now_tick enters a slot of a higher level, its timers move
 * down: once a level at most.
 */
#define TICK      NSEC_PER_MS
#define SLOT_BITS 6

/* Rounded up: a timer never fires early. */
static nsec tick_from_deadline(nsec deadline)
{
	return deadline / TICK + (deadline % TICK != 0);
}

static void slot_link(struct timer_wheel *w, struct timer *t)
{
	nsec tick = tick_from_deadline(t->deadline);
	unsigned int level, i;
	nsec differs;

	if (tick < w->now_tick)
		tick = w->now_tick;
	differs = tick ^ w->now_tick;
	level = differs == 0 ? 0 : (unsigned int)(63 - __builtin_clzll(differs)) / SLOT_BITS;
	i = (tick >> (level * SLOT_BITS)) % TIMER_WHEEL_SLOTS;
	t->next = w->slot[level][i];
	t->pprev = &w->slot[level][i];
	if (t->next != NULL)
		t->next->pprev = &t->next;
	w->slot[level][i] = t;
	w->occupied[level] |= 1ULL << i;
}

static void slot_unlink(struct timer_wheel *w, struct timer *t)
{
	struct timer **first = &w->slot[0][0];
	size_t i;

	*t->pprev = t->next;
	if (t->next != NULL)
		t->next->pprev = t->pprev;
	else if (t->pprev >= first && t->pprev < first + TIMER_WHEEL_LEVELS * TIMER_WHEEL_SLOTS) {
		i = (size_t)(t->pprev - first);
		w->occupied[i / TIMER_WHEEL_SLOTS] &= ~(1ULL << (i % TIMER_WHEEL_SLOTS));
	}
	t->next = NULL;
	t->pprev = NULL;
}

void timer_wheel_init(struct timer_wheel *w, nsec now)
{
	memset(w, 0, sizeof(*w));
	w->now_tick = now / TICK;
}

void timer_start(struct timer_wheel *w, struct timer *t, nsec deadline)
{
	timer_stop(w, t);
	if (deadline == NSEC_NEVER)
		return;
	t->deadline = deadline;
	slot_link(w, t);
	w->n_running++;
}

void timer_stop(struct timer_wheel *w, struct timer *t)
{
	if (!timer_is_running(t))
		return;
	slot_unlink(w, t);
	w->n_running--;
}

/* The first slot that holds a timer, and the tick at which it begins. */
static bool slot_first(
	const struct timer_wheel *w, unsigned int *level, unsigned int *i, nsec *tick)
{
	for (unsigned int n = 0; n < TIMER_WHEEL_LEVELS; n++) {
		unsigned int shift = (n + 1) * SLOT_BITS;

		if (w->occupied[n] == 0)
			continue;
		*level = n;
		*i = (unsigned int)__builtin_ctzll(w->occupied[n]);
		*tick = (w->now_tick >> shift << shift) | (nsec)*i << (n * SLOT_BITS);
		return true;
	}
	return false;
}

/* now_tick stands at the first tick of the slot: its timers belong in lower levels. */
static void slot_cascade(struct timer_wheel *w, unsigned int level, unsigned int i)
{
	struct timer *t = w->slot[level][i];
	struct timer *next;

	w->slot[level][i] = NULL;
	w->occupied[level] &= ~(1ULL << i);
	for (; t != NULL; t = next) {
		next = t->next;
		slot_link(w, t);
	}
}

struct timer *timer_wheel_expire(struct timer_wheel *w, nsec now)
{
	nsec target = now / TICK;
	unsigned int level, i;
	struct timer *t;
	nsec tick;

	while (slot_first(w, &level, &i, &tick) && tick <= target) {
		w->now_tick = tick;
		if (level > 0) {
			slot_cascade(w, level, i);
			continue;
		}
		t = w->slot[0][i];
		timer_stop(w, t);
		return t;
	}
	if (target > w->now_tick)
		w->now_tick = target;
	return NULL;
}

nsec timer_wheel_next(const struct timer_wheel *w)
{
	unsigned int level, i;
	nsec tick;

	if (!slot_first(w, &level, &i, &tick))
		return NSEC_NEVER;
	return tick * TICK;
}

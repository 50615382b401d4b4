/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MEMBERSHIP_MACHINE_H
#define MEMBERSHIP_MACHINE_H

#include "base/timer.h"
#include "membership/membership.h"
#include "membership/slab.h"

struct group;
struct port_state;
struct vlan_state;

/*
 * The whole machine: what the objects hang in. Timers of one kind share a wheel, so a timer needs
 * no word that says what it guards.
 */
enum machine_wheel {
	WHEEL_ROW,     /* group timer of a row */
	WHEEL_SOURCE,  /* source timer */
	WHEEL_LEAVE,   /* next last member query */
	WHEEL_QUERIER, /* other querier present */
	WHEEL_ASK,     /* our next general query */
	WHEEL_ROUTER,  /* router port */
	WHEEL_N,
};

struct membership {
	struct membership_sink sink;
	uint64_t seed;
	nsec birth;
	nsec now;
	struct timer_wheel wheel[WHEEL_N];
	struct slab groups, rows, sources, reporters, leaves;
	struct group **slots; /* hash table of groups, chained */
	uint32_t n_slots;     /* a power of two */
	uint32_t n_groups;
	unsigned int n_rows;
	struct group *dirty; /* whose forwarding may have changed in this call */
	struct vlan_state *vlan[VLAN_ID_SIZE];
	struct port_state *port[BITSET_SIZE];
};

/*
 * Coarse time: tenths of a second since birth, counted from 1 so that 0 can say "never". Four
 * octets instead of eight in objects that there are many of; enough for 13 years, then it stands.
 */
#define COARSE_TICK (100 * NSEC_PER_MS)

static inline uint32_t coarse_from_nsec(const struct membership *m, nsec t)
{
	nsec ticks = (t - m->birth) / COARSE_TICK + 1;

	return ticks < UINT32_MAX ? (uint32_t)ticks : UINT32_MAX;
}

/* For deadlines: rounded up. */
static inline uint32_t coarse_deadline(const struct membership *m, nsec t)
{
	return coarse_from_nsec(m, t + COARSE_TICK - 1);
}

static inline nsec coarse_to_nsec(const struct membership *m, uint32_t coarse)
{
	return coarse == 0 ? 0 : m->birth + (coarse - 1) * COARSE_TICK;
}

static inline void machine_timer_start(
	struct membership *m, enum machine_wheel wheel, struct timer *t, nsec after)
{
	timer_start(&m->wheel[wheel], t, m->now + after);
}

static inline void machine_timer_stop(
	struct membership *m, enum machine_wheel wheel, struct timer *t)
{
	timer_stop(&m->wheel[wheel], t);
}

/* RFC 3376 6.6.1: a timer may be lowered to now + after, never raised. */
static inline void machine_timer_lower(
	struct membership *m, enum machine_wheel wheel, struct timer *t, nsec after)
{
	if (timer_is_running(t) && t->deadline > m->now + after)
		timer_start(&m->wheel[wheel], t, m->now + after);
}

static inline void machine_event(const struct membership *m, const struct membership_event *event)
{
	if (m->sink.event != NULL)
		m->sink.event(m->sink.ctx, event);
}

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#include "membership/row.h"

#include <assert.h>

#include "membership/leave.h"
#include "membership/mac_filter.h"
#include "membership/port_state.h"
#include "membership/reporter.h"
#include "membership/source.h"
#include "membership/vlan_state.h"

/* A row of a group that a host wants from anybody. */
static_assert(sizeof(struct row) + sizeof(struct reporter) <= 200, "a plain row is too large");

struct row *row_find(const struct group *g, uint16_t port)
{
	struct row *r = g->rows;

	while (r != NULL && r->port < port)
		r = r->group_next;
	return r != NULL && r->port == port ? r : NULL;
}

struct row *row_get(struct membership *m, struct group *g, uint16_t port)
{
	struct port_state *ps = m->port[port];
	struct row **at = &g->rows;
	struct row *r;

	while (*at != NULL && (*at)->port < port)
		at = &(*at)->group_next;
	if (*at != NULL && (*at)->port == port)
		return *at;
	r = slab_take(&m->rows);
	if (r == NULL)
		return NULL;
	r->group = g;
	r->port = port;
	r->since = coarse_from_nsec(m, m->now);
	r->group_next = *at;
	*at = r;
	r->port_next = ps->rows;
	r->port_pprev = &ps->rows;
	if (r->port_next != NULL)
		r->port_next->port_pprev = &r->port_next;
	ps->rows = r;
	ps->n_rows++;
	m->n_rows++;
	group_touch(m, g);
	return r;
}

static void row_free(struct membership *m, struct row *r)
{
	struct row **at = &r->group->rows;

	while (*at != r)
		at = &(*at)->group_next;
	*at = r->group_next;
	*r->port_pprev = r->port_next;
	if (r->port_next != NULL)
		r->port_next->port_pprev = r->port_pprev;
	m->port[r->port]->n_rows--;
	m->n_rows--;
	group_touch(m, r->group);
	slab_give(&m->rows, r);
}

static void row_tell(struct membership *m, const struct row *r, enum membership_event_type type,
	const struct ip_addr *host, const char *reason)
{
	struct membership_event e = {
		.type = type,
		.vlan = r->group->vlan->conf.id,
		.port = r->port,
		.group = group_name(r->group),
		.reason = reason,
	};

	if (host != NULL)
		e.address = *host;
	machine_event(m, &e);
}

static const char *origin_reason(enum membership_origin origin)
{
	static const char *const reason[ORIGIN_N] = {
		[ORIGIN_SNOOPED] = "report",
		[ORIGIN_FILTER] = "filter",
		[ORIGIN_STATIC] = "static",
		[ORIGIN_RESTORED] = "restored",
	};

	return reason[origin];
}

void row_origin_add(struct membership *m, struct row *r, enum membership_origin origin,
	const struct ip_addr *host)
{
	bool was_heard = row_is_heard(r);
	bool is_first = r->origins == 0;

	if (row_has(r, origin))
		return;
	r->origins |= (uint8_t)(1u << origin);
	if (origin == ORIGIN_SNOOPED) {
		r->origins &=
			(uint8_t) ~(1u << ORIGIN_RESTORED); /* what was provisional is known */
		mac_filter_refine(m, r, true);
	}
	if (!was_heard && row_is_heard(r))
		m->port[r->port]->n_heard++;
	group_touch(m, r->group);
	if (is_first)
		row_tell(m, r, MEMBERSHIP_JOINED, host, origin_reason(origin));
}

/* What was heard is over. */
static void heard_end(struct membership *m, struct row *r)
{
	struct port_state *ps = m->port[r->port];

	if (row_has(r, ORIGIN_SNOOPED))
		mac_filter_refine(m, r, false);
	machine_timer_stop(m, WHEEL_ROW, &r->timer);
	reporter_clear(m, r, &r->reporters);
	for (struct source *s = r->sources; s != NULL; s = s->next)
		source_unlist(m, s);
	source_sweep(m, r);
	leave_free(m, r);
	r->mode = MODE_INCLUDE;
	r->untracked = false;
	r->leaving = false;
	r->v1_until = 0;
	r->v2_until = 0;
	r->origins &= (uint8_t)~ROW_HEARD;
	if (--ps->n_heard < ps->conf.max_groups)
		ps->quota_told = false;
	group_touch(m, r->group);
}

static void static_end(struct membership *m, struct row *r)
{
	r->is_static = false;
	for (struct source *s = r->sources; s != NULL; s = s->next)
		s->is_static = false;
	source_sweep(m, r);
	r->origins &= (uint8_t) ~(1u << ORIGIN_STATIC);
	group_touch(m, r->group);
}

bool row_origins_end(struct membership *m, struct row *r, unsigned int origins, const char *reason)
{
	if (r->origins & origins & ROW_HEARD)
		heard_end(m, r);
	if (r->origins & origins & 1u << ORIGIN_STATIC)
		static_end(m, r);
	if (r->origins & origins & 1u << ORIGIN_FILTER) {
		r->origins &= (uint8_t) ~(1u << ORIGIN_FILTER);
		group_touch(m, r->group);
	}
	if (r->origins != 0)
		return true;
	row_tell(m, r, MEMBERSHIP_LEFT, NULL, reason);
	row_free(m, r);
	return false;
}

static bool wants_nothing(const struct row *r)
{
	if (r->mode == MODE_EXCLUDE)
		return false;
	for (const struct source *s = r->sources; s != NULL; s = s->next) {
		if (s->listed)
			return false;
	}
	return true;
}

bool row_settle(struct membership *m, struct row *r, const char *reason)
{
	if (r->origins == 0) { /* created for nothing: nobody heard of it */
		row_free(m, r);
		return false;
	}
	if (row_is_heard(r) && wants_nothing(r))
		return row_origins_end(m, r, ROW_HEARD, reason);
	return true;
}

void row_exclude_end(struct membership *m, struct row *r)
{
	machine_timer_stop(m, WHEEL_ROW, &r->timer);
	r->mode = MODE_INCLUDE;
	r->untracked = false;
	r->leaving = false;
	reporter_clear(m, r, &r->reporters);
	for (struct source *s = r->sources; s != NULL; s = s->next) {
		if (!source_is_requested(s))
			source_unlist(m, s);
	}
	source_sweep(m, r);
	group_touch(m, r->group);
}

void row_timer_expire(struct membership *m, struct timer *t)
{
	struct row *r = (struct row *)((char *)t - offsetof(struct row, timer));
	const char *reason = r->leaving ? "leave" : "timeout";

	row_exclude_end(m, r);
	row_settle(m, r, reason);
}

static bool is_until(const struct membership *m, uint32_t coarse)
{
	return coarse != 0 && m->now < coarse_to_nsec(m, coarse);
}

enum compat row_compat(const struct membership *m, const struct row *r)
{
	if (r->group->is_mac)
		return COMPAT_NEWEST;
	if (is_until(m, r->v1_until))
		return COMPAT_1;
	return is_until(m, r->v2_until) ? COMPAT_2 : COMPAT_NEWEST;
}

void row_older_host_seen(struct membership *m, struct row *r, enum compat compat)
{
	nsec after = vlan_state_membership_interval(r->group->vlan, !ip_is_v4(&r->group->id));
	uint32_t until = coarse_deadline(m, m->now + after);

	if (compat == COMPAT_1)
		r->v1_until = until;
	if (compat == COMPAT_2)
		r->v2_until = until;
}

void row_lower(struct membership *m, struct row *r, nsec after)
{
	machine_timer_lower(m, WHEEL_ROW, &r->timer, after);
	for (struct source *s = r->sources; s != NULL; s = s->next)
		machine_timer_lower(m, WHEEL_SOURCE, &s->timer, after);
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include "membership/leave.h"

#include "membership/reporter.h"
#include "membership/source.h"
#include "membership/vlan_state.h"

/*
 * A host said that it no longer wants a group or a source. Three things must be true: the flow
 * ends within last_member_interval x RV; a sibling behind the same port that answers keeps it; and
 * only the querier asks (RFC 3376 6.6.3; RFC 4541 2.1.1 lets a snooping switch send nothing of its
 * own while a router does). So:
 *
 * NOW    fast_leave, and tracking knows that nobody else behind the port wants it.
 * ASK    we are the querier of this port: lower the timer to last member query time and ask.
 * LOWER  another one is, and it hears the leave, which we pass on. Nobody else is tracked, so
 *        the flow ends in time whatever that one does; a sibling that its query makes answer in time
 *        keeps the flow.
 * WAIT   a sibling is tracked, or may be hidden behind older hosts' suppression, and we may not
 *        ask: its answer could come later than our last member query time. The querier's own
 *        query lowers the timer by the time it gives hosts (leave_query_seen); with no querier
 *        anywhere, nothing could make the sibling answer, so the row lives as its reports say.
 */
enum leave_way { LEAVE_NOW, LEAVE_ASK, LEAVE_LOWER, LEAVE_WAIT };

/* In one query; more go into another one, so that each fits into a frame: 64 x 16 octets. */
#define SOURCES_PER_QUERY 64u

static bool is_v6(const struct row *r)
{
	return !ip_is_v4(&r->group->id);
}

static struct querier *querier_of(const struct row *r)
{
	return &r->group->vlan->querier[is_v6(r)];
}

/* RFC 3376 8.10: last member query time. */
static nsec last_member_time(const struct querier *q)
{
	return q->timers.last_member_interval * q->timers.robustness;
}

/* Hosts of older versions stay silent when they hear another's report, so they may be hidden. */
static bool has_hidden(const struct membership *m, const struct row *r)
{
	const struct vlan_port *vp = r->group->vlan->port[r->port];

	return row_compat(m, r) != COMPAT_NEWEST && (vp == NULL || vp->has_several);
}

static bool is_wanted_by_other(const struct membership *m, const struct row *r,
	const struct source *s, const struct host *h)
{
	if (r->untracked)
		return true;
	if (s != NULL && reporter_has_other(m, r, s->reporters, h))
		return true;
	if (s != NULL && r->mode != MODE_EXCLUDE)
		return false;
	return reporter_has_other(m, r, r->reporters, h);
}

/* s: NULL for the group. */
static enum leave_way leave_decide(
	struct membership *m, struct row *r, const struct source *s, const struct host *h)
{
	const struct vlan_state *vlan = r->group->vlan;
	const struct querier *q = querier_of(r);
	bool is_wanted = is_wanted_by_other(m, r, s, h);
	bool hidden = has_hidden(m, r);

	if (vlan->conf.fast_leave && !is_wanted && !hidden)
		return LEAVE_NOW;
	if (querier_asks(m, q, r->port)) {
		if (r->leave == NULL)
			r->leave = slab_take(&m->leaves);
		if (r->leave == NULL) /* a timer lowered without a question would cut siblings */
			return LEAVE_WAIT;
		r->leave->row = r;
		return LEAVE_ASK;
	}
	return is_wanted || hidden ? LEAVE_WAIT : LEAVE_LOWER;
}

/* Each returns whether there is something to ask. */
static bool source_leave(
	struct membership *m, struct row *r, struct source *s, const struct host *h)
{
	const struct querier *q = querier_of(r);
	enum leave_way way = leave_decide(m, r, s, h);

	if (way == LEAVE_WAIT || !source_is_requested(s))
		return false;
	r->leaving = true;
	if (way == LEAVE_NOW) {
		source_end(m, s);
		return false;
	}
	machine_timer_lower(m, WHEEL_SOURCE, &s->timer, last_member_time(q));
	if (way == LEAVE_ASK)
		s->n_queries = (uint8_t)q->timers.robustness;
	return way == LEAVE_ASK;
}

static bool group_leave(struct membership *m, struct row *r, const struct host *h)
{
	const struct querier *q = querier_of(r);
	enum leave_way way = leave_decide(m, r, NULL, h);

	if (way == LEAVE_WAIT)
		return false;
	r->leaving = true;
	if (way == LEAVE_NOW) {
		row_exclude_end(m, r);
		return false;
	}
	machine_timer_lower(m, WHEEL_ROW, &r->timer, last_member_time(q));
	if (way == LEAVE_ASK)
		r->leave->n_group_queries = (uint8_t)q->timers.robustness;
	return way == LEAVE_ASK;
}

static void query_send(struct membership *m, const struct row *r, bool suppress,
	const struct ip_addr *sources, unsigned int n)
{
	const struct querier *q = querier_of(r);
	struct group_query query = {
		.group = r->group->id,
		.max_response = q->timers.last_member_interval,
		.suppress = suppress,
		.n_sources = (uint16_t)n,
		.sources = sources,
	};
	struct bitset ports = {0};

	bitset_set(&ports, r->port);
	querier_send(m, q, &ports, &query);
}

/* RFC 3376 6.6.3.2: sources that were answered for go with the S flag, the others without. */
static void sources_ask(struct membership *m, struct row *r, bool suppress)
{
	nsec after = last_member_time(querier_of(r));
	struct ip_addr sources[SOURCES_PER_QUERY];
	unsigned int n = 0;

	for (struct source *s = r->sources; s != NULL; s = s->next) {
		if (s->n_queries == 0 || (s->timer.deadline > m->now + after) != suppress)
			continue;
		sources[n++] = s->address;
		if (n == SOURCES_PER_QUERY) {
			query_send(m, r, suppress, sources, n);
			n = 0;
		}
	}
	if (n > 0)
		query_send(m, r, suppress, sources, n);
}

static bool sources_count_down(struct row *r)
{
	bool is_more = false;

	for (struct source *s = r->sources; s != NULL; s = s->next) {
		if (s->n_queries > 0)
			s->n_queries--;
		is_more |= s->n_queries > 0;
	}
	return is_more;
}

/* One round of queries for a row; the next one follows unless this was the last. */
static void round_ask(struct membership *m, struct row *r)
{
	const struct querier *q = querier_of(r);
	struct leave *l = r->leave;
	bool is_more;

	if (r->mode != MODE_EXCLUDE)
		l->n_group_queries = 0;
	if (l->n_group_queries > 0)
		query_send(m, r, r->timer.deadline > m->now + last_member_time(q), NULL, 0);
	else
		sources_ask(m, r, true); /* 6.6.3.2: not beside a query of the group */
	sources_ask(m, r, false);
	if (l->n_group_queries > 0)
		l->n_group_queries--;
	is_more = sources_count_down(r) || l->n_group_queries > 0;
	if (is_more)
		machine_timer_start(m, WHEEL_LEAVE, &l->timer, q->timers.last_member_interval);
	else
		leave_free(m, r);
}

void leave_seen(struct membership *m, struct row *r, bool group, const struct host *h)
{
	bool is_asked = false;

	for (struct source *s = r->sources; s != NULL; s = s->next) {
		if (s->asked)
			is_asked |= source_leave(m, r, s, h);
		s->asked = false;
	}
	if (group && r->mode == MODE_EXCLUDE)
		is_asked |= group_leave(m, r, h);
	if (is_asked)
		round_ask(m, r);
	else if (r->leave != NULL && !timer_is_running(&r->leave->timer))
		leave_free(m, r);
}

void leave_timer_expire(struct membership *m, struct timer *t)
{
	struct leave *l = (struct leave *)((char *)t - offsetof(struct leave, timer));
	struct row *r = l->row;

	if (querier_asks(m, querier_of(r), r->port))
		round_ask(m, r);
	else
		leave_free(m, r); /* another querier was elected meanwhile: it asks */
}

void leave_free(struct membership *m, struct row *r)
{
	if (r->leave == NULL)
		return;
	machine_timer_stop(m, WHEEL_LEAVE, &r->leave->timer);
	slab_give(&m->leaves, r->leave);
	r->leave = NULL;
	for (struct source *s = r->sources; s != NULL; s = s->next)
		s->n_queries = 0;
}

void leave_query_seen(struct membership *m, struct vlan_state *vlan, const struct group_msg *query)
{
	const struct querier *q = &vlan->querier[query->v6];
	struct group *g = group_find(m, vlan->conf.id, &query->group, false);
	nsec after = query->max_response;

	if (g == NULL || query->suppress)
		return;
	if (after < q->timers.last_member_interval) /* too short to be answered is not believed */
		after = q->timers.last_member_interval;
	after *= q->timers.robustness;
	for (struct row *r = g->rows; r != NULL; r = r->group_next) {
		if (query->n_sources == 0)
			machine_timer_lower(m, WHEEL_ROW, &r->timer, after);
		for (uint16_t i = 0; i < query->n_sources; i++) {
			struct ip_addr address = group_msg_query_source(query, i);
			struct source *s = source_find_exact(r, &address);

			if (s != NULL)
				machine_timer_lower(m, WHEEL_SOURCE, &s->timer, after);
		}
	}
}

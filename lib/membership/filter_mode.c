/* SPDX-License-Identifier: BSD-3-Clause */
#include "membership/filter_mode.h"

#include "membership/leave.h"
#include "membership/reporter.h"
#include "membership/source.h"
#include "membership/vlan_state.h"

/*
 * RFC 3376 6.4.1 and 6.4.2 (RFC 3810 7.4.1, 7.4.2) as data. Every set in the RFC's tables is a
 * union of these: a source of the row is requested or excluded, and named by the record or not; a
 * source of the record may be new to the row.
 */
enum source_class {
	X_NAMED, /* requested: A in INCLUDE mode, X in EXCLUDE mode */
	X_OTHER,
	Y_NAMED, /* excluded: Y */
	Y_OTHER,
	NEW,
	CLASS_N,
};

enum source_act {
	KEEP,    /* what is new is not taken up */
	REFRESH, /* = GMI */
	EXCLUDE, /* = 0 */
	INHERIT, /* = group timer, as it was before the record */
	DELETE,
};

#define ASK 0x80u /* Send Q(G, S) */

struct mode_rule {
	enum filter_mode next;
	bool refresh; /* Group Timer = GMI */
	bool ask;     /* Send Q(G) */
	uint8_t act[CLASS_N];
};

static const struct mode_rule rules[MODE_N][GROUP_RECORD_BLOCK + 1] =
	{
		[MODE_INCLUDE] =
			{
				/* INCLUDE(A+B); (B)=GMI */
				[GROUP_RECORD_IS_IN] = {MODE_INCLUDE,
					.act = {[X_NAMED] = REFRESH, [NEW] = REFRESH}},
				/* EXCLUDE(A*B,B-A); (B-A)=0; Delete (A-B); Group Timer=GMI */
				[GROUP_RECORD_IS_EX] = {MODE_EXCLUDE, .refresh = true,
					.act = {[X_OTHER] = DELETE, [NEW] = EXCLUDE}},
				/* INCLUDE(A+B); (B)=GMI */
				[GROUP_RECORD_ALLOW] = {MODE_INCLUDE,
					.act =
						{[X_NAMED] = REFRESH, [NEW] = REFRESH}},
				/* INCLUDE(A); Send Q(G,A*B) */
				[GROUP_RECORD_BLOCK] =
					{MODE_INCLUDE, .act = {[X_NAMED] = KEEP | ASK}},
				/* EXCLUDE(A*B,B-A); (B-A)=0; Delete (A-B); Send Q(G,A*B); Group Timer=GMI */
				[GROUP_RECORD_TO_EX] =
					{MODE_EXCLUDE, .refresh = true,
						.act = {[X_NAMED] = KEEP | ASK, [X_OTHER] = DELETE, [NEW] = EXCLUDE}},
				/* INCLUDE(A+B); (B)=GMI; Send Q(G,A-B) */
				[GROUP_RECORD_TO_IN] =
					{MODE_INCLUDE,
						.act =
							{[X_NAMED] = REFRESH,
								[X_OTHER] = KEEP | ASK,
								[NEW] = REFRESH}},
			},
		[MODE_EXCLUDE] =
			{
				/* EXCLUDE(X+A,Y-A); (A)=GMI */
				[GROUP_RECORD_IS_IN] = {MODE_EXCLUDE, .act = {[X_NAMED] = REFRESH,
									      [Y_NAMED] = REFRESH,
									      [NEW] = REFRESH}},
				/* EXCLUDE(A-Y,Y*A); (A-X-Y)=GMI; Delete (X-A); Delete (Y-A); Group Timer=GMI */
				[GROUP_RECORD_IS_EX] =
					{MODE_EXCLUDE, .refresh = true,
						.act = {[X_OTHER] = DELETE, [Y_OTHER] = DELETE, [NEW] = REFRESH}},
				/* EXCLUDE(X+A,Y-A); (A)=GMI */
				[GROUP_RECORD_ALLOW] =
					{MODE_EXCLUDE, .act =
							       {[X_NAMED] = REFRESH,
								       [Y_NAMED] = REFRESH,
								       [NEW] = REFRESH}},
				/* EXCLUDE(X+(A-Y),Y); (A-X-Y)=Group Timer; Send Q(G,A-Y) */
				[GROUP_RECORD_BLOCK] =
					{MODE_EXCLUDE, .act =
							       {[X_NAMED] = KEEP | ASK,
								       [NEW] = INHERIT | ASK}},
				/* EXCLUDE(A-Y,Y*A); (A-X-Y)=Group Timer; Delete (X-A); Delete (Y-A);
		 * Send Q(G,A-Y); Group Timer=GMI */
				[GROUP_RECORD_TO_EX] =
					{MODE_EXCLUDE, .refresh = true,
						.act = {[X_NAMED] = KEEP | ASK, [X_OTHER] = DELETE, [Y_OTHER] = DELETE, [NEW] = INHERIT | ASK}},
				/* EXCLUDE(X+A,Y-A); (A)=GMI; Send Q(G,X-A); Send Q(G) */
				[GROUP_RECORD_TO_IN] =
					{MODE_EXCLUDE, .ask = true,
						.act =
							{[X_NAMED] = REFRESH,
								[X_OTHER] = KEEP | ASK,
								[Y_NAMED] = REFRESH,
								[NEW] = REFRESH}},
			},
};

const char *filter_mode_name(enum filter_mode mode)
{
	static const char *const name[MODE_N] = {
		[MODE_INCLUDE] = "include",
		[MODE_EXCLUDE] = "exclude",
	};

	return name[mode];
}

static const struct mode_rule *rule_of(const struct row *r, enum group_record_type type)
{
	return &rules[r->mode][type];
}

static enum source_class source_classify(const struct source *s)
{
	if (!s->listed)
		return NEW;
	if (source_is_requested(s))
		return s->named ? X_NAMED : X_OTHER;
	return s->named ? Y_NAMED : Y_OTHER;
}

static bool is_listed_after(uint8_t act, bool was_listed)
{
	act &= (uint8_t)~ASK;
	return act == KEEP ? was_listed : act != DELETE;
}

bool filter_mode_takes_new(const struct row *r, enum group_record_type type)
{
	return is_listed_after(rule_of(r, type)->act[NEW], false);
}

unsigned int filter_mode_count(const struct row *r, enum group_record_type type, unsigned int n_new)
{
	const struct mode_rule *rule = rule_of(r, type);
	unsigned int n = is_listed_after(rule->act[NEW], false) ? n_new : 0;

	for (const struct source *s = r->sources; s != NULL; s = s->next) {
		if (s->listed || s->named)
			n += is_listed_after(rule->act[source_classify(s)], s->listed);
	}
	return n;
}

static nsec membership_interval(const struct row *r)
{
	return vlan_state_membership_interval(r->group->vlan, !ip_is_v4(&r->group->id));
}

static nsec group_timer_left(const struct membership *m, const struct row *r)
{
	return timer_is_running(&r->timer) ? r->timer.deadline - m->now : 0;
}

/* The tables delete what an EXCLUDE of one host contains; tracking then no longer sees the other
 * hosts that asked for just that. */
static void source_forget(
	struct membership *m, struct row *r, struct source *s, const struct host *h)
{
	if (h != NULL && reporter_has_other(m, r, s->reporters, h))
		r->untracked = true;
	source_unlist(m, s);
}

static void source_act(
	struct membership *m, struct row *r, struct source *s, uint8_t act, const struct host *h)
{
	switch ((enum source_act)(act & ~ASK)) {
	case KEEP:
		break;
	case REFRESH:
		r->leaving = false;
		source_request(m, s, membership_interval(r));
		break;
	case EXCLUDE:
		source_exclude(m, s);
		break;
	case INHERIT:
		source_request(m, s, group_timer_left(m, r));
		break;
	case DELETE:
		source_forget(m, r, s, h);
		break;
	}
	s->asked = (act & ASK) != 0;
}

/* What the host of a record wants, for tracking: every source, those named, or less than it did. */
static void sources_track(
	struct membership *m, struct row *r, bool joined, bool all, const struct host *h)
{
	for (struct source *s = r->sources; s != NULL; s = s->next) {
		if (!s->listed || !(s->named || all))
			continue;
		if (joined)
			reporter_joined(m, r, &s->reporters, h);
		else
			reporter_left(m, r, &s->reporters, h);
	}
}

static void host_track(struct membership *m, struct row *r, enum group_record_type type,
	bool is_empty, const struct host *h)
{
	switch (type) {
	case GROUP_RECORD_IS_EX:
	case GROUP_RECORD_TO_EX:
		reporter_joined(m, r, &r->reporters, h);
		sources_track(m, r, false, true, h);
		break;
	case GROUP_RECORD_IS_IN:
	case GROUP_RECORD_TO_IN: /* may be one of several, 4.2.16: only an empty one denies others */
		reporter_left(m, r, &r->reporters, h);
		sources_track(m, r, !is_empty, is_empty, h);
		break;
	case GROUP_RECORD_ALLOW:
	case GROUP_RECORD_BLOCK: /* of a host that wants all they change what it excludes */
		if (!reporter_has(m, r, r->reporters, h))
			sources_track(m, r, type == GROUP_RECORD_ALLOW, false, h);
		break;
	}
}

static void sources_apply(struct membership *m, struct row *r, const struct mode_rule *rule,
	const struct host *h, bool *is_empty)
{
	*is_empty = true;
	for (struct source *s = r->sources; s != NULL; s = s->next) {
		if (!s->listed && !s->named)
			continue; /* configured, and not spoken of */
		*is_empty &= !s->named;
		source_act(m, r, s, rule->act[source_classify(s)], h);
	}
}

static void mode_apply(struct membership *m, struct row *r, const struct mode_rule *rule)
{
	if (rule->next != r->mode)
		group_touch(m, r->group);
	r->mode = rule->next;
	if (!rule->refresh)
		return;
	r->leaving = false;
	machine_timer_start(m, WHEEL_ROW, &r->timer, membership_interval(r));
}

bool filter_mode_apply(
	struct membership *m, struct row *r, enum group_record_type type, const struct host *h)
{
	const struct mode_rule *rule = rule_of(r, type);
	bool is_empty;

	sources_apply(m, r, rule, h, &is_empty);
	mode_apply(m, r, rule);
	if (h != NULL) {
		host_track(m, r, type, is_empty, h);
		leave_seen(m, r, rule->ask, h);
	}
	for (struct source *s = r->sources; s != NULL; s = s->next)
		s->named = false;
	source_sweep(m, r);
	return row_settle(m, r, "leave");
}

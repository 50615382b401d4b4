/* SPDX-License-Identifier: BSD-3-Clause */
#include "model.h"

#include <string.h>

#define FOREACH_SOURCE(s, set)                  \
	for (int s = 0; s < MODEL_SOURCES; s++) \
		if ((set) >> s & 1)

bool model_is_v6(int group)
{
	return group == 3;
}

bool model_is_ssm(int group)
{
	return group == 2;
}

int model_mac(int group)
{
	static const int mac[MODEL_GROUPS] = {0, 0, -1, 1};

	return mac[group];
}

void model_init(struct model *m, nsec now, bool fast, bool is_querier_auto)
{
	memset(m, 0, sizeof(*m));
	m->now = now;
	m->fast = fast;
	m->is_querier_auto = is_querier_auto;
	for (int p = 0; p < MODEL_PORTS; p++)
		m->first_host[p] = -1;
}

static bool is_heard(const struct model_row *r)
{
	return r->snooped || r->restored;
}

static void heard_end(struct model_row *r)
{
	struct model_row empty = {.static_any = r->static_any, .static_sources = r->static_sources};

	*r = empty;
}

static void settle(struct model_row *r)
{
	if (is_heard(r) && !r->exclude && r->x == 0)
		heard_end(r);
}

static void source_drop(struct model_row *r, int s)
{
	r->x &= ~(1u << s);
	r->y &= ~(1u << s);
	r->source_end[s] = 0;
	memset(r->asked[s], 0, sizeof(r->asked[s]));
}

static void source_over(struct model_row *r, int s)
{
	source_drop(r, s);
	if (r->exclude)
		r->y |= 1u << s;
}

static void group_over(struct model_row *r)
{
	r->exclude = false;
	r->group_end = 0;
	r->y = 0;
	r->untracked = false;
	memset(r->any, 0, sizeof(r->any));
}

/* The row's first timer that is due, one at a time. */
static bool row_expire_one(struct model_row *r, nsec now)
{
	nsec first = now + 1;
	int which = -2;

	if (r->exclude && r->group_end < first) {
		first = r->group_end;
		which = -1;
	}
	FOREACH_SOURCE(s, r->x)
	{
		if (r->source_end[s] < first) {
			first = r->source_end[s];
			which = s;
		}
	}
	if (which == -2)
		return false;
	if (which == -1)
		group_over(r);
	else
		source_over(r, which);
	settle(r);
	return true;
}

void model_advance(struct model *m, nsec now)
{
	m->now = now;
	for (int g = 0; g < MODEL_GROUPS; g++) {
		for (int p = 0; p < MODEL_PORTS; p++) {
			while (is_heard(&m->row[g][p]) && row_expire_one(&m->row[g][p], now))
				;
		}
	}
}

static bool is_live(const struct model *m, nsec joined)
{
	return joined != 0 && m->now < joined + MODEL_GMI + MODEL_COARSE;
}

static bool others(const struct model *m, const nsec *list, int host)
{
	for (int h = 0; h < MODEL_HOSTS; h++) {
		if (h != host && is_live(m, list[h]))
			return true;
	}
	return false;
}

static int compat(const struct model *m, const struct model_row *r)
{
	if (m->now < r->v1_end)
		return 1;
	return m->now < r->v2_end ? 2 : 3;
}

static bool other_querier(const struct model *m, int group)
{
	return m->now < m->other_end[model_is_v6(group)];
}

/* What becomes of a leave: 0 wait, 1 now, 2 lower (and perhaps ask). */
static int leave_way(const struct model *m, int group, int port, bool wanted)
{
	const struct model_row *r = &m->row[group][port];
	bool hidden = compat(m, r) < 3 && m->several[port];

	wanted = wanted || r->untracked;
	if (m->fast && !wanted && !hidden)
		return 1;
	if (m->is_querier_auto && !other_querier(m, group) && port != 2)
		return 2;
	return wanted || hidden ? 0 : 2;
}

static void lower(nsec *end, nsec to)
{
	if (*end > to)
		*end = to;
}

static void source_leave(struct model *m, int group, int port, int s, int host)
{
	struct model_row *r = &m->row[group][port];
	bool wanted = others(m, r->asked[s], host) || (r->exclude && others(m, r->any, host));
	int way = leave_way(m, group, port, wanted);

	if (way == 1)
		source_over(r, s);
	if (way == 2)
		lower(&r->source_end[s], m->now + MODEL_LMQT);
}

static void group_leave(struct model *m, int group, int port, int host)
{
	struct model_row *r = &m->row[group][port];
	int way = leave_way(m, group, port, others(m, r->any, host));

	if (way == 1)
		group_over(r);
	if (way == 2)
		lower(&r->group_end, m->now + MODEL_LMQT);
}

/* The new lists; what is dropped from them forgets who asked for it. */
static void lists_set(struct model *m, struct model_row *r, sources x, sources y, int host)
{
	FOREACH_SOURCE(s, (r->x | r->y) & ~(x | y))
	{
		if (host >= 0 && others(m, r->asked[s], host))
			r->untracked = true;
		source_drop(r, s);
	}
	r->x = x;
	r->y = y;
}

static void ends_set(struct model_row *r, sources set, nsec end)
{
	FOREACH_SOURCE(s, set)
	r->source_end[s] = end;
}

/* RFC 3376 6.4 by the letter. Returns what is asked about; *ask_group for Q(G). */
static sources table(struct model *m, struct model_row *r, enum group_record_type type, sources a,
	int host, bool *ask_group)
{
	nsec gmi = m->now + MODEL_GMI;
	sources x = r->x, y = r->y;
	nsec group_end = r->group_end;
	bool exclude = r->exclude;

	*ask_group = false;
	if (type == GROUP_RECORD_IS_EX || type == GROUP_RECORD_TO_EX) {
		r->exclude = true;
		r->group_end = gmi;
	}
	switch (type) {
	case GROUP_RECORD_IS_IN:
	case GROUP_RECORD_ALLOW:
	case GROUP_RECORD_TO_IN:
		lists_set(m, r, x | a, y & ~a, host);
		ends_set(r, a, gmi);
		*ask_group = exclude && type == GROUP_RECORD_TO_IN;
		return type == GROUP_RECORD_TO_IN ? x & ~a : 0;
	case GROUP_RECORD_IS_EX:
		if (!exclude)
			lists_set(m, r, x & a, a & ~x, host);
		else {
			lists_set(m, r, a & ~y, y & a, host);
			ends_set(r, a & ~x & ~y, gmi);
		}
		return 0;
	case GROUP_RECORD_TO_EX:
		if (!exclude) {
			lists_set(m, r, x & a, a & ~x, host);
			return x & a;
		}
		lists_set(m, r, a & ~y, y & a, host);
		ends_set(r, a & ~x & ~y, group_end);
		return a & ~y;
	case GROUP_RECORD_BLOCK:
		if (!exclude)
			return x & a;
		lists_set(m, r, x | (a & ~y), y, host);
		ends_set(r, a & ~x & ~y, group_end);
		return a & ~y;
	}
	return 0;
}

static void track(
	struct model *m, struct model_row *r, enum group_record_type type, sources a, int host)
{
	bool all = is_live(m, r->any[host]);
	bool ex = type == GROUP_RECORD_IS_EX || type == GROUP_RECORD_TO_EX;
	bool in = type == GROUP_RECORD_IS_IN || type == GROUP_RECORD_TO_IN;

	if (ex)
		r->any[host] = m->now;
	if (in)
		r->any[host] = 0;
	FOREACH_SOURCE(s, r->x | r->y)
	{
		bool named = a >> s & 1;

		if (ex || (in && a == 0))
			r->asked[s][host] = 0;
		else if ((in && named) || (type == GROUP_RECORD_ALLOW && named && !all))
			r->asked[s][host] = m->now;
		else if (type == GROUP_RECORD_BLOCK && named && !all)
			r->asked[s][host] = 0;
	}
}

static bool is_ignored(const struct model *m, int group, const struct model_row *r, int version,
	enum group_record_type type)
{
	bool ex = type == GROUP_RECORD_IS_EX || type == GROUP_RECORD_TO_EX;
	int c = compat(m, r);

	if (model_is_ssm(group) && (ex || version < 3))
		return true;
	if (c <= 2 && type == GROUP_RECORD_BLOCK)
		return true;
	return c == 1 && type == GROUP_RECORD_TO_IN;
}

static void host_seen(struct model *m, int port, int host)
{
	if (m->first_host[port] >= 0 && m->first_host[port] != host)
		m->several[port] = true;
	if (m->first_host[port] < 0)
		m->first_host[port] = host;
}

void model_record(struct model *m, int group, int port, int host, int version,
	enum group_record_type type, sources a)
{
	struct model_row *r = &m->row[group][port];
	bool ex = type == GROUP_RECORD_IS_EX || type == GROUP_RECORD_TO_EX;
	bool ask_group;
	sources ask;

	if (host >= 0)
		host_seen(m, port, host);
	if (host < 0 && r->snooped)
		return;
	if (is_ignored(m, group, r, version, type))
		return;
	if (compat(m, r) <= 2 && type == GROUP_RECORD_TO_EX)
		a = 0;
	if (!is_heard(r) && !ex && (a == 0 || type == GROUP_RECORD_BLOCK))
		return;
	r->snooped = host >= 0;
	r->restored = host < 0;
	ask = table(m, r, type, a, host, &ask_group);
	if (host >= 0) {
		track(m, r, type, a, host);
		FOREACH_SOURCE(s, ask & r->x)
		source_leave(m, group, port, s, host);
		if (ask_group)
			group_leave(m, group, port, host);
	}
	if (version == 1 && type == GROUP_RECORD_IS_EX)
		r->v1_end = m->now + MODEL_GMI;
	if (version == 2 && type == GROUP_RECORD_IS_EX)
		r->v2_end = m->now + MODEL_GMI;
	settle(r);
}

void model_query(struct model *m, bool v6, int group, sources a, bool suppress)
{
	m->other_end[v6] = m->now + MODEL_OTHER;
	if (group < 0 || suppress)
		return;
	for (int p = 0; p < MODEL_PORTS; p++) {
		struct model_row *r = &m->row[group][p];

		if (a == 0 && r->exclude)
			lower(&r->group_end, m->now + MODEL_LMQT);
		FOREACH_SOURCE(s, a & r->x)
		lower(&r->source_end[s], m->now + MODEL_LMQT);
	}
}

void model_port_down(struct model *m, int port)
{
	for (int g = 0; g < MODEL_GROUPS; g++)
		heard_end(&m->row[g][port]);
	for (int mac = 0; mac < MODEL_MACS; mac++)
		m->filter[mac][port] = false;
	m->filter_all[port] = false;
	m->first_host[port] = -1;
	m->several[port] = false;
}

bool model_filter_admits(const struct model *m, int mac, int port)
{
	if (m->filter_all[port])
		return true;
	if (mac < 0 || !m->filter[mac][port])
		return false;
	for (int g = 0; g < MODEL_GROUPS; g++) {
		if (model_mac(g) == mac && m->row[g][port].snooped)
			return false;
	}
	return true;
}

bool model_has_row(const struct model *m, int group, int port)
{
	const struct model_row *r = &m->row[group][port];

	return is_heard(r) || r->static_any || r->static_sources != 0;
}

bool model_passes(const struct model *m, int group, int port, int source)
{
	const struct model_row *r = &m->row[group][port];
	sources s = source >= 0 ? 1u << source : 0;

	if (model_filter_admits(m, model_mac(group), port))
		return true;
	return r->static_any || (r->static_sources & s) || (r->x & s) ||
	       (r->exclude && !(r->y & s));
}

nsec model_row_end(const struct model_row *r)
{
	nsec end = r->exclude ? r->group_end : 0;

	if (r->static_any || r->static_sources != 0)
		return NSEC_NEVER;
	FOREACH_SOURCE(s, r->x)
	{
		if (r->source_end[s] > end)
			end = r->source_end[s];
	}
	return end;
}

int model_row_version(const struct model *m, int group, const struct model_row *r)
{
	int c = compat(m, r);

	if (!r->snooped)
		return 0;
	return model_is_v6(group) ? (c == 3 ? 2 : 1) : c;
}

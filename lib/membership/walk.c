/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>

#include "membership/filter_mode.h"
#include "membership/port_state.h"
#include "membership/reporter.h"
#include "membership/source.h"
#include "membership/vlan_state.h"

/* What people see: rows and reporters, in order. Reads only. */

#define SOURCES_INLINE 64u

struct walk {
	const struct membership *m;
	uint16_t port; /* UINT16_MAX: all */
	bool (*row_fn)(const struct walk *w, const struct row *r);
	void *ctx;
	membership_row_fn *fn;
	bool (*reporter_fn)(const struct membership_reporter *r, void *ctx);
};

static enum membership_origin row_origin(const struct row *r)
{
	static const enum membership_origin strongest[ORIGIN_N] = {
		ORIGIN_SNOOPED, ORIGIN_STATIC, ORIGIN_RESTORED, ORIGIN_FILTER};
	unsigned int i = 0;

	while (i < ORIGIN_N - 1 && !row_has(r, strongest[i]))
		i++;
	return strongest[i];
}

static nsec row_expires(const struct row *r)
{
	nsec last = 0;

	if (r->group->is_mac || row_has(r, ORIGIN_STATIC))
		return NSEC_NEVER;
	if (timer_is_running(&r->timer))
		last = r->timer.deadline;
	for (const struct source *s = r->sources; s != NULL; s = s->next) {
		if (timer_is_running(&s->timer) && s->timer.deadline > last)
			last = s->timer.deadline;
	}
	return last;
}

static unsigned int sources_fill(
	const struct row *r, nsec row_end, struct membership_row_source *out, unsigned int max)
{
	unsigned int n = 0;

	for (const struct source *s = r->sources; s != NULL; s = s->next, n++) {
		if (n >= max)
			continue;
		out[n].source = s->address;
		out[n].forwarded = source_passes(s);
		out[n].expires = row_end;
		if (s->is_static)
			out[n].expires = NSEC_NEVER;
		else if (timer_is_running(&s->timer))
			out[n].expires = s->timer.deadline;
	}
	return n;
}

static bool row_show(const struct walk *w, const struct row *r)
{
	struct membership_row_source room[SOURCES_INLINE], *sources = room;
	struct membership_row row = {
		.vlan = r->group->vlan->conf.id,
		.port = r->port,
		.group = group_name(r->group),
		.origin = row_origin(r),
		.exclude = row_wants_unlisted(r) || r->group->is_mac,
		.since = coarse_to_nsec(w->m, r->since),
		.expires = row_expires(r),
	};
	unsigned int max = SOURCES_INLINE;
	bool more;

	if (row_has(r, ORIGIN_SNOOPED))
		row.version = family_of(&r->group->id)->version[row_compat(w->m, r)];
	row.n_sources = sources_fill(r, row.expires, room, max);
	if (row.n_sources > max) {
		sources = calloc(row.n_sources, sizeof(sources[0]));
		max = row.n_sources;
		if (sources == NULL) { /* rather show some than none */
			sources = room;
			max = row.n_sources = SOURCES_INLINE;
		}
		sources_fill(r, row.expires, sources, max);
	}
	more = w->fn(&row, sources, w->ctx);
	if (sources != room)
		free(sources);
	return more;
}

static bool reporters_show(const struct walk *w, const struct row *r, const struct reporter *list,
	const struct ip_addr *source)
{
	for (const struct reporter *rep = list; rep != NULL; rep = rep->next) {
		struct membership_reporter out = {
			.vlan = r->group->vlan->conf.id,
			.port = r->port,
			.group = r->group->id,
			.source = *source,
			.address = rep->address,
			.mac = rep->mac,
			.since = coarse_to_nsec(w->m, rep->since),
			.last_join = coarse_to_nsec(w->m, rep->last_join),
			.last_leave = coarse_to_nsec(w->m, rep->last_leave),
		};

		if (reporter_is_live(w->m, r, rep) && !w->reporter_fn(&out, w->ctx))
			return false;
	}
	return true;
}

static bool row_reporters_show(const struct walk *w, const struct row *r)
{
	if (r->group->is_mac)
		return true;
	if (!reporters_show(w, r, r->reporters, &family_of(&r->group->id)->unspecified))
		return false;
	for (const struct source *s = r->sources; s != NULL; s = s->next) {
		if (!reporters_show(w, r, s->reporters, &s->address))
			return false;
	}
	return true;
}

static bool group_walk(const struct walk *w, const struct group *g)
{
	for (const struct row *r = g->rows; r != NULL; r = r->group_next) {
		if (w->port != UINT16_MAX && w->port != r->port)
			continue;
		if (!w->row_fn(w, r))
			return false;
	}
	return true;
}

/* IP groups by address (the v4-mapped ones of IPv4 come first), then MAC groups. */
static int group_order(const void *a, const void *b)
{
	const struct group *const *x = a;
	const struct group *const *y = b;

	if ((*x)->is_mac != (*y)->is_mac)
		return (*x)->is_mac ? 1 : -1;
	return ip_compare(&(*x)->id, &(*y)->id);
}

static unsigned int group_count(const struct vlan_state *vlan)
{
	unsigned int n = 0;

	for (const struct group *g = vlan->groups; g != NULL; g = g->vlan_next)
		n++;
	return n;
}

/* Without memory for the order: in no order. */
static bool vlan_walk(const struct walk *w, const struct vlan_state *vlan)
{
	unsigned int n = group_count(vlan), i = 0;
	const struct group **sorted = calloc(n + 1, sizeof(sorted[0]));
	const struct group *g = vlan->groups;
	bool more = true;

	for (; g != NULL && sorted != NULL; g = g->vlan_next)
		sorted[i++] = g;
	if (sorted != NULL)
		qsort(sorted, n, sizeof(sorted[0]), group_order);
	for (i = 0; i < n && sorted != NULL && more; i++)
		more = group_walk(w, sorted[i]);
	for (; g != NULL && more; g = g->vlan_next)
		more = group_walk(w, g);
	free(sorted);
	return more;
}

static void vlans_walk(const struct walk *w, uint16_t vlan, const struct membership_group *group)
{
	unsigned int first = vlan == UINT16_MAX ? 0 : vlan;
	unsigned int last = vlan == UINT16_MAX ? VLAN_ID_MAX : vlan;
	bool more = true;

	for (unsigned int id = first; id <= last && id <= VLAN_ID_MAX && more; id++) {
		const struct group *g = NULL;

		if (w->m->vlan[id] == NULL)
			continue;
		if (group == NULL)
			more = vlan_walk(w, w->m->vlan[id]);
		else
			g = group_find_named(w->m, (uint16_t)id, group);
		if (g != NULL)
			more = group_walk(w, g);
	}
}

void membership_walk(const struct membership *m, uint16_t vlan, uint16_t port,
	const struct membership_group *group, membership_row_fn *fn, void *ctx)
{
	struct walk w = {.m = m, .port = port, .row_fn = row_show, .fn = fn, .ctx = ctx};

	vlans_walk(&w, vlan, group);
}

void membership_walk_reporters(const struct membership *m, uint16_t vlan,
	bool (*fn)(const struct membership_reporter *r, void *ctx), void *ctx)
{
	struct walk w = {
		.m = m,
		.port = UINT16_MAX,
		.row_fn = row_reporters_show,
		.reporter_fn = fn,
		.ctx = ctx,
	};

	vlans_walk(&w, vlan, NULL);
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "world.h"

void text_add(char *buf, size_t size, const char *fmt, ...)
{
	size_t at = strlen(buf);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(buf + at, size - at, fmt, ap);
	va_end(ap);
}

const char *text_port(uint16_t port, char *buf)
{
	if (port > SIM_UPLINK)
		snprintf(buf, SIM_TEXT, "u%u", port - SIM_UPLINK);
	else
		snprintf(buf, SIM_TEXT, "p%u", port);
	return buf;
}

const char *text_ports(const struct bitset *ports, char *buf)
{
	char name[SIM_TEXT];

	buf[0] = '\0';
	BITSET_FOREACH (i, ports)
		text_add(buf, SIM_TEXT, "%s%s", buf[0] != '\0' ? " " : "",
			text_port((uint16_t)i, name));
	if (buf[0] == '\0')
		strcpy(buf, "-");
	return buf;
}

const char *text_source(const struct ip_addr *a, char *buf)
{
	snprintf(buf, SIM_TEXT, "s%u", a->b[15]);
	return buf;
}

const char *text_group(const struct membership_group *g, char *buf)
{
	return g->is_mac ? mac_format(&g->mac, buf) : ip_format(&g->ip, buf);
}

const char *text_time(nsec t, char *buf)
{
	if (t == NSEC_NEVER)
		strcpy(buf, "never");
	else
		snprintf(buf, SIM_TEXT, "%.12g", (double)nsec_to_ms(t - SIM_BIRTH) / 1000);
	return buf;
}

/* "p1 p2 | s1: p1 | s2: -": members, then the sources that differ. */
const char *text_forwarding(const struct world *w, const struct membership_group *g, char *buf)
{
	struct membership_source_ports sources[32];
	char name[SIM_TEXT], ports[SIM_TEXT];
	struct bitset members;
	int n;

	n = membership_forwarding(w->m, SIM_VLAN, g, &members, sources, 32);
	if (n < 0)
		return strcpy(buf, "none");
	text_ports(&members, buf);
	for (int i = 0; i < n && i < 32; i++)
		text_add(buf, SIM_TEXT, " | %s: %s", text_source(&sources[i].source, name),
			text_ports(&sources[i].ports, ports));
	return buf;
}

struct row_text {
	char *buf;
	bool found;
};

static const char *origin_word(enum membership_origin origin)
{
	static const char *const word[ORIGIN_N] = {
		[ORIGIN_SNOOPED] = "",
		[ORIGIN_FILTER] = "filter ",
		[ORIGIN_STATIC] = "static ",
		[ORIGIN_RESTORED] = "restored ",
	};

	return word[origin];
}

/* "exclude@260 {s1@200 !s2}": the time of EXCLUDE mode's end, sources requested until, excluded. */
static bool row_print(
	const struct membership_row *row, const struct membership_row_source *sources, void *ctx)
{
	struct row_text *t = ctx;
	char when[SIM_TEXT], name[SIM_TEXT];

	t->found = true;
	t->buf[0] = '\0';
	text_add(t->buf, SIM_TEXT, "%s%s", origin_word(row->origin),
		row->exclude ? "exclude" : "include");
	if (row->exclude)
		text_add(t->buf, SIM_TEXT, "@%s", text_time(row->expires, when));
	text_add(t->buf, SIM_TEXT, " {");
	for (unsigned int i = 0; i < row->n_sources; i++) {
		text_add(t->buf, SIM_TEXT, "%s%s%s", i > 0 ? " " : "",
			sources[i].forwarded ? "" : "!", text_source(&sources[i].source, name));
		if (sources[i].forwarded)
			text_add(t->buf, SIM_TEXT, "@%s", text_time(sources[i].expires, when));
	}
	text_add(t->buf, SIM_TEXT, "}");
	if (row->version != 0 && row->version < (ip_is_v4(&row->group.ip) ? 3 : 2))
		text_add(t->buf, SIM_TEXT, " v%u", row->version);
	return true;
}

const char *text_row(
	const struct world *w, uint16_t port, const struct membership_group *g, char *buf)
{
	struct row_text t = {.buf = buf};

	membership_walk(w->m, SIM_VLAN, port, g, row_print, &t);
	return t.found ? buf : strcpy(buf, "none");
}

struct reporters_text {
	char *buf;
	const struct membership_group *group;
};

static bool reporter_print(const struct membership_reporter *r, void *ctx)
{
	struct reporters_text *t = ctx;
	char port[SIM_TEXT], source[SIM_TEXT], join[SIM_TEXT], leave[SIM_TEXT];

	if (!ip_equal(&r->group, &t->group->ip))
		return true;
	text_add(t->buf, SIM_TEXT, "%s%s.%c/%s@%s", t->buf[0] != '\0' ? " " : "",
		text_port(r->port, port), r->mac.b[5],
		ip_is_unspecified(&r->source) ? "*" : text_source(&r->source, source),
		text_time(r->last_join, join));
	if (r->last_leave != 0)
		text_add(t->buf, SIM_TEXT, "-%s", text_time(r->last_leave, leave));
	return true;
}

/* "p1.b/s1@5-4": host, source or any, last join, last leave. */
const char *text_reporters(const struct world *w, const struct membership_group *g, char *buf)
{
	struct reporters_text t = {.buf = buf, .group = g};

	buf[0] = '\0';
	membership_walk_reporters(w->m, SIM_VLAN, reporter_print, &t);
	return buf[0] != '\0' ? buf : strcpy(buf, "none");
}

/* "10.0.0.1 u1 v3 rv=2 qi=125 @255" or "ours" or "none". */
const char *text_querier(const struct world *w, bool v6, char *buf)
{
	struct membership_querier_info q;
	char port[SIM_TEXT], when[SIM_TEXT];

	membership_querier(w->m, SIM_VLAN, v6, &q);
	if (!q.known)
		return strcpy(buf, "none");
	if (q.ours)
		return strcpy(buf, "ours");
	ip_format(&q.address, buf);
	text_add(buf, SIM_TEXT, " %s v%u rv=%u qi=%.9g @%s", text_port(q.port, port), q.version,
		q.timers.robustness, (double)q.timers.query_interval / 1e9,
		text_time(q.expires, when));
	return buf;
}

/* "p1 p2: v3 239.1.1.1 {s1} from 0.0.0.0 mrt=1 rv=2 qqic=125 s" */
const char *text_query(const struct bitset *ports, const struct group_query *q, char *buf)
{
	char group[SIM_TEXT], source[SIM_TEXT];

	text_ports(ports, buf);
	text_add(buf, SIM_TEXT, ": v%u ", q->version);
	if (ip_is_unspecified(&q->group))
		text_add(buf, SIM_TEXT, "general");
	else
		text_add(buf, SIM_TEXT, "%s", ip_format(&q->group, group));
	for (unsigned int i = 0; i < q->n_sources; i++)
		text_add(buf, SIM_TEXT, "%s%s%s", i > 0 ? " " : " {",
			text_source(&q->sources[i], source), i + 1 == q->n_sources ? "}" : "");
	text_add(buf, SIM_TEXT, " from %s mrt=%.9g rv=%u qqic=%u%s", ip_format(&q->source, source),
		(double)q->max_response / 1e9, q->robustness, q->query_interval_s,
		q->suppress ? " s" : "");
	return buf;
}

/* "joined p1 239.1.1.1 report" */
const char *text_event(const struct membership_event *e, char *buf)
{
	static const char *const word[] = {
		[MEMBERSHIP_JOINED] = "joined",
		[MEMBERSHIP_LEFT] = "left",
		[MEMBERSHIP_QUERIER_CHANGED] = "querier",
		[MEMBERSHIP_ROUTER_ADDED] = "router",
		[MEMBERSHIP_ROUTER_EXPIRED] = "norouter",
		[MEMBERSHIP_QUOTA] = "quota",
	};
	bool of_group = e->type == MEMBERSHIP_JOINED || e->type == MEMBERSHIP_LEFT ||
			e->type == MEMBERSHIP_QUOTA;
	char port[SIM_TEXT], name[SIM_TEXT];

	buf[0] = '\0';
	text_add(buf, SIM_TEXT, "%s %s %s %s", word[e->type], text_port(e->port, port),
		of_group ? text_group(&e->group, name) : ip_format(&e->address, name), e->reason);
	return buf;
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include "api/family.h"

#include <event2/buffer.h>
#include <stdio.h>
#include <string.h>

#include "control/control.h"

/* A label's value: backslash, quote and newline are the three that the format escapes. */
static const char *escape(const char *text, char *buf, size_t size)
{
	size_t used = 0;

	for (; text != NULL && *text != '\0' && used + 3 < size; text++) {
		if (*text == '\\' || *text == '"' || *text == '\n')
			buf[used++] = '\\';
		buf[used++] = *text == '\n' ? 'n' : *text;
	}
	buf[used] = '\0';
	return buf;
}

#define LABEL_SIZE 256

static void sample_write(
	struct families_walk *w, const struct family *f, const char *labels, uint64_t value)
{
	evbuffer_add_printf(w->out, "mcswitch_%s%s%s%s%s %llu\n", f->name,
		f->type == COUNTER ? "_total" : "", labels[0] != '\0' ? "{" : "", labels,
		labels[0] != '\0' ? "}" : "", (unsigned long long)value);
}

/* --- the switch --- */

bool family_build_write(struct families_walk *w, const struct family *f)
{
	char labels[LABEL_SIZE], version[64], dpdk[64];
	struct control_status s;

	control_status(w->control, &s);
	snprintf(labels, sizeof(labels), "version=\"%s\",dpdk_version=\"%s\"",
		escape(s.version, version, sizeof(version)),
		escape(s.dpdk_version, dpdk, sizeof(dpdk)));
	sample_write(w, f, labels, 1);
	return false;
}

bool family_uptime_write(struct families_walk *w, const struct family *f)
{
	struct control_status s;

	control_status(w->control, &s);
	evbuffer_add_printf(
		w->out, "mcswitch_%s %.3f\n", f->name, (double)s.uptime / (double)NSEC_PER_SEC);
	return false;
}

bool family_number_write(struct families_walk *w, const struct family *f)
{
	struct control_status s;
	unsigned int value;

	control_status(w->control, &s);
	memcpy(&value, (const char *)&s + f->member, sizeof(value));
	sample_write(w, f, "", value);
	return false;
}

bool family_count_write(struct families_walk *w, const struct family *f)
{
	struct control_status s;
	uint64_t value;

	control_status(w->control, &s);
	memcpy(&value, (const char *)&s + f->member, sizeof(value));
	sample_write(w, f, "", value);
	return false;
}

bool family_law_write(struct families_walk *w, const struct family *f)
{
	struct control_status s;

	control_status(w->control, &s);
	sample_write(w, f, "term=\"rx\"", s.rx);
	sample_write(w, f, "term=\"injected\"", s.injected);
	sample_write(w, f, "term=\"references\"", s.references);
	sample_write(w, f, "term=\"tx\"", s.tx);
	sample_write(w, f, "term=\"punted\"", s.punted);
	sample_write(w, f, "term=\"dropped\"", s.dropped);
	return false;
}

/* --- samples by row of a walk --- */

struct rows {
	struct families_walk *w;
	const struct family *f;
};

static bool port_write(const struct control_port *p, void *ctx)
{
	const struct rows *r = ctx;
	char labels[LABEL_SIZE], name[80];
	uint64_t value;

	memcpy(&value, (const char *)p + r->f->member, sizeof(value));
	snprintf(labels, sizeof(labels), "port=\"%s\"", escape(p->name, name, sizeof(name)));
	sample_write(r->w, r->f, labels, value);
	return true;
}

bool family_ports_write(struct families_walk *w, const struct family *f)
{
	struct rows r = {w, f};

	control_ports(w->control, port_write, &r);
	return false;
}

static bool port_up_write(const struct control_port *p, void *ctx)
{
	const struct rows *r = ctx;
	char labels[LABEL_SIZE], name[80], kind[80];

	snprintf(labels, sizeof(labels), "port=\"%s\",role=\"%s\",kind=\"%s\"",
		escape(p->name, name, sizeof(name)), p->is_uplink ? "uplink" : "guest",
		escape(p->kind, kind, sizeof(kind)));
	sample_write(r->w, r->f, labels, p->up && p->admin_up && !p->lost);
	return true;
}

bool family_ports_up_write(struct families_walk *w, const struct family *f)
{
	struct rows r = {w, f};

	control_ports(w->control, port_up_write, &r);
	return false;
}

static bool port_rows_write(const struct control_port *p, void *ctx)
{
	const struct rows *r = ctx;
	char labels[LABEL_SIZE], name[80];

	snprintf(labels, sizeof(labels), "port=\"%s\"", escape(p->name, name, sizeof(name)));
	sample_write(r->w, r->f, labels, p->n_rows);
	return true;
}

bool family_ports_rows_write(struct families_walk *w, const struct family *f)
{
	struct rows r = {w, f};

	control_ports(w->control, port_rows_write, &r);
	return false;
}

/* Of the data path: these add up to the law's term. */
static bool drop_write(const struct control_drop *d, void *ctx)
{
	const struct rows *r = ctx;
	char labels[LABEL_SIZE];

	if (!d->in_law)
		return true;
	snprintf(labels, sizeof(labels), "reason=\"%s\"", d->name);
	sample_write(r->w, r->f, labels, d->count);
	return true;
}

bool family_drops_write(struct families_walk *w, const struct family *f)
{
	struct rows r = {w, f};

	control_drops(w->control, drop_write, &r);
	return false;
}

/* Of control, by port: a port that goes takes its series with it, and no sum ever falls. */
static bool refusal_write(const struct control_drop *d, void *ctx)
{
	const struct rows *r = ctx;
	char labels[LABEL_SIZE], name[80];

	if (d->in_law || d->port == NULL)
		return true;
	snprintf(labels, sizeof(labels), "port=\"%s\",reason=\"%s\"",
		escape(d->port, name, sizeof(name)), d->name);
	sample_write(r->w, r->f, labels, d->count);
	return true;
}

bool family_refusals_write(struct families_walk *w, const struct family *f)
{
	struct rows r = {w, f};

	control_drops(w->control, refusal_write, &r);
	return false;
}

static bool message_write(const struct control_message *m, void *ctx)
{
	const struct rows *r = ctx;
	char labels[LABEL_SIZE], name[80];

	snprintf(labels, sizeof(labels),
		"port=\"%s\",family=\"%s\",type=\"%s\",version=\"%u\",direction=\"%s\"",
		escape(m->port, name, sizeof(name)), m->v6 ? "ipv6" : "ipv4", m->type, m->version,
		m->sent ? "sent" : "received");
	sample_write(r->w, r->f, labels, m->count);
	return true;
}

bool family_messages_write(struct families_walk *w, const struct family *f)
{
	struct rows r = {w, f};

	control_messages(w->control, message_write, &r);
	return false;
}

static bool core_write(const struct control_core *c, void *ctx)
{
	const struct rows *r = ctx;
	char labels[LABEL_SIZE];
	uint64_t value;

	if (c->is_control)
		return true;
	memcpy(&value, (const char *)c + r->f->member, sizeof(value));
	snprintf(labels, sizeof(labels), "lcore=\"%u\"", c->lcore);
	sample_write(r->w, r->f, labels, value);
	return true;
}

bool family_cores_write(struct families_walk *w, const struct family *f)
{
	struct rows r = {w, f};

	control_cores(w->control, core_write, &r);
	return false;
}

static bool ring_write(const struct control_core *c, void *ctx)
{
	const struct rows *r = ctx;
	char labels[LABEL_SIZE];
	unsigned int value;

	if (c->is_control)
		return true;
	memcpy(&value, (const char *)c + r->f->member, sizeof(value));
	snprintf(labels, sizeof(labels), "lcore=\"%u\"", c->lcore);
	sample_write(r->w, r->f, labels, value);
	return true;
}

bool family_rings_write(struct families_walk *w, const struct family *f)
{
	struct rows r = {w, f};

	control_cores(w->control, ring_write, &r);
	return false;
}

/* --- groups --- */

/* Buckets hold all that came before them, in an exposition. */
static void histogram_write(const struct rows *r, const struct control_core *c,
	const uint64_t *counts, unsigned int n, uint64_t sum)
{
	const char *name = r->f->name;
	uint64_t total = 0;

	for (unsigned int i = 0; i < n; i++) {
		total += counts[i];
		evbuffer_add_printf(r->w->out,
			"mcswitch_%s_bucket{lcore=\"%u\",le=\"%u.0\"} %llu\n", name, c->lcore,
			1u << i, (unsigned long long)total);
	}
	evbuffer_add_printf(r->w->out,
		"mcswitch_%s_bucket{lcore=\"%u\",le=\"+Inf\"} %llu\n"
		"mcswitch_%s_count{lcore=\"%u\"} %llu\nmcswitch_%s_sum{lcore=\"%u\"} %llu\n",
		name, c->lcore, (unsigned long long)total, name, c->lcore,
		(unsigned long long)total, name, c->lcore, (unsigned long long)sum);
}

static bool bursts_write(const struct control_core *c, void *ctx)
{
	if (!c->is_control)
		histogram_write(ctx, c, c->bursts, CONTROL_N_BURSTS, c->rx);
	return true;
}

bool family_bursts_write(struct families_walk *w, const struct family *f)
{
	struct rows r = {w, f};

	control_cores(w->control, bursts_write, &r);
	return false;
}

static bool fanouts_write(const struct control_core *c, void *ctx)
{
	if (!c->is_control)
		histogram_write(ctx, c, c->fanouts, CONTROL_N_FANOUTS, c->ways);
	return true;
}

bool family_fanouts_write(struct families_walk *w, const struct family *f)
{
	struct rows r = {w, f};

	control_cores(w->control, fanouts_write, &r);
	return false;
}

bool family_groups_write(struct families_walk *w, const struct family *f)
{
	size_t end = w->next_row + FAMILIES_PIECE_ROWS;
	char labels[LABEL_SIZE], text[IP_STR_SIZE];

	for (; w->next_row < end && w->next_row < w->n_groups; w->next_row++) {
		const struct group_figures *g = &w->groups[w->next_row];

		snprintf(labels, sizeof(labels), "vlan=\"%u\",group=\"%s\"", g->vlan,
			g->group.is_mac ? mac_format(&g->group.mac, text)
					: ip_format(&g->group.ip, text));
		sample_write(w, f, labels, g->packets);
	}
	return w->next_row < w->n_groups;
}

bool family_omitted_write(struct families_walk *w, const struct family *f)
{
	sample_write(w, f, "", w->n_omitted);
	return false;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memberships as flat objects, one a source, as `bridge mdb` prints them. An INCLUDE row is one
 * object a source. An EXCLUDE row is one object with source "*", then one a source that it names.
 * mode is about that source: "include" gets through, "exclude" does not, and for "*" "exclude" is
 * everyone but the sources listed as "exclude". So a frame is judged by the object with its source,
 * else by the one with "*".
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "api/methods.h"
#include "api/params.h"
#include "api/snapshot.h"
#include "control/control.h"

static const char *const origin_names[ORIGIN_N] = {
	[ORIGIN_SNOOPED] = "snooped",
	[ORIGIN_FILTER] = "filter",
	[ORIGIN_STATIC] = "static",
	[ORIGIN_RESTORED] = "restored",
};

/* The name of the port is copied: the port may be gone before the row is written. */
struct group_row {
	struct membership_group group;
	struct ip_addr source;
	char port[32];
	uint16_t vlan;
	uint8_t origin;
	uint8_t version;
	bool any; /* source is "*" */
	bool exclude;
	nsec since, expires;
};

static const char *group_format(const struct membership_group *g, char *buf)
{
	return g->is_mac ? mac_format(&g->mac, buf) : ip_format(&g->ip, buf);
}

static json_t *group_json(const struct snapshot *s, const void *row)
{
	const struct group_row *r = row;
	char group[IP_STR_SIZE], source[IP_STR_SIZE];
	uint64_t packets = control_group_packets(s->caller->control, r->vlan, &r->group);
	uint32_t pps = control_group_pps(s->caller->control, r->vlan, &r->group);

	return json_pack("{s:i, s:s, s:s, s:s, s:o, s:s, s:i, s:o, s:o, s:I, s:I}", "vlan", r->vlan,
		"group", group_format(&r->group, group), "source",
		r->any ? "*" : ip_format(&r->source, source), "mode",
		r->exclude ? "exclude" : "include", "port", rpc_text(r->port), "origin",
		r->origin < ORIGIN_N ? origin_names[r->origin] : "?", "version", r->version,
		"uptime_ms", json_since(s->now, r->since), "expires_ms",
		json_until(s->now, r->expires), "packets", (json_int_t)packets, "pps",
		(json_int_t)pps);
}

static bool row_add(
	const struct membership_row *row, const struct membership_row_source *sources, void *ctx)
{
	struct snapshot *s = ctx;
	struct group_row one = {
		.group = row->group,
		.vlan = row->vlan,
		.origin = (uint8_t)row->origin,
		.version = row->version,
		.any = true,
		.exclude = row->exclude,
		.since = row->since,
		.expires = row->expires,
	};
	struct group_row *out;

	snprintf(
		one.port, sizeof(one.port), "%s", control_port_name(s->caller->control, row->port));
	if (row->exclude || row->n_sources == 0) {
		out = snapshot_add(s);
		if (out == NULL)
			return false;
		*out = one;
	}
	one.any = false;
	for (unsigned int i = 0; i < row->n_sources; i++) {
		out = snapshot_add(s);
		if (out == NULL)
			return false;
		one.source = sources[i].source;
		one.exclude = !sources[i].forwarded;
		/* An excluded source has no timer of its own: it stands as long as the row. */
		one.expires = sources[i].forwarded ? sources[i].expires : row->expires;
		*out = one;
	}
	return true;
}

static bool group_parse(const char *text, struct membership_group *out)
{
	memset(out, 0, sizeof(*out));
	out->is_mac = mac_parse(text, &out->mac) == 0;
	return out->is_mac || ip_parse(text, &out->ip) == 0;
}

/* UINT16_MAX: all. -ENOENT with the sentence when there is no such port. */
static int port_param(struct rpc_call *call, uint16_t *port)
{
	const struct caller *who = call->ctx;
	const char *name = params_string(call->params, "port");
	int id;

	*port = UINT16_MAX;
	if (name == NULL)
		return 0;
	id = control_port_find(who->control, name);
	if (id < 0)
		return error_set(&call->err, -ENOENT, "there is no port '%s'", name);
	*port = (uint16_t)id;
	return 0;
}

int show_groups(struct rpc_call *call)
{
	struct caller *who = call->ctx;
	uint16_t vlan = (uint16_t)params_integer(call->params, "vlan", UINT16_MAX);
	const char *text = params_string(call->params, "group");
	struct membership_group group;
	struct snapshot *s;
	uint16_t port;
	int rc;

	rc = port_param(call, &port);
	if (rc < 0)
		return rc;
	if (text != NULL && !group_parse(text, &group))
		return error_set(&call->err, -EINVAL, "group: '%s' is no address", text);
	s = snapshot_create(who, sizeof(struct group_row), group_json);
	if (s == NULL)
		return -ENOMEM;
	membership_walk(control_membership(who->control), vlan, port, text != NULL ? &group : NULL,
		row_add, s);
	return snapshot_finish(s, call);
}

/* --- the groups with the highest rates --- */

struct busiest {
	size_t n, max;
	struct control_group group[BUSIEST_MAX]; /* falling */
};

static bool is_busier(const struct control_group *a, const struct control_group *b)
{
	return a->pps != b->pps ? a->pps > b->pps : a->packets > b->packets;
}

static bool busiest_add(const struct control_group *g, void *ctx)
{
	struct busiest *b = ctx;
	size_t i;

	if (b->n == b->max && !is_busier(g, &b->group[b->n - 1]))
		return true;
	i = b->n < b->max ? b->n++ : b->n - 1;
	for (; i > 0 && is_busier(g, &b->group[i - 1]); i--)
		b->group[i] = b->group[i - 1];
	b->group[i] = *g;
	return true;
}

json_t *control_group_json(const struct control_group *g)
{
	char text[IP_STR_SIZE];

	return json_pack("{s:i, s:s, s:i, s:I, s:I}", "vlan", g->vlan, "group",
		group_format(&g->group, text), "ports", (int)g->n_ports, "packets",
		(json_int_t)g->packets, "pps", (json_int_t)g->pps);
}

int show_busiest(struct rpc_call *call)
{
	const struct caller *who = call->ctx;
	struct busiest b = {.max = (size_t)params_integer(call->params, "count", 20)};

	control_groups(who->control, busiest_add, &b);
	call->result = json_array();
	for (size_t i = 0; i < b.n; i++)
		json_array_append_new(call->result, control_group_json(&b.group[i]));
	return 0;
}

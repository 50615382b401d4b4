/* SPDX-License-Identifier: BSD-3-Clause */
/* Membership messages by port: what was heard and what was sent, by type, version and family. */
#include <errno.h>

#include "api/methods.h"
#include "api/params.h"
#include "control/control.h"

#define N_VERSIONS 3u

/* {"v1": 0, "v2": 7, "v3": 0}; MLD has two versions. */
static json_t *versions_json(const uint64_t count[N_VERSIONS + 1], bool v6)
{
	static const char *const name[] = {"v1", "v2", "v3"};
	json_t *out = json_object();

	for (unsigned int v = 1; v <= (v6 ? 2 : N_VERSIONS); v++)
		json_object_set_new(out, name[v - 1], json_integer((json_int_t)count[v]));
	return out;
}

static json_t *family_json(const struct membership_counters *c, bool v6)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:I, s:I}", "queries_rx",
		versions_json(c->queries_rx[v6], v6), "queries_tx",
		versions_json(c->queries_tx[v6], v6), "reports_rx",
		versions_json(c->reports_rx[v6], v6), "reports_tx",
		versions_json(c->reports_tx[v6], v6), "leaves_rx", (json_int_t)c->leaves_rx[v6],
		"leaves_tx", (json_int_t)c->leaves_tx[v6]);
}

/* Against the RFC's wording, but taken unless validation is strict. */
static json_t *odd_json(const struct membership_counters *c)
{
	return json_pack("{s:I, s:I, s:I, s:I}", "ttl", (json_int_t)c->odd_ttl, "router_alert",
		(json_int_t)c->odd_alert, "destination", (json_int_t)c->odd_destination, "source",
		(json_int_t)c->odd_source);
}

struct listing {
	json_t *list;
	const struct membership *m;
	int only; /* port; -1: all */
};

static bool port_append(const struct control_port *p, void *ctx)
{
	struct listing *l = ctx;
	const struct membership_counters *c = membership_port_counters(l->m, p->id);
	json_t *row;

	if (c == NULL || (l->only >= 0 && p->id != l->only))
		return true;
	row = json_pack("{s:o, s:o, s:o, s:I, s:I, s:I, s:o, s:I}", "port", rpc_text(p->name),
		"igmp", family_json(c, false), "mld", family_json(c, true), "pim_rx",
		(json_int_t)c->pim_rx, "mrd_rx", (json_int_t)c->mrd_rx, "unknown_rx",
		(json_int_t)c->unknown_rx, "odd", odd_json(c), "sources_capped",
		(json_int_t)c->sources_capped);
	return row != NULL && json_array_append_new(l->list, row) == 0;
}

int show_counters(struct rpc_call *call)
{
	const struct caller *who = call->ctx;
	const char *port = params_string(call->params, "port");
	struct listing l = {NULL, control_membership(who->control), -1};

	if (port != NULL)
		l.only = control_port_find(who->control, port);
	if (port != NULL && l.only < 0)
		return error_set(&call->err, -ENOENT, "there is no port '%s'", port);
	l.list = json_array();
	control_ports(who->control, port_append, &l);
	call->result = l.list;
	return 0;
}

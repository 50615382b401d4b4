/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who reported: the rows of the table that a switch engineer knows (paper, last page). Channels and
 * hosts of a VLAN are counts of these rows' different (source, group) and reporters; the client
 * makes them, the list stays flat.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/methods.h"
#include "api/params.h"
#include "api/snapshot.h"
#include "control/control.h"

struct reporter_row {
	struct membership_reporter r;
	char port[32];
};

static json_t *reporter_json(const struct snapshot *s, const void *row)
{
	const struct reporter_row *it = row;
	const struct membership_reporter *r = &it->r;
	char group[IP_STR_SIZE], source[IP_STR_SIZE], address[IP_STR_SIZE], mac[MAC_STR_SIZE];

	return json_pack("{s:i, s:s, s:s, s:o, s:s, s:s, s:o, s:o, s:o}", "vlan", r->vlan, "source",
		ip_is_unspecified(&r->source) ? "*" : ip_format(&r->source, source), "group",
		ip_format(&r->group, group), "port", rpc_text(it->port), "reporter",
		ip_format(&r->address, address), "mac", mac_format(&r->mac, mac), "uptime_ms",
		json_since(s->now, r->since), "last_join_ms", json_since(s->now, r->last_join),
		"last_leave_ms", json_since(s->now, r->last_leave));
}

static bool reporter_add(const struct membership_reporter *r, void *ctx)
{
	struct snapshot *s = ctx;
	struct reporter_row *row = snapshot_add(s);

	if (row == NULL)
		return false;
	row->r = *r;
	snprintf(
		row->port, sizeof(row->port), "%s", control_port_name(s->caller->control, r->port));
	return true;
}

/* VLANs in use: a list that the caller frees. NULL: no memory. */
static uint16_t *vlans_read(const struct control *c, unsigned int *n)
{
	uint16_t *vlans = calloc(VLAN_ID_SIZE, sizeof(*vlans));

	if (vlans == NULL)
		return NULL;
	*n = control_vlans(c, vlans, VLAN_ID_SIZE);
	if (*n > VLAN_ID_SIZE)
		*n = VLAN_ID_SIZE;
	return vlans;
}

int show_snooping(struct rpc_call *call)
{
	struct caller *who = call->ctx;
	const struct membership *m = control_membership(who->control);
	long long only = params_integer(call->params, "vlan", -1);
	struct snapshot *s = snapshot_create(who, sizeof(struct reporter_row), reporter_json);
	uint16_t *vlans;
	unsigned int n;

	vlans = vlans_read(who->control, &n);
	if (s == NULL || vlans == NULL) {
		snapshot_destroy(s);
		free(vlans);
		return -ENOMEM;
	}
	for (unsigned int i = 0; i < n && s->error == 0; i++) {
		if (only < 0 || only == vlans[i])
			membership_walk_reporters(m, vlans[i], reporter_add, s);
	}
	free(vlans);
	return snapshot_finish(s, call);
}

static void querier_add(
	json_t *row, const struct control *c, const struct membership_querier_info *q, nsec now)
{
	char address[IP_STR_SIZE];
	bool elsewhere = q->known && !q->ours;

	json_object_set_new(row, "version", q->known ? json_integer(q->version) : json_null());
	json_object_set_new(
		row, "port", elsewhere ? rpc_text(control_port_name(c, q->port)) : json_null());
	json_object_set_new(row, "address",
		q->known ? json_string(ip_format(&q->address, address)) : json_null());
	json_object_set_new(row, "uptime_ms", q->known ? json_since(now, q->since) : json_null());
	json_object_set_new(
		row, "expires_ms", elsewhere ? json_until(now, q->expires) : json_null());
}

/* Ports behind which a multicast router is: heard, or configured. */
static json_t *router_ports_json(const struct control *c, uint16_t vlan)
{
	json_t *list = json_array();
	struct bitset ports;

	membership_router_ports(control_membership(c), vlan, &ports);
	BITSET_FOREACH (id, &ports)
		json_array_append_new(list, rpc_text(control_port_name(c, (uint16_t)id)));
	return list;
}

static json_t *querier_json(const struct control *c, uint16_t vlan, bool v6)
{
	struct membership_querier_info q = {0};
	json_t *row;

	membership_querier(control_membership(c), vlan, v6, &q);
	row = json_pack("{s:i, s:s, s:s, s:b, s:b, s:I, s:I, s:I, s:I}", "vlan", vlan, "family",
		v6 ? "ipv6" : "ipv4", "state",
		!q.known ? "none"
		: q.ours ? "ours"
			 : "heard",
		"known", q.known, "ours", q.ours, "robustness", (json_int_t)q.timers.robustness,
		"query_interval_ms", (json_int_t)nsec_to_ms(q.timers.query_interval),
		"query_response_ms", (json_int_t)nsec_to_ms(q.timers.query_response),
		"last_member_interval_ms", (json_int_t)nsec_to_ms(q.timers.last_member_interval));
	if (row != NULL) {
		querier_add(row, c, &q, control_now(c));
		json_object_set_new(row, "router_ports", router_ports_json(c, vlan));
	}
	return row;
}

int show_queriers(struct rpc_call *call)
{
	const struct caller *who = call->ctx;
	uint16_t *vlans;
	unsigned int n;

	vlans = vlans_read(who->control, &n);
	if (vlans == NULL)
		return -ENOMEM;
	call->result = json_array();
	for (unsigned int i = 0; i < n; i++) {
		json_array_append_new(call->result, querier_json(who->control, vlans[i], false));
		json_array_append_new(call->result, querier_json(who->control, vlans[i], true));
	}
	free(vlans);
	return 0;
}

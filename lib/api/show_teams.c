/* SPDX-License-Identifier: BSD-3-Clause */
/* Uplinks, the teams that they form, and who carries whom. */
#include <errno.h>

#include "api/methods.h"
#include "api/params.h"
#include "control/control.h"

static bool name_append(const char *name, void *ctx)
{
	return json_array_append_new(ctx, rpc_text(name)) == 0;
}

struct listing {
	json_t *list;
	const struct control *control;
};

static bool uplink_append(const struct control_port *p, void *ctx)
{
	struct listing *l = ctx;
	json_t *carries, *row;

	if (!p->is_uplink)
		return true;
	carries = json_array();
	control_carried(l->control, p->id, name_append, carries);
	row = json_pack("{s:i, s:o, s:o, s:o, s:s, s:b, s:b, s:o, s:o, s:o, s:b, s:i, s:o, s:i}",
		"id", p->id, "name", rpc_text(p->name), "device", rpc_text(p->device), "driver",
		rpc_text(p->kind), "state", port_state_name(p), "up", p->up, "admin_up",
		p->admin_up, "since_ms", json_since(control_now(l->control), p->since), "team",
		json_text_or_null(p->team), "role", json_text_or_null(p->role), "in_use", p->in_use,
		"guests", (int)json_array_size(carries), "carries", carries, "worker",
		(int)p->worker);
	if (row == NULL)
		return false;
	json_object_set_new(row, "multicast_filter", json_text_or_null(p->multicast_filter));
	json_object_set_new(row, "unicast_filter", json_text_or_null(p->unicast_filter));
	port_tail_add(row, p);
	return json_array_append_new(l->list, row) == 0;
}

int show_uplinks(struct rpc_call *call)
{
	const struct caller *who = call->ctx;
	struct listing l = {json_array(), who->control};

	control_ports(who->control, uplink_append, &l);
	call->result = l.list;
	return 0;
}

static json_t *names_json(const char *const *names, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, rpc_text(names[i]));
	return list;
}

static json_t *us_json(nsec t)
{
	return json_integer((json_int_t)(t / NSEC_PER_US));
}

/* Microseconds: from the notice to the new plane, and from there to the reports. */
static json_t *failover_json(const struct control_failover *f, nsec now)
{
	bool replayed = f->n_replays > 0;

	if (f->at == NSEC_NEVER)
		return json_null();
	return json_pack("{s:o, s:i, s:o, s:i, s:o, s:o}", "ago_ms", json_since(now, f->at),
		"guests", (int)f->n_guests, "to_publish_us", us_json(f->to_publish), "reports",
		(int)f->n_replays, "to_first_replay_us",
		replayed ? us_json(f->to_first_replay) : json_null(), "to_last_replay_us",
		replayed ? us_json(f->to_last_replay) : json_null());
}

static bool team_append(const struct control_team *t, void *ctx)
{
	struct listing *l = ctx;
	json_t *row = json_pack("{s:o, s:o, s:o, s:o, s:i, s:b, s:b, s:b, s:b, s:i, s:o}", "name",
		rpc_text(t->name), "policy", rpc_text(t->policy), "active",
		names_json(t->active, t->n_active), "standby", names_json(t->standby, t->n_standby),
		"guests", (int)t->n_guests, "failback", t->failback, "notify_switches",
		t->notify_switches, "replay_memberships", t->replay_memberships, "channel_replay",
		t->channel_replay, "beacon_ms", (int)t->beacon_ms, "last_failover",
		failover_json(&t->failover, control_now(l->control)));

	return json_array_append_new(l->list, row) == 0;
}

int show_teams(struct rpc_call *call)
{
	const struct caller *who = call->ctx;
	struct listing l = {json_array(), who->control};

	control_teams(who->control, team_append, &l);
	call->result = l.list;
	return 0;
}

/* A value is a word, a number, or true and false. */
int team_set(struct rpc_call *call)
{
	const struct caller *who = call->ctx;
	const json_t *value = json_object_get(call->params, "value");
	const char *text = json_string_value(value);
	char number[24];

	snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(value));
	if (json_is_boolean(value))
		text = json_is_true(value) ? "true" : "false";
	return call_done(call, control_team_set(who->control, params_string(call->params, "name"),
				       params_string(call->params, "key"),
				       text != NULL ? text : number, &call->err));
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* What happened, and what happens: the kept events, and the wish to be told. */
#include <errno.h>

#include "api/methods.h"
#include "api/params.h"
#include "control/control.h"

/* Milliseconds after the arrival, to the microsecond; null: it did not come. */
static json_t *after(const struct control_migration *m, nsec then)
{
	if (then == 0)
		return json_null();
	return json_real((double)((then - m->at) / NSEC_PER_US) / 1000.0);
}

static json_t *migration_json(const struct control_migration *m)
{
	json_t *signs;
	const char *name;

	if (m->at == 0)
		return NULL;
	signs = json_array();
	for (unsigned int i = 0; (name = control_sign_name(i)) != NULL; i++) {
		if (m->signs >> i & 1)
			json_array_append_new(signs, json_string(name));
	}
	return json_pack("{s:o, s:{s:i, s:i, s:i, s:i}, s:o, s:o, s:o, s:o, s:o}", "detected_by",
		signs, "rows", "restored", (int)m->n_rows[ORIGIN_RESTORED], "filter",
		(int)m->n_rows[ORIGIN_FILTER], "snooped", (int)m->n_rows[ORIGIN_SNOOPED], "static",
		(int)m->n_rows[ORIGIN_STATIC], "first_filter_ms", after(m, m->filter),
		"first_replay_ms", after(m, m->replay), "first_query_ms", after(m, m->query),
		"first_answer_ms", after(m, m->answer), "first_frame_ms", after(m, m->frame));
}

json_t *event_json(const struct control_event *e)
{
	return json_pack("{s:I, s:I, s:s, s:o, s:o, s:o, s:o, s:o*}", "number",
		(json_int_t)e->number, "time_ms", (json_int_t)e->at_realtime_ms, "type", e->type,
		"vlan", e->vlan < 0 ? json_null() : json_integer(e->vlan), "port",
		json_text_or_null(e->port), "group", json_text_or_null(e->group), "text",
		rpc_text(e->text), "migration", migration_json(&e->migration));
}

static bool event_append(const struct control_event *e, void *ctx)
{
	return json_array_append_new(ctx, event_json(e)) == 0;
}

int show_events(struct rpc_call *call)
{
	const struct caller *who = call->ctx;
	uint64_t from = (uint64_t)params_integer(call->params, "from", 0);

	call->result = json_array();
	control_events(who->control, from, event_append, call->result);
	return 0;
}

int watch_events(struct rpc_call *call)
{
	struct caller *who = call->ctx;

	who->watching = true;
	return call_done(call, 0);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Settings that act at once. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/methods.h"
#include "api/params.h"
#include "conf/conf.h"
#include "control/control.h"

/* A value as a person would type it: numbers and booleans too. buf holds 24. */
static const char *value_text(const json_t *value, char *buf)
{
	if (json_is_string(value))
		return json_string_value(value);
	if (json_is_boolean(value))
		return json_is_true(value) ? "true" : "false";
	snprintf(buf, 24, "%lld", (long long)json_integer_value(value));
	return buf;
}

int igmp_set(struct rpc_call *call)
{
	const struct caller *who = call->ctx;
	char buf[24];

	return call_done(
		call, control_igmp_set(who->control, params_string(call->params, "key"),
			      value_text(json_object_get(call->params, "value"), buf), &call->err));
}

int vlan_set(struct rpc_call *call)
{
	const struct caller *who = call->ctx;
	char buf[24];

	return call_done(call,
		control_vlan_set(who->control, (uint16_t)params_integer(call->params, "vlan", 0),
			params_string(call->params, "key"),
			value_text(json_object_get(call->params, "value"), buf), &call->err));
}

static int static_set(struct rpc_call *call, bool add)
{
	const struct caller *who = call->ctx;

	return call_done(call,
		control_static_set(who->control, add,
			(uint16_t)params_integer(call->params, "vlan", 0),
			params_string(call->params, "group"), params_string(call->params, "source"),
			params_string(call->params, "port"), &call->err));
}

int group_add(struct rpc_call *call)
{
	return static_set(call, true);
}

int group_del(struct rpc_call *call)
{
	return static_set(call, false);
}

int uplink_admin(struct rpc_call *call)
{
	const struct caller *who = call->ctx;
	bool up = json_is_true(json_object_get(call->params, "up"));

	return call_done(call, control_uplink_admin(who->control,
				       params_string(call->params, "name"), up, &call->err));
}

int reload(struct rpc_call *call)
{
	const struct caller *who = call->ctx;

	return call_done(call, control_reload(who->control, &call->err));
}

int show_config(struct rpc_call *call)
{
	const struct caller *who = call->ctx;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	int rc = out != NULL ? conf_print(control_conf(who->control), out) : -ENOMEM;

	if (out != NULL && fclose(out) != 0)
		rc = -ENOMEM;
	if (rc == 0)
		call->result = json_pack("{s:s}", "yaml", text);
	free(text);
	return rc < 0 ? error_set(&call->err, rc, "no memory for the configuration") : 0;
}

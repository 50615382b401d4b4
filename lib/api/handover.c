/* SPDX-License-Identifier: BSD-3-Clause */
/* Guests that move: what orchestrators say, and memberships on their way between two switches. */
#include "api/methods.h"
#include "api/params.h"
#include "control/control.h"

int guest_migrated(struct rpc_call *call)
{
	const struct caller *who = call->ctx;
	const char *name = params_string(call->params, "name");

	return call_done(call, control_guest_migrated(who->control, name, &call->err));
}

int guest_export(struct rpc_call *call)
{
	const struct caller *who = call->ctx;
	const char *name = params_string(call->params, "name");

	return control_guest_export(who->control, name, &call->result, &call->err);
}

int guest_import(struct rpc_call *call)
{
	const struct caller *who = call->ctx;
	bool append = json_is_true(json_object_get(call->params, "append"));
	struct control_import done;
	int rc;

	rc = control_guest_import(who->control, params_string(call->params, "name"),
		json_object_get(call->params, "state"), append, &done, &call->err);
	if (rc < 0)
		return rc;
	call->result = json_pack("{s:i, s:i, s:i}", "admitted", (int)done.n_admitted, "waiting",
		(int)done.n_waiting, "refused", (int)done.n_refused);
	return 0;
}

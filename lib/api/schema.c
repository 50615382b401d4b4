/* SPDX-License-Identifier: BSD-3-Clause */
/* What may be asked and what is answered, for programs: the method table, and schema.json beside it. */
#include "api/methods.h"
#include "api/params.h"

static const char text[] = {
#include "schema_text.h"
};

static json_t *method_schema(const struct rpc_method *m, const json_t *schemas)
{
	const json_t *results = json_object_get(schemas, "results");
	const json_t *notifications = json_object_get(schemas, "notifications");

	return json_pack("{s:s, s:s, s:s, s:o, s:o, s:O, s:O*}", "name", m->name, "role",
		m->role == RPC_WRITE ? "write" : "read", "help", m->help, "params", params_list(m),
		"params_schema", params_schema(m), "result_schema",
		json_object_get(results, m->name), "notifications",
		json_object_get(notifications, m->name));
}

int show_schema(struct rpc_call *call)
{
	json_t *schemas = json_loadb(text, sizeof(text), 0, NULL);

	call->result = json_array();
	for (const struct rpc_method *m = methods_table(); m->name != NULL; m++)
		json_array_append_new(call->result, method_schema(m, schemas));
	json_decref(schemas);
	return 0;
}

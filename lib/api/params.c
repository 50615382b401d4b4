/* SPDX-License-Identifier: BSD-3-Clause */
#include "api/params.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/methods.h"
#include "base/addr.h"

static const struct {
	unsigned int bit;
	const char *name;
} types[] = {
	{RPC_STRING, "string"},
	{RPC_INTEGER, "integer"},
	{RPC_BOOLEAN, "boolean"},
	{RPC_OBJECT, "object"},
};

#define N_TYPES (sizeof(types) / sizeof(types[0]))

static unsigned int type_of(const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_STRING:
		return RPC_STRING;
	case JSON_INTEGER:
		return RPC_INTEGER;
	case JSON_TRUE:
	case JSON_FALSE:
		return RPC_BOOLEAN;
	case JSON_OBJECT:
		return RPC_OBJECT;
	default:
		return 0;
	}
}

static const struct rpc_param *param_find(const struct rpc_param *p, const char *name)
{
	for (; p != NULL && p->name != NULL; p++) {
		if (strcmp(p->name, name) == 0)
			return p;
	}
	return NULL;
}

/* "vlan, group, port" or "none" */
static const char *names_format(const struct rpc_param *p, char *buf, size_t size)
{
	size_t used = 0;

	snprintf(buf, size, "none");
	for (; p != NULL && p->name != NULL && used < size; p++)
		used += (size_t)snprintf(
			buf + used, size - used, "%s%s", used > 0 ? ", " : "", p->name);
	return buf;
}

/* An array becomes an object: the names are in the declaration. */
static int by_position(
	const struct rpc_method *m, const json_t *given, json_t *object, struct error *err)
{
	const struct rpc_param *p = m->params;
	size_t n = json_array_size(given);

	for (size_t i = 0; i < n; i++, p++) {
		if (p == NULL || p->name == NULL)
			return error_set(err, -EINVAL, "%s: %zu parameters: expected %zu at most",
				m->name, n, i);
		if (!json_is_null(json_array_get(given, i)))
			json_object_set(object, p->name, json_array_get(given, i));
	}
	return 0;
}

static int by_name(const struct rpc_method *m, json_t *given, json_t *object, struct error *err)
{
	char names[128];
	const char *name;
	json_t *value;

	json_object_foreach (given, name, value) {
		if (param_find(m->params, name) == NULL)
			return error_set(err, -EINVAL, "'%.64s' is no parameter of %s: expected %s",
				name, m->name, names_format(m->params, names, sizeof(names)));
		if (!json_is_null(value))
			json_object_set(object, name, value);
	}
	return 0;
}

static int value_refuse(const struct rpc_param *p, const json_t *value, struct error *err)
{
	char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
	int rc = error_set(err, -EINVAL, "%s: %.64s: expected %s", p->name,
		text != NULL ? text : "?", p->expected);

	free(text);
	return rc;
}

static int values_check(const struct rpc_method *m, const json_t *object, struct error *err)
{
	for (const struct rpc_param *p = m->params; p != NULL && p->name != NULL; p++) {
		const json_t *value = json_object_get(object, p->name);

		if (value == NULL && p->required)
			return error_set(err, -EINVAL, "%s: '%s' is missing: expected %s", m->name,
				p->name, p->expected);
		if (value == NULL)
			continue;
		if (!(p->types & type_of(value)) || (p->holds != NULL && !p->holds(value)))
			return value_refuse(p, value, err);
	}
	return 0;
}

int params_bind(const struct rpc_method *m, json_t *given, json_t **out, struct error *err)
{
	json_t *object = json_object();
	int rc;

	if (object == NULL)
		return error_set(err, -ENOMEM, "no memory");
	if (json_is_array(given))
		rc = by_position(m, given, object, err);
	else
		rc = by_name(m, given, object, err);
	if (rc == 0)
		rc = values_check(m, object, err);
	if (rc < 0) {
		json_decref(object);
		return rc;
	}
	*out = object;
	return 0;
}

bool params_is_vlan(const json_t *value)
{
	json_int_t v = json_integer_value(value);

	return v >= 0 && v <= (json_int_t)VLAN_ID_MAX;
}

bool params_is_group(const json_t *value)
{
	const char *text = json_string_value(value);
	struct mac_addr mac;
	struct ip_addr ip;

	if (ip_parse(text, &ip) == 0)
		return ip_is_multicast(&ip);
	return mac_parse(text, &mac) == 0 && mac_is_multicast(&mac);
}

bool params_is_name(const json_t *value)
{
	const char *text = json_string_value(value);
	size_t size = strlen(text);

	return size > 0 && size < 32 &&
	       strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-") ==
		       size;
}

bool params_is_top_count(const json_t *value)
{
	json_int_t n = json_integer_value(value);

	return n >= 1 && n <= BUSIEST_MAX;
}

bool params_is_positive(const json_t *value)
{
	return json_integer_value(value) >= 1;
}

bool params_is_count(const json_t *value)
{
	return json_integer_value(value) >= 0;
}

const char *params_string(const json_t *params, const char *name)
{
	return json_string_value(json_object_get(params, name));
}

long long params_integer(const json_t *params, const char *name, long long otherwise)
{
	const json_t *value = json_object_get(params, name);

	return value != NULL ? json_integer_value(value) : otherwise;
}

static json_t *types_list(unsigned int of)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < N_TYPES; i++) {
		if (of & types[i].bit)
			json_array_append_new(list, json_string(types[i].name));
	}
	return list;
}

json_t *params_list(const struct rpc_method *m)
{
	json_t *list = json_array();

	for (const struct rpc_param *p = m->params; p != NULL && p->name != NULL; p++)
		json_array_append_new(list, json_pack("{s:s, s:o, s:b, s:s}", "name", p->name,
						    "types", types_list(p->types), "required",
						    p->required, "expected", p->expected));
	return list;
}

json_t *params_schema(const struct rpc_method *m)
{
	json_t *properties = json_object(), *required = json_array(), *allowed;

	for (const struct rpc_param *p = m->params; p != NULL && p->name != NULL; p++) {
		allowed = types_list(p->types);
		if (p->required)
			json_array_append_new(required, json_string(p->name));
		else
			json_array_append_new(allowed, json_string("null"));
		json_object_set_new(properties, p->name,
			json_pack("{s:o, s:s}", "type", allowed, "description", p->expected));
	}
	return json_pack("{s:s, s:o, s:o, s:b}", "type", "object", "properties", properties,
		"required", required, "additionalProperties", false);
}

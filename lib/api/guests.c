/* SPDX-License-Identifier: BSD-3-Clause */
/* Guests at run time: an object or an argument string in, the keys of the configuration out. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/methods.h"
#include "api/params.h"
#include "conf/conf.h"
#include "control/control.h"

#define ARGUMENT_SIZE 32768 /* 4094 VLANs of a trunk and the rest */

struct argument {
	char text[ARGUMENT_SIZE];
	size_t size;
};

static int argument_add(struct argument *a, struct error *err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static int argument_add(struct argument *a, struct error *err, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(a->text + a->size, sizeof(a->text) - a->size, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(a->text) - a->size)
		return error_set(err, -E2BIG, "the guest's description is too long");
	a->size += (size_t)n;
	return 0;
}

/* trunk: [20, 30] becomes 20+30 */
static int numbers_add(struct argument *a, const char *key, const json_t *list, struct error *err)
{
	const json_t *item;
	size_t i;
	int rc = argument_add(a, err, ",%s=", key);

	json_array_foreach (list, i, item) {
		if (!json_is_integer(item))
			return error_set(err, -EINVAL, "%s: expected a list of numbers", key);
		if (rc == 0)
			rc = argument_add(a, err, "%s%lld", i > 0 ? "+" : "",
				(long long)json_integer_value(item));
	}
	return rc;
}

static int value_add(struct argument *a, const char *key, const json_t *value, struct error *err)
{
	if (strpbrk(key, ",=") != NULL)
		return error_set(err, -EINVAL, "'%.64s' is no key of a guest", key);
	if (json_is_integer(value))
		return argument_add(a, err, ",%s=%lld", key, (long long)json_integer_value(value));
	if (json_is_array(value))
		return numbers_add(a, key, value, err);
	if (!json_is_string(value))
		return error_set(err, -EINVAL, "%s: expected a string, a number or a list", key);
	if (strchr(json_string_value(value), ',') != NULL)
		return error_set(err, -EINVAL, "%s: '%.64s' may not hold a comma", key,
			json_string_value(value));
	return argument_add(a, err, ",%s=%s", key, json_string_value(value));
}

/* All but name, socket and device; limits and security as in the configuration, or flat. */
static int keys_add(struct argument *a, json_t *object, bool nested, struct error *err)
{
	const char *key;
	json_t *value;
	int rc = 0;

	json_object_foreach (object, key, value) {
		bool named = strcmp(key, "name") == 0 || strcmp(key, "socket") == 0 ||
			     strcmp(key, "device") == 0;
		bool section = strcmp(key, "limits") == 0 || strcmp(key, "security") == 0;

		if (json_is_null(value) || (named && !nested))
			continue;
		if (section && !nested && json_is_object(value))
			rc = keys_add(a, value, true, err);
		else
			rc = value_add(a, key, value, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int object_format(json_t *object, struct argument *a, struct error *err)
{
	const char *name = json_string_value(json_object_get(object, "name"));
	const char *socket = json_string_value(json_object_get(object, "socket"));
	const char *device = json_string_value(json_object_get(object, "device"));
	const char *path = socket != NULL ? socket : device;
	int rc;

	if (name == NULL || strpbrk(name, ",=") != NULL)
		return error_set(err, -EINVAL, "name: expected the name of a guest");
	if ((socket == NULL) == (device == NULL))
		return error_set(
			err, -EINVAL, "guest %.31s: expected either socket or device", name);
	if (strchr(path, ',') != NULL || (socket != NULL && strncmp(socket, "device:", 7) == 0))
		return error_set(err, -EINVAL, "guest %.31s: '%.64s' is no path", name, path);
	rc = argument_add(a, err, "%s=%s%s", name, socket != NULL ? "" : "device:", path);
	return rc < 0 ? rc : keys_add(a, object, false, err);
}

static int guest_parse(json_t *given, struct conf_guest *out, struct error *err)
{
	struct argument *a;
	int rc;

	if (json_is_string(given))
		return conf_guest_parse(json_string_value(given), out, err);
	a = calloc(1, sizeof(*a));
	if (a == NULL)
		return -ENOMEM;
	rc = object_format(given, a, err);
	if (rc == 0)
		rc = conf_guest_parse(a->text, out, err);
	free(a);
	return rc;
}

int guest_add(struct rpc_call *call)
{
	const struct caller *who = call->ctx;
	struct conf_guest guest;
	int rc;

	rc = guest_parse(json_object_get(call->params, "guest"), &guest, &call->err);
	if (rc < 0)
		return rc;
	rc = control_guest_add(who->control, &guest, &call->err);
	conf_guest_fini(&guest);
	return call_done(call, rc);
}

int guest_del(struct rpc_call *call)
{
	const struct caller *who = call->ctx;
	const char *name = params_string(call->params, "name");

	return call_done(call, control_guest_del(who->control, name, &call->err));
}

int guest_query(struct rpc_call *call)
{
	const struct caller *who = call->ctx;
	const char *name = params_string(call->params, "name");

	return call_done(call, control_guest_query(who->control, name, &call->err));
}

static json_t *trunk_json(const struct conf_guest *g)
{
	json_t *list;

	if (!g->trunk)
		return json_null();
	list = json_array();
	for (size_t i = 0; i < g->n_trunk; i++)
		json_array_append_new(list, json_integer(g->trunk_vlans[i]));
	return list;
}

static const char *policy_name(bool accept)
{
	return accept ? "accept" : "reject";
}

/* Of the socket; a device has none. */
static json_t *mode_json(const struct conf_guest *g)
{
	if (g->socket[0] == '\0')
		return json_null();
	return json_string(g->mode == CONF_MODE_CLIENT ? "client" : "server");
}

/* What it prints, guest.add takes. */
static json_t *guest_json(const struct conf_guest *g)
{
	char mac[MAC_STR_SIZE];
	json_t *row = json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:s}", "name", g->name,
		"socket", json_text_or_null(g->socket), "device", json_text_or_null(g->device),
		"mode", mode_json(g), "vlan", g->trunk ? json_null() : json_integer(g->vlan),
		"trunk", trunk_json(g), "mac",
		mac_is_zero(&g->mac) ? json_null() : json_string(mac_format(&g->mac, mac)), "qmp",
		json_text_or_null(g->qmp), "router", g->router ? "allow" : "deny");

	json_object_set_new(row, "limits",
		json_pack("{s:I, s:I, s:I}", "groups", (json_int_t)g->limits.groups, "sources",
			(json_int_t)g->limits.sources, "reports_per_s",
			(json_int_t)g->limits.reports_per_s));
	json_object_set_new(row, "security",
		json_pack("{s:s, s:s, s:s}", "promiscuous", policy_name(g->security.promiscuous),
			"mac_changes", policy_name(g->security.mac_changes), "forged_transmits",
			policy_name(g->security.forged_transmits)));
	return row;
}

int guest_show(struct rpc_call *call)
{
	const struct caller *who = call->ctx;
	const struct conf *conf = control_conf(who->control);
	const char *name = params_string(call->params, "name");

	call->result = json_array();
	for (size_t i = 0; i < conf->n_guests; i++) {
		const struct conf_guest *g = &conf->guests[i];

		if (name == NULL || strcmp(name, g->name) == 0)
			json_array_append_new(call->result, guest_json(g));
	}
	if (name == NULL || json_array_size(call->result) > 0)
		return 0;
	json_decref(call->result);
	call->result = NULL;
	return error_set(&call->err, -ENOENT, "there is no guest '%s'", name);
}

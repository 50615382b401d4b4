/* SPDX-License-Identifier: BSD-3-Clause */
#include "api/telemetry.h"

#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_telemetry.h>

#include "api/methods.h"
#include "api/telemetry_data.h"
#include "control/control.h"

/* A command. Its rows are those of a method; a row is named by one or two of its members, and
 * "COMMAND" lists the names where "COMMAND,NAME" tells one row. */
struct topic {
	const char *command;
	int (*read)(struct rpc_call *call); /* a list, or with no key an object */
	const char *key, *key2;             /* NULL: none */
	const char *help;
};

static int groups_read(struct rpc_call *call);
static int drops_read(struct rpc_call *call);

static const struct topic topics[] = {
	{"/mcswitch/status", show_status, NULL, NULL, "The switch and the terms of its law"},
	{"/mcswitch/ports", show_ports, "name", NULL, "Names of ports. Parameter: a name"},
	{"/mcswitch/uplinks", show_uplinks, "name", NULL, "Names of uplinks. Parameter: a name"},
	{"/mcswitch/teams", show_teams, "name", NULL, "Names of teams. Parameter: a name"},
	{"/mcswitch/queriers", show_queriers, "vlan", "family",
		"VLANs and families. Parameter: VLAN,FAMILY"},
	{"/mcswitch/groups", groups_read, "vlan", "group", "Groups. Parameter: VLAN,GROUP"},
	{"/mcswitch/cores", show_cores, "lcore", NULL, "Lcores. Parameter: an lcore"},
	{"/mcswitch/drops", drops_read, NULL, NULL, "Frames dropped, by reason"},
};

#define N_TOPICS (sizeof(topics) / sizeof(topics[0]))

struct telemetry {
	struct control *control;
	struct event *timer;
	unsigned int next; /* topic to publish */
};

/* What DPDK's thread sees. A command has no context, and is never taken back. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static json_t *published[N_TOPICS]; /* NULL: nothing yet, or the switch is ending */

static bool group_append(const struct control_group *g, void *ctx)
{
	json_array_append_new(ctx, control_group_json(g));
	return json_array_size(ctx) < TELEMETRY_MAX_GROUPS;
}

static int groups_read(struct rpc_call *call)
{
	const struct caller *who = call->ctx;

	call->result = json_array();
	control_groups(who->control, group_append, call->result);
	return 0;
}

static bool drop_set(const struct control_drop *d, void *ctx)
{
	if (d->port == NULL)
		json_object_set_new(ctx, d->name, json_integer((json_int_t)d->count));
	return true;
}

static int drops_read(struct rpc_call *call)
{
	const struct caller *who = call->ctx;

	call->result = json_object();
	control_drops(who->control, drop_set, call->result);
	return 0;
}

static void publish(struct telemetry *t, unsigned int i)
{
	size_t none = 0;
	struct caller caller = {.control = t->control, .snapshots_size = &none};
	struct rpc_call call = {.ctx = &caller};
	json_t *old;

	if (topics[i].read(&call) < 0)
		return;
	pthread_mutex_lock(&lock);
	old = published[i];
	published[i] = call.result;
	pthread_mutex_unlock(&lock);
	json_decref(old);
}

/* A topic a time: each is due once a second, and none holds the loop up for long. */
static void due(evutil_socket_t fd, short what, void *ctx)
{
	struct telemetry *t = ctx;

	publish(t, t->next);
	t->next = (t->next + 1) % N_TOPICS;
}

/* --- on DPDK's thread --- */

static void name_format(const struct topic *topic, const json_t *row, char *buf, size_t size)
{
	const char *const keys[] = {topic->key, topic->key2};
	size_t used = 0;

	for (unsigned int i = 0; i < 2 && keys[i] != NULL && used < size; i++) {
		const json_t *value = json_object_get(row, keys[i]);
		const char *comma = i > 0 ? "," : "";

		if (json_is_string(value))
			used += (size_t)snprintf(
				buf + used, size - used, "%s%s", comma, json_string_value(value));
		else
			used += (size_t)snprintf(buf + used, size - used, "%s%lld", comma,
				(long long)json_integer_value(value));
	}
}

static int names_answer(const struct topic *topic, const json_t *rows, struct rte_tel_data *out)
{
	char name[RTE_TEL_MAX_STRING_LEN];
	const json_t *row;
	size_t i;

	rte_tel_data_start_array(out, RTE_TEL_STRING_VAL);
	json_array_foreach (rows, i, row) {
		name_format(topic, row, name, sizeof(name));
		if (rte_tel_data_add_array_string(out, name) < 0)
			break;
	}
	return 0;
}

static int row_answer(
	const struct topic *topic, const json_t *rows, const char *wanted, struct rte_tel_data *out)
{
	char name[RTE_TEL_MAX_STRING_LEN];
	json_t *row;
	size_t i;

	json_array_foreach (rows, i, row) {
		name_format(topic, row, name, sizeof(name));
		if (strcmp(name, wanted) == 0)
			return telemetry_data_object(out, row);
	}
	return -ENOENT;
}

/* telemetry_cb. A negative errno is answered as null. */
static int asked(const char *command, const char *params, struct rte_tel_data *out)
{
	unsigned int i = 0;
	int rc = -EAGAIN;

	while (i < N_TOPICS && strcmp(topics[i].command, command) != 0)
		i++;
	if (i == N_TOPICS)
		return -ENOENT;
	pthread_mutex_lock(&lock);
	if (published[i] == NULL)
		rc = -EAGAIN;
	else if (topics[i].key == NULL)
		rc = telemetry_data_object(out, published[i]);
	else if (params == NULL || params[0] == '\0')
		rc = names_answer(&topics[i], published[i], out);
	else
		rc = row_answer(&topics[i], published[i], params, out);
	pthread_mutex_unlock(&lock);
	return rc;
}

/* --- life --- */

static int commands_register(struct error *err)
{
	static bool done;

	for (unsigned int i = 0; i < N_TOPICS && !done; i++) {
		int rc = rte_telemetry_register_cmd(topics[i].command, asked, topics[i].help);

		if (rc < 0)
			return error_set(err, rc, "telemetry: DPDK refuses %s: %s",
				topics[i].command, strerror(-rc));
	}
	done = true;
	return 0;
}

struct telemetry *telemetry_create(struct control *c, struct error *err)
{
	static const struct timeval every = {.tv_usec = 1000000 / N_TOPICS};
	struct telemetry *t = calloc(1, sizeof(*t));

	if (t == NULL)
		goto no_memory;
	t->control = c;
	t->timer = event_new(control_event_base(c), -1, EV_PERSIST, due, t);
	if (t->timer == NULL || event_add(t->timer, &every) < 0)
		goto no_memory;
	if (commands_register(err) < 0) {
		telemetry_destroy(t);
		return NULL;
	}
	for (unsigned int i = 0; i < N_TOPICS; i++)
		publish(t, i);
	return t;

no_memory:
	telemetry_destroy(t);
	error_set(err, -ENOMEM, "telemetry: no memory");
	return NULL;
}

void telemetry_destroy(struct telemetry *t)
{
	if (t == NULL)
		return;
	if (t->timer != NULL)
		event_free(t->timer);
	pthread_mutex_lock(&lock);
	for (unsigned int i = 0; i < N_TOPICS; i++) {
		json_decref(published[i]);
		published[i] = NULL;
	}
	pthread_mutex_unlock(&lock);
	free(t);
}

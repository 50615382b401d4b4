/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/qmp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/qmp_link.h"

/*
 * One command is under way at a time. After the greeting the steps lead to the guest's NIC, by the
 * vhost-user socket at its other end: "info network" names each NIC's chardev, the chardev's object
 * its socket. Then the filter is read whenever there is reason to: NIC_RX_FILTER_CHANGED, which QEMU
 * raises once and re-arms at the next reading; RESET, after which it is silent; RESUME; and what
 * the port's own life tells.
 */
#define ASK_GAP_US 5000 /* a guest that joins and leaves without rest is read this often */
#define MAX_NICS   16

enum step {
	STEP_CLOSED,
	STEP_GREETING,
	STEP_CAPABILITIES,
	STEP_STATUS,
	STEP_NETWORK,
	STEP_CHARDEV,
	STEP_FILTER,
	STEP_IDLE,
};

struct qmp {
	struct qmp_link link;
	struct qmp_sink sink;
	const char *vhost_path;
	struct mac_addr mac;
	struct event *gap; /* runs: the filter was read a moment ago */
	enum step step;
	json_int_t id; /* of the command under way */
	bool wanted;   /* read the filter again */
	bool is_new;   /* started paused, never ran: its first RESUME is no migration */
	unsigned int n_nics, nic;
	struct qmp_nic nics[MAX_NICS];
	char name[QMP_NAME_SIZE]; /* of the guest's NIC, empty: not known */
	char told[192];           /* the state told last */
	struct qmp_filter filter;
};

static void state_tell(struct qmp *q, bool connected, const char *text)
{
	char now[sizeof(q->told)];

	snprintf(now, sizeof(now), "%d %s", connected, text);
	if (strcmp(now, q->told) == 0)
		return;
	strcpy(q->told, now);
	q->sink.state(q->sink.ctx, connected, text);
}

static void command(struct qmp *q, enum step step, const char *execute, json_t *arguments)
{
	q->step = step;
	qmp_link_ask(&q->link, json_pack("{s:s, s:o*, s:I}", "execute", execute, "arguments",
				       arguments, "id", (json_int_t)++q->id));
}

static void filter_ask(struct qmp *q)
{
	static const struct timeval gap = {.tv_usec = ASK_GAP_US};

	q->wanted = false;
	event_add(q->gap, &gap);
	command(q, STEP_FILTER, "query-rx-filter",
		q->name[0] != '\0' ? json_pack("{s:s}", "name", q->name) : NULL);
}

static void network_ask(struct qmp *q)
{
	q->name[0] = '\0';
	command(q, STEP_NETWORK, "human-monitor-command",
		json_pack("{s:s}", "command-line", "info network"));
}

static void chardev_ask(struct qmp *q)
{
	char path[QMP_NAME_SIZE + 16];

	if (q->nic >= q->n_nics) {
		filter_ask(q);
		return;
	}
	snprintf(path, sizeof(path), "/chardevs/%s", q->nics[q->nic].chardev);
	command(q, STEP_CHARDEV, "qom-get",
		json_pack("{s:s, s:s}", "path", path, "property", "addr"));
}

static void idle(struct qmp *q)
{
	q->step = STEP_IDLE;
	if (q->wanted && !event_pending(q->gap, EV_TIMEOUT, NULL))
		qmp_ask(q);
}

/* --- answers; value is NULL when QEMU refuses --- */

static void status_answered(struct qmp *q, const json_t *value)
{
	const char *status = json_string_value(json_object_get(value, "status"));

	q->is_new = status != NULL && strcmp(status, "prelaunch") == 0;
	network_ask(q);
}

static void network_answered(struct qmp *q, const json_t *value)
{
	const char *text = json_string_value(value);

	q->n_nics = text != NULL ? qmp_nics_read(text, q->nics, MAX_NICS) : 0;
	q->nic = 0;
	chardev_ask(q);
}

static void chardev_answered(struct qmp *q, const json_t *value)
{
	const char *path = json_string_value(json_object_get(value, "path"));

	if (path != NULL && strcmp(path, q->vhost_path) == 0) {
		strcpy(q->name, q->nics[q->nic].name);
		q->nic = q->n_nics;
	} else {
		q->nic++;
	}
	chardev_ask(q);
}

static void filter_answered(struct qmp *q, const json_t *value)
{
	const json_t *nic = qmp_nic_find(value, q->name, &q->mac);
	struct error err;

	if (nic == NULL) {
		q->name[0] = '\0'; /* whatever it was, it is no more: look again next time */
		state_tell(q, false, "QEMU has no NIC on this socket");
	} else if (qmp_filter_read(nic, &q->filter, &err) < 0) {
		qmp_link_fail(&q->link, err.text);
		return;
	} else {
		strcpy(q->name, q->filter.name);
		state_tell(q, true, q->name);
		q->sink.filter(q->sink.ctx, &q->filter);
	}
	idle(q);
}

static void answered(struct qmp *q, const json_t *value)
{
	qmp_link_answered(&q->link);
	switch (q->step) {
	case STEP_CAPABILITIES:
		if (value == NULL)
			qmp_link_fail(&q->link, "it refuses to negotiate");
		else
			command(q, STEP_STATUS, "query-status", NULL);
		break;
	case STEP_STATUS:
		status_answered(q, value);
		break;
	case STEP_NETWORK:
		network_answered(q, value);
		break;
	case STEP_CHARDEV:
		chardev_answered(q, value);
		break;
	case STEP_FILTER:
		filter_answered(q, value);
		break;
	default:
		qmp_link_fail(&q->link, "an answer to nothing");
	}
}

/* --- events --- */

static bool event_is_ours(const struct qmp *q, const json_t *event)
{
	const char *name =
		json_string_value(json_object_get(json_object_get(event, "data"), "name"));

	return name == NULL || q->name[0] == '\0' || strcmp(name, q->name) == 0;
}

static void event_seen(struct qmp *q, const char *type, const json_t *event)
{
	bool was_new = q->is_new;

	if (strcmp(type, "NIC_RX_FILTER_CHANGED") == 0) {
		if (event_is_ours(q, event))
			qmp_ask(q);
	} else if (strcmp(type, "RESET") == 0) {
		qmp_ask(q);
	} else if (strcmp(type, "RESUME") == 0) {
		q->is_new = false;
		qmp_ask(q);
		if (!was_new)
			q->sink.resumed(q->sink.ctx);
	}
}

static void object_seen(void *ctx, const json_t *object)
{
	struct qmp *q = ctx;
	const char *event = json_string_value(json_object_get(object, "event"));
	const json_t *value = json_object_get(object, "return");
	const json_t *id = json_object_get(object, "id");

	if (event != NULL) {
		event_seen(q, event, object);
	} else if (q->step == STEP_GREETING && json_is_object(json_object_get(object, "QMP"))) {
		command(q, STEP_CAPABILITIES, "qmp_capabilities", NULL);
	} else if (value == NULL && json_object_get(object, "error") == NULL) {
		qmp_link_fail(&q->link, "what came is no QMP");
	} else if (!json_is_integer(id) || json_integer_value(id) != q->id) {
		qmp_link_fail(&q->link, "an answer to nothing");
	} else {
		answered(q, value);
	}
}

static void opened(void *ctx)
{
	struct qmp *q = ctx;

	q->step = STEP_GREETING;
	q->id = 0;
	q->name[0] = '\0';
	q->wanted = false;
	q->is_new = false;
}

static void closed(void *ctx, const char *why)
{
	struct qmp *q = ctx;

	q->step = STEP_CLOSED;
	state_tell(q, false, why);
}

static void gap_passed(evutil_socket_t fd, short what, void *ctx)
{
	struct qmp *q = ctx;

	if (q->wanted)
		qmp_ask(q);
}

void qmp_ask(struct qmp *q)
{
	q->wanted = true;
	if (q->step == STEP_CLOSED)
		qmp_link_hurry(&q->link);
	else if (q->step == STEP_IDLE && !event_pending(q->gap, EV_TIMEOUT, NULL))
		q->name[0] != '\0' ? filter_ask(q) : network_ask(q);
}

struct qmp *qmp_create(struct event_base *base, const char *path, const char *vhost_path,
	const struct mac_addr *mac, const struct qmp_sink *sink)
{
	struct qmp *q = calloc(1, sizeof(*q));
	const struct qmp_link_owner owner = {q, opened, object_seen, closed};

	if (q == NULL)
		return NULL;
	q->sink = *sink;
	q->vhost_path = vhost_path;
	q->mac = *mac;
	q->gap = evtimer_new(base, gap_passed, q);
	if (q->gap == NULL || qmp_link_init(&q->link, base, path, &owner) < 0) {
		qmp_destroy(q);
		return NULL;
	}
	return q;
}

void qmp_destroy(struct qmp *q)
{
	if (q == NULL)
		return;
	qmp_link_fini(&q->link);
	if (q->gap != NULL)
		event_free(q->gap);
	free(q);
}

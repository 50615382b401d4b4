/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/control_private.h"
#include "control/state_file.h"

/*
 * Memberships survive the switch: {"version": 1, "guests": [hand-over, ...]} in a file. A change is
 * on its way to it 200 ms later, so that a switch that is killed knows nearly all of it when it is
 * back; saves that take long are made less often.
 */
#define STATE_VERSION 1
#define SAVE_SOON_MS  200
#define SAVE_GAP_MS   1000
#define SAVE_AGAIN_MS 10000 /* a write that failed is tried again */
#define SAVE_SHARE    20    /* of the loop's time at most 1/20 goes into saves */

/* state_file is relative to the control socket's directory. False: none is wanted. */
static bool path_of(const struct conf *conf, char path[PATH_MAX])
{
	char socket[CONF_PATH_SIZE];

	if (strcmp(conf->state_file, "none") == 0)
		return false;
	if (conf->state_file[0] == '/') {
		snprintf(path, PATH_MAX, "%s", conf->state_file);
		return true;
	}
	snprintf(socket, sizeof(socket), "%s", conf->control_socket);
	snprintf(path, PATH_MAX, "%s/%s", dirname(socket), conf->state_file);
	return true;
}

static void guest_restore(struct control *c, const json_t *json)
{
	struct handover *h;
	struct error err;
	int id;

	if (handover_read(json, &h, &err) < 0) {
		ctl_event(c, "config", NULL, -1, NULL, "saved state: %s", err.text);
		return;
	}
	id = control_port_find(c, h->guest);
	if (id >= 0 && !c->ports[id].is_uplink && h->n_rows > 0)
		ctl_restore_saved(&c->ports[id], h);
	else
		handover_free(h);
}

static void load(struct control *c, const char *path)
{
	const json_t *version, *guests;
	struct error err;
	json_t *json;
	int rc = state_file_read(path, &json, &err);

	if (rc < 0) {
		if (rc != -ENOENT)
			ctl_event(c, "config", NULL, -1, NULL, "saved state: %s", err.text);
		return;
	}
	version = json_object_get(json, "version");
	guests = json_object_get(json, "guests");
	if (json_integer_value(version) != STATE_VERSION)
		ctl_event(c, "config", NULL, -1, NULL, "saved state: %.100s is of another version",
			path);
	else
		for (size_t i = 0; i < json_array_size(guests) && i < BITSET_SIZE; i++)
			guest_restore(c, json_array_get(guests, i));
	json_decref(json);
}

int ctl_state_open(struct control *c, struct error *err)
{
	char path[PATH_MAX];

	if (!path_of(c->conf, path))
		return 0;
	load(c, path);
	c->state.file = state_file_open(path);
	return c->state.file != NULL ? 0 : error_set(err, -ENOMEM, "%s: no memory", path);
}

/* --- out --- */

static void guest_print(const struct control *c, const struct ctl_port *p, bool *first, FILE *out)
{
	struct handover *taken = p->up ? ctl_restore_take(c, p) : NULL;
	const struct handover *h = taken;

	if ((h == NULL || h->n_rows == 0) && ctl_restore_lasts(p))
		h = p->pending.rows;
	if (h != NULL && h->n_rows > 0) {
		fputs(*first ? "\n" : ",\n", out);
		handover_print(h, out);
		*first = false;
	}
	handover_free(taken);
}

static void save(struct control *c)
{
	bool first = true;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (out == NULL)
		return;
	fprintf(out, "{\"version\":%d,\"guests\":[", STATE_VERSION);
	for (unsigned int id = 0; id < BITSET_SIZE; id++) {
		if (c->ports[id].used && !c->ports[id].is_uplink)
			guest_print(c, &c->ports[id], &first, out);
	}
	fputs("]}\n", out);
	if (fclose(out) == 0)
		state_file_write(c->state.file, text, size);
	else
		free(text);
}

void ctl_state_changed(struct control *c)
{
	if (c->state.file == NULL || c->state.dirty)
		return;
	c->state.dirty = true;
	c->state.due = c->now + nsec_from_ms(SAVE_SOON_MS);
	if (c->state.due < c->state.next)
		c->state.due = c->state.next;
}

static void error_watch(struct control *c)
{
	int error = state_file_error(c->state.file);

	if (error != 0 && c->state.error != error)
		ctl_event(c, "config", NULL, -1, NULL, "memberships cannot be saved to %.100s: %s",
			c->conf->state_file, strerror(error));
	c->state.error = error;
	if (error != 0 && !c->state.dirty) {
		c->state.dirty = true;
		c->state.due = c->now + nsec_from_ms(SAVE_AGAIN_MS);
	}
}

void ctl_state_advance(struct control *c)
{
	nsec took;

	if (c->state.file == NULL)
		return;
	if (!c->state.dirty || c->now < c->state.due) {
		error_watch(c);
		return;
	}
	c->state.dirty = false;
	save(c);
	took = ctl_clock() - c->now;
	c->state.next = c->now + nsec_from_ms(SAVE_GAP_MS) + SAVE_SHARE * took;
}

void ctl_state_close(struct control *c)
{
	if (c->state.file == NULL)
		return;
	save(c);
	state_file_close(c->state.file);
	c->state.file = NULL;
}

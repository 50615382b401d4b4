/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>

#include "control/control_private.h"

/*
 * Reload: the difference between the file and what runs, applied as one change or refused whole.
 * First the file is read and compared; what cannot change under a running switch refuses it. Then
 * everything that can fail is done beside what runs: new ports are opened, copies are made. From
 * there on nothing can fail: settings change hands, one plane is published, and only then are the
 * ports let go that are no longer named. A port whose settings are the same notices nothing.
 */
struct reload {
	struct control *c;
	struct conf *next;
	struct conf_guest settings[BITSET_SIZE]; /* of guests that stay, by port id: copies to be */
	struct bitset stay, opened, gone;
};

static int refuse(struct error *err, const char *what, const char *name)
{
	return error_set(err, -EBUSY,
		"%s%s%s cannot change while the switch runs; nothing was changed", what,
		name[0] != '\0' ? " " : "", name);
}

static bool same_connection(const struct conf_guest *a, const struct conf_guest *b)
{
	return strcmp(a->socket, b->socket) == 0 && strcmp(a->device, b->device) == 0 &&
	       a->mode == b->mode && strcmp(a->qmp, b->qmp) == 0;
}

static bool same_uplink(const struct conf_uplink *a, const struct conf_uplink *b)
{
	return strcmp(a->device, b->device) == 0 && a->link == b->link &&
	       a->poll_ms == b->poll_ms && a->debounce_ms == b->debounce_ms &&
	       a->multicast == b->multicast;
}

static const struct conf_uplink *uplink_named(const struct conf *conf, const char *name)
{
	for (size_t i = 0; i < conf->n_uplinks; i++) {
		if (strcmp(conf->uplinks[i].name, name) == 0)
			return &conf->uplinks[i];
	}
	return NULL;
}

static const struct conf_guest *guest_named(const struct conf *conf, const char *name)
{
	for (size_t i = 0; i < conf->n_guests; i++) {
		if (strcmp(conf->guests[i].name, name) == 0)
			return &conf->guests[i];
	}
	return NULL;
}

/* Which running ports stay and which go; -EBUSY for one that would have to be both. */
static int ports_compare(struct reload *r, struct error *err)
{
	for (unsigned int id = 0; id < BITSET_SIZE; id++) {
		const struct ctl_port *p = &r->c->ports[id];
		const struct conf_uplink *u = uplink_named(r->next, p->name);
		const struct conf_guest *g = guest_named(r->next, p->name);

		if (!p->used)
			continue;
		if (p->is_uplink ? u == NULL : g == NULL) {
			bitset_set(&r->gone, id);
			continue;
		}
		if (p->is_uplink && !same_uplink(u, uplink_named(r->c->conf, p->name)))
			return refuse(err, "device or link settings of uplink", p->name);
		if (!p->is_uplink && !same_connection(g, &p->guest))
			return refuse(err, "socket, device, mode or qmp of guest", p->name);
		if (!p->is_uplink && conf_guest_copy(&r->settings[id], g) < 0)
			return error_set(err, -ENOMEM, "no memory; nothing was changed");
		bitset_set(&r->stay, id);
	}
	return 0;
}

static int file_load(struct reload *r, struct error *err)
{
	const struct conf *now = r->c->conf;
	struct conf_errors errors = {0};
	size_t n;

	if (now->path[0] == '\0')
		return error_set(err, -ENOENT,
			"the switch was started without --config: there is no file to reload");
	r->next = conf_load(now->path, &errors);
	n = conf_errors_count(&errors);
	if (r->next == NULL)
		error_set(err, -EINVAL, "%s%s; nothing was changed",
			n > 0 ? errors.text[0] : "no memory",
			n > 1 ? " (and more: mcswitch -- --check --config tells all)" : "");
	conf_errors_free(&errors);
	if (r->next == NULL)
		return -EINVAL;
	if (strcmp(r->next->control_socket, now->control_socket) != 0)
		return refuse(err, "control_socket", "");
	if (strcmp(r->next->state_file, now->state_file) != 0)
		return refuse(err, "state_file", "");
	if (r->next->vhost_rings != now->vhost_rings)
		return refuse(err, "vhost_rings", "");
	if (memcmp(&r->next->control, &now->control, sizeof(now->control)) != 0)
		return refuse(err, "the part control", "");
	if (strcmp(r->next->metrics.listen, now->metrics.listen) != 0)
		return refuse(err, "listen of metrics", "");
	if (r->next->n_teams > CONTROL_MAX_TEAMS)
		return error_set(err, -ENOSPC, "%zu teams; %u are the most", r->next->n_teams,
			CONTROL_MAX_TEAMS);
	return 0;
}

static int port_open_if_new(struct reload *r, const char *name, const struct conf_uplink *u,
	const struct conf_guest *g, struct error *err)
{
	int id = control_port_find(r->c, name);
	int rc;

	if (id >= 0)
		return 0;
	rc = u != NULL ? ctl_uplink_open(r->c, u, err) : ctl_guest_open(r->c, g, err);
	if (rc < 0)
		return rc;
	bitset_set(&r->opened, (unsigned int)control_port_find(r->c, name));
	return 0;
}

static int ports_open(struct reload *r, struct error *err)
{
	int rc = 0;

	for (size_t i = 0; i < r->next->n_uplinks && rc == 0; i++)
		rc = port_open_if_new(r, r->next->uplinks[i].name, &r->next->uplinks[i], NULL, err);
	for (size_t i = 0; i < r->next->n_guests && rc == 0; i++)
		rc = port_open_if_new(r, r->next->guests[i].name, NULL, &r->next->guests[i], err);
	return rc;
}

static void ports_let_go(struct control *c, const struct bitset *ports)
{
	BITSET_FOREACH (id, ports) {
		membership_port_del(c->membership, (uint16_t)id, c->now);
		ctl_port_let_go(c, &c->ports[id]);
	}
}

/* Undo ports_open: they are in no plane yet. */
static void ports_close(struct reload *r)
{
	BITSET_FOREACH (id, &r->opened)
		r->c->ports[id].used = false;
	ports_let_go(r->c, &r->opened);
}

/* --- from here on nothing fails --- */

static void guests_settle(struct reload *r)
{
	BITSET_FOREACH (id, &r->stay) {
		struct ctl_port *p = &r->c->ports[id];

		if (p->is_uplink)
			continue;
		conf_guest_fini(&p->guest);
		p->guest = r->settings[id];
		memset(&r->settings[id], 0, sizeof(r->settings[id]));
		if (!mac_is_zero(&p->guest.mac))
			p->mac = p->guest.mac;
		if (!p->guest.security.forged_transmits)
			p->n_more_macs = 0;
		ctl_port_settings_tell(r->c, p);
	}
}

static bool static_stands(
	const struct conf *conf, uint16_t vlan, const struct conf_static *wanted, const char *port)
{
	const struct conf_vlan *v = conf_vlan_find(conf, vlan);

	for (size_t s = 0; v != NULL && s < v->n_statics; s++) {
		const struct conf_static *st = &v->statics[s];

		if (!ip_equal(&st->group, &wanted->group) ||
			!ip_equal(&st->source, &wanted->source))
			continue;
		for (size_t i = 0; i < st->n_ports; i++) {
			if (strcmp(st->ports[i], port) == 0)
				return true;
		}
	}
	return false;
}

/* Static members of the old configuration that the new one does not name. */
static void statics_end(struct control *c, const struct conf *old)
{
	for (size_t v = 0; v < old->n_vlans; v++) {
		for (size_t s = 0; s < old->vlans[v].n_statics; s++) {
			const struct conf_static *st = &old->vlans[v].statics[s];

			for (size_t i = 0; i < st->n_ports; i++) {
				int id = control_port_find(c, st->ports[i]);

				if (id >= 0 &&
					!static_stands(c->conf, old->vlans[v].id, st, st->ports[i]))
					membership_static_del(c->membership, old->vlans[v].id,
						(uint16_t)id, &st->group, &st->source, c->now);
			}
		}
	}
}

static void commit(struct reload *r)
{
	struct control *c = r->c;
	struct conf *old = c->conf;
	struct error err;

	BITSET_FOREACH (id, &r->gone)
		c->ports[id].used = false;
	guests_settle(r);
	c->conf = r->next;
	r->next = NULL;
	ctl_teams_reload(c);
	atomic_store(&c->fwd->idle_sleep_us, c->conf->idle_sleep_us);
	statics_end(c, old);
	ctl_vlans_settings_tell(c);
	c->fact_at = c->now;
	c->filters_dirty = true;
	if (ctl_topology_publish(c) < 0)
		ctl_event(c, "config", NULL, -1, NULL, "no memory for a plane yet: trying again");
	if (ctl_statics_apply(c, &err) < 0)
		ctl_event(c, "config", NULL, -1, NULL, "%s", err.text);
	ports_let_go(c, &r->gone);
	conf_free(old);
}

int control_reload(struct control *c, struct error *err)
{
	struct reload r = {.c = c};
	int rc = file_load(&r, err);

	if (rc == 0)
		rc = ports_compare(&r, err);
	if (rc == 0) {
		rc = ports_open(&r, err);
		if (rc < 0)
			ports_close(&r);
	}
	if (rc == 0) {
		commit(&r);
		ctl_event(c, "config", NULL, -1, NULL, "%s is in force: %u ports new, %u gone",
			c->conf->path, bitset_count(&r.opened), bitset_count(&r.gone));
	}
	BITSET_FOREACH (id, &r.stay)
		conf_guest_fini(&r.settings[id]);
	conf_free(r.next);
	return rc;
}

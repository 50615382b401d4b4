/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_lcore.h>
#include <rte_rcu_qsbr.h>

#include "control/control_private.h"

/*
 * The ports: opened from the configuration, added and deleted at run time. Uplinks come first and
 * keep the low ids, so that originating port ID spreads guests evenly.
 */
#define UPLINK_MAX_GROUPS 65536 /* what hosts beyond an uplink may make us remember */

static struct ctl_port *by_name(struct control *c, const char *name)
{
	for (unsigned int id = 0; id < BITSET_SIZE; id++) {
		if (c->ports[id].used && strcmp(c->ports[id].name, name) == 0)
			return &c->ports[id];
	}
	return NULL;
}

static struct ctl_port *unused(struct control *c)
{
	for (unsigned int id = 0; id < BITSET_SIZE; id++) {
		if (!c->ports[id].used) {
			memset(&c->ports[id], 0, sizeof(c->ports[id]));
			c->ports[id].id = (uint16_t)id;
			return &c->ports[id];
		}
	}
	return NULL;
}

unsigned int ctl_worker_node(const struct control *c, uint8_t worker)
{
	return rte_lcore_to_socket_id(c->fwd->worker[worker]->lcore);
}

static bool workers_on(const struct control *c, int node)
{
	for (uint8_t i = 0; i < c->fwd->n_workers; i++) {
		if ((int)ctl_worker_node(c, i) == node)
			return true;
	}
	return false;
}

/* The worker with the fewest ports: of those on the port's node, if that is known and has any. */
static uint8_t worker_choose(const struct control *c, int node)
{
	bool near = workers_on(c, node);
	unsigned int load[PLANE_MAX_WORKERS] = {0};
	uint8_t best = UINT8_MAX;

	for (unsigned int id = 0; id < BITSET_SIZE; id++) {
		if (c->ports[id].used)
			load[c->ports[id].worker]++;
	}
	for (uint8_t i = 0; i < c->fwd->n_workers; i++) {
		if (near && (int)ctl_worker_node(c, i) != node)
			continue;
		if (best == UINT8_MAX || load[i] < load[best])
			best = i;
	}
	return best;
}

/*
 * A port has come up: is its worker on its node? A guest's memory is known only now, and the guest
 * goes to a worker there, if none holds it: its rings have left the last plane, and after a grace
 * period no worker can be using that one's predecessor. What stays far from its worker is told.
 */
void ctl_port_place(struct control *c, struct ctl_port *p)
{
	const struct plane *plane = atomic_load(&c->fwd->plane);
	int node = port_socket_id(p->port);

	if (node < 0 || (int)ctl_worker_node(c, p->worker) == node)
		return;
	if (!p->is_uplink && workers_on(c, node) &&
		(plane == NULL || !bitset_has(&plane->owned[p->worker], p->id))) {
		rte_rcu_qsbr_synchronize(c->fwd->qsbr, RTE_QSBR_THRID_INVALID);
		p->worker = worker_choose(c, node);
		return;
	}
	ctl_event(c, "numa", p, -1, NULL, "%s is on node %d, and its worker on node %u", p->name,
		node, ctl_worker_node(c, p->worker));
}

bool ctl_port_uses_vlan(const struct ctl_port *p, uint16_t vlan)
{
	if (p->is_uplink)
		return false;
	if (!p->guest.trunk)
		return p->guest.vlan == vlan;
	for (size_t i = 0; i < p->guest.n_trunk; i++) {
		if (p->guest.trunk_vlans[i] == vlan)
			return true;
	}
	return false;
}

int ctl_port_settings_tell(struct control *c, const struct ctl_port *p)
{
	const struct membership_port settings = {
		.id = p->id,
		.is_uplink = p->is_uplink,
		.router_allowed = p->is_uplink || p->guest.router,
		.max_groups = p->is_uplink ? UPLINK_MAX_GROUPS : p->guest.limits.groups,
		.max_sources = p->is_uplink ? 1024 : p->guest.limits.sources,
	};

	return membership_port_set(c->membership, &settings, c->now);
}

/* Make the opened port known; from here on it is in the next plane. */
static int port_commit(struct control *c, struct ctl_port *p, struct error *err)
{
	int rc = ctl_port_settings_tell(c, p);

	if (rc < 0)
		return error_set(err, rc, "%s: no memory", p->name);
	p->worker = worker_choose(c, port_socket_id(p->port));
	p->admin_up = true;
	p->up = port_link_up(p->port);
	p->since = c->now;
	p->used = true;
	c->links_due = 0;
	ctl_counters_rebase(c, p->id);
	atomic_store(&c->fwd->ports[p->id], p->port);
	c->topology_dirty = true;
	c->filters_dirty = true;
	return 0;
}

int ctl_uplink_open(struct control *c, const struct conf_uplink *u, struct error *err)
{
	struct ctl_port *p = unused(c);
	struct port_profile profile;
	int rc;

	if (p == NULL)
		return error_set(err, -ENOSPC, "uplink %s: the switch has %u ports already",
			u->name, BITSET_SIZE);
	p->is_uplink = true;
	p->debounce_ms = u->debounce_ms;
	snprintf(p->name, sizeof(p->name), "%s", u->name);
	rc = ctl_profile_find(c, u->device, u, &profile, p->profile, sizeof(p->profile), err);
	if (rc == 0)
		rc = port_ethdev_create(&c->env, p->id, u->device, &profile, &p->port, err);
	if (rc < 0) {
		error_prefix(err, "uplink %s", u->name);
		return rc;
	}
	rc = port_commit(c, p, err);
	if (rc < 0)
		port_destroy(p->port);
	return rc;
}

static int guest_device_open(struct control *c, struct ctl_port *p, struct error *err)
{
	const char *device = p->guest.device;
	struct port_profile profile;
	int rc = ctl_profile_find(c, device, NULL, &profile, p->profile, sizeof(p->profile), err);

	if (rc < 0)
		return rc;
	return port_ethdev_create(&c->env, p->id, device, &profile, &p->port, err);
}

int ctl_guest_open(struct control *c, const struct conf_guest *g, struct error *err)
{
	struct ctl_port *p = unused(c);
	int rc;

	if (p == NULL)
		return error_set(err, -ENOSPC, "guest %s: the switch has %u ports already", g->name,
			BITSET_SIZE);
	rc = conf_guest_copy(&p->guest, g);
	if (rc < 0)
		return error_set(err, rc, "guest %s: no memory", g->name);
	snprintf(p->name, sizeof(p->name), "%s", g->name);
	p->mac = g->mac;
	if (g->device[0] != '\0')
		rc = guest_device_open(c, p, err);
	else
		rc = port_vhost_create(
			&c->env, p->id, g->socket, g->mode == CONF_MODE_CLIENT, &p->port, err);
	if (rc < 0) {
		error_prefix(err, "guest %s", g->name);
		goto free_guest;
	}
	rc = ctl_nic_open(c, p);
	if (rc < 0) {
		error_set(err, rc, "guest %s: no memory", g->name);
		goto destroy_port;
	}
	rc = port_commit(c, p, err);
	if (rc < 0)
		goto close_nic;
	return 0;

close_nic:
	ctl_nic_close(p);
destroy_port:
	port_destroy(p->port);
free_guest:
	conf_guest_fini(&p->guest);
	return rc;
}

/* The port is in no published plane: wait until no worker can be using it, then let it go. */
void ctl_port_let_go(struct control *c, struct ctl_port *p)
{
	rte_rcu_qsbr_synchronize(c->fwd->qsbr, RTE_QSBR_THRID_INVALID);
	ctl_capture_port_gone(c, p->id);
	atomic_store(&c->fwd->ports[p->id], NULL);
	port_destroy(p->port);
	p->port = NULL;
	ctl_nic_close(p);
	ctl_restore_drop(p);
	if (!p->is_uplink)
		conf_guest_fini(&p->guest);
}

int ctl_ports_open(struct control *c, struct error *err)
{
	for (size_t i = 0; i < c->conf->n_uplinks; i++) {
		int rc = ctl_uplink_open(c, &c->conf->uplinks[i], err);

		if (rc < 0)
			return rc;
	}
	for (size_t i = 0; i < c->conf->n_guests; i++) {
		int rc = ctl_guest_open(c, &c->conf->guests[i], err);

		if (rc < 0)
			return rc;
	}
	return 0;
}

void ctl_ports_close(struct control *c)
{
	ctl_plane_withdraw(c);
	for (unsigned int id = 0; id < BITSET_SIZE; id++) {
		if (c->ports[id].used)
			ctl_port_let_go(c, &c->ports[id]);
		c->ports[id].used = false;
	}
}

/* Somebody else's address in one of the VLANs of p? */
static bool mac_is_taken(struct control *c, const struct ctl_port *p, const struct mac_addr *mac)
{
	for (unsigned int id = 0; id < BITSET_SIZE; id++) {
		const struct ctl_port *o = &c->ports[id];
		bool shares = false;

		if (!o->used || o->is_uplink || o == p || !mac_equal(&o->mac, mac))
			continue;
		for (unsigned int i = 0; i < c->n_vlans && !shares; i++)
			shares = ctl_port_uses_vlan(o, c->vlans[i].id) &&
				 ctl_port_uses_vlan(p, c->vlans[i].id);
		if (shares)
			return true;
	}
	return false;
}

static bool more_macs_add(struct ctl_port *p, const struct mac_addr *mac)
{
	for (unsigned int i = 0; i < p->n_more_macs; i++) {
		if (mac_equal(&p->more_macs[i], mac))
			return false;
	}
	if (p->n_more_macs == CONTROL_MAX_MORE_MACS)
		return false;
	p->more_macs[p->n_more_macs++] = *mac;
	return true;
}

void ctl_port_source_seen(
	struct control *c, struct ctl_port *p, uint16_t vlan, const struct mac_addr *mac)
{
	char text[MAC_STR_SIZE];

	if (p->is_uplink || !p->up || mac_equal(&p->mac, mac) || mac_is_taken(c, p, mac))
		return;
	if (mac_is_zero(&p->mac) || p->guest.security.mac_changes) {
		p->mac = *mac;
		p->mac_from_qmp = false;
		ctl_event(c, "guest", p, vlan, NULL, "%s has address %s", p->name,
			mac_format(mac, text));
	} else if (!p->guest.security.forged_transmits || !more_macs_add(p, mac)) {
		return;
	}
	c->topology_dirty = true;
	c->filters_dirty = true;
}

void ctl_port_mac_told(struct control *c, struct ctl_port *p, const struct mac_addr *mac)
{
	bool first = !p->mac_from_qmp && mac_is_zero(&p->guest.mac);
	char text[MAC_STR_SIZE];

	if (mac_is_zero(mac) || mac_is_multicast(mac) || (!first && !p->guest.security.mac_changes))
		return;
	if (mac_equal(&p->mac, mac) || mac_is_taken(c, p, mac)) {
		p->mac_from_qmp |= first && mac_equal(&p->mac, mac);
		return;
	}
	p->mac = *mac;
	p->mac_from_qmp = true;
	c->topology_dirty = true;
	c->filters_dirty = true;
	ctl_event(c, "guest", p, -1, NULL, "%s has address %s, as QEMU says", p->name,
		mac_format(mac, text));
}

int control_guest_add(struct control *c, const struct conf_guest *guest, struct error *err)
{
	int rc = conf_guest_add(c->conf, guest, err);

	if (rc < 0)
		return rc;
	rc = ctl_guest_open(c, guest, err);
	if (rc < 0) {
		conf_guest_del(c->conf, guest->name);
		return rc;
	}
	ctl_event(c, "config", by_name(c, guest->name), -1, NULL, "guest %s added", guest->name);
	return 0;
}

int control_guest_del(struct control *c, const char *name, struct error *err)
{
	struct ctl_port *p = by_name(c, name);

	if (p == NULL || p->is_uplink)
		return error_set(err, -ENOENT, "there is no guest named %s", name);
	p->used = false;
	if (ctl_topology_publish(c) < 0) {
		p->used = true;
		return error_set(err, -ENOMEM, "no memory; guest %s stays", name);
	}
	membership_port_del(c->membership, p->id, c->now);
	ctl_port_let_go(c, p);
	conf_guest_del(c->conf, name);
	c->filters_dirty = true;
	ctl_event(c, "config", NULL, -1, NULL, "guest %s deleted", name);
	return 0;
}

int control_guest_query(struct control *c, const char *name, struct error *err)
{
	struct ctl_port *p = by_name(c, name);

	if (p == NULL || p->is_uplink)
		return error_set(err, -ENOENT, "there is no guest named %s", name);
	if (!p->up)
		return error_set(err, -ENOTCONN, "guest %s is not connected", name);
	ctl_burst_start(c, p);
	return 0;
}

int control_uplink_admin(struct control *c, const char *name, bool up, struct error *err)
{
	struct ctl_port *p = by_name(c, name);

	if (p == NULL || !p->is_uplink)
		return error_set(err, -ENOENT, "there is no uplink named %s", name);
	if (p->admin_up == up)
		return 0;
	p->admin_up = up;
	c->fact_at = c->now;
	c->topology_dirty = true;
	ctl_event(c, "link", p, -1, NULL, "%s is administratively %s", p->name, up ? "up" : "down");
	return 0;
}

const char *control_port_name(const struct control *c, uint16_t id)
{
	return id < BITSET_SIZE && c->ports[id].name[0] != '\0' ? c->ports[id].name : "?";
}

int control_port_find(const struct control *c, const char *name)
{
	for (unsigned int id = 0; id < BITSET_SIZE; id++) {
		if (c->ports[id].used && strcmp(c->ports[id].name, name) == 0)
			return (int)id;
	}
	return -ENOENT;
}

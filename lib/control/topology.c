/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/control_private.h"
#include "fwd/retire.h"

/*
 * (ports, VLANs, teams) -> plane. Anything that changes who is there or who carries whom marks the
 * topology dirty; once a turn it is compiled anew, whole, and published by one pointer.
 */
/* --- VLANs --- */

struct ctl_vlan *ctl_vlan_find(const struct control *c, uint16_t id)
{
	unsigned int low = 0, high = c->n_vlans;

	while (low < high) {
		unsigned int mid = (low + high) / 2;

		if (c->vlans[mid].id == id)
			return &c->vlans[mid];
		if (c->vlans[mid].id < id)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

unsigned int control_vlans(const struct control *c, uint16_t *out, unsigned int max)
{
	for (unsigned int i = 0; i < c->n_vlans && i < max; i++)
		out[i] = c->vlans[i].id;
	return c->n_vlans;
}

void ctl_vlan_settings_tell(struct control *c, uint16_t id)
{
	const struct conf_vlan *named = conf_vlan_find(c->conf, id);
	struct ip_addr own6 = ip_unspecified(true);
	struct conf_vlan v;

	if (named != NULL)
		v = *named;
	else
		conf_vlan_defaults(&v, id);
	if (!ip_is_unspecified(&v.querier_address)) /* its twin: hosts hear none but this kind */
		own6 = ctl_link_local(&c->mac);
	membership_vlan_set(c->membership,
		&(struct membership_vlan){
			.id = id,
			.timers =
				{
					.robustness = v.timers.robustness,
					.query_interval = nsec_from_ms(v.timers.query_interval_ms),
					.query_response = nsec_from_ms(v.timers.query_response_ms),
					.last_member_interval =
						nsec_from_ms(v.timers.last_member_interval_ms),
				},
			.querier = (enum membership_querier_mode)v.querier,
			.querier_address = {v.querier_address, own6},
			.strict = v.strict,
			.fast_leave = v.fast_leave,
		},
		c->now);
}

void ctl_vlans_settings_tell(struct control *c)
{
	for (unsigned int i = 0; i < c->n_vlans; i++)
		ctl_vlan_settings_tell(c, c->vlans[i].id);
}

static struct bitset vlan_ports(const struct control *c, uint16_t vlan)
{
	const struct ctl_team *t = ctl_team_of_vlan(c, vlan);
	struct bitset ports = {{0}};

	for (unsigned int id = 0; id < BITSET_SIZE; id++) {
		if (c->ports[id].used && ctl_port_uses_vlan(&c->ports[id], vlan))
			bitset_set(&ports, id);
	}
	for (unsigned int i = 0; t != NULL && i < t->config.n_active; i++)
		bitset_set(&ports, t->config.active[i]);
	for (unsigned int i = 0; t != NULL && i < t->config.n_standby; i++)
		bitset_set(&ports, t->config.standby[i]);
	return ports;
}

static void vlans_mark(const struct control *c, uint8_t *used)
{
	for (unsigned int id = 0; id < BITSET_SIZE; id++) {
		const struct ctl_port *p = &c->ports[id];

		if (!p->used || p->is_uplink)
			continue;
		if (!p->guest.trunk)
			used[p->guest.vlan] = 1;
		for (size_t i = 0; p->guest.trunk && i < p->guest.n_trunk; i++)
			used[p->guest.trunk_vlans[i]] = 1;
	}
}

/* Bring c->vlans in line with what guests use; tell membership of VLANs and ports. */
static int vlans_refresh(struct control *c)
{
	uint8_t used[VLAN_ID_SIZE] = {0};
	struct ctl_vlan *now, *old;
	unsigned int n = 0;

	vlans_mark(c, used);
	for (unsigned int id = 0; id < VLAN_ID_SIZE; id++)
		n += used[id];
	now = calloc(n + 1, sizeof(*now));
	if (now == NULL)
		return -ENOMEM;
	n = 0;
	for (unsigned int id = 0; id < VLAN_ID_SIZE; id++) {
		if (!used[id])
			continue;
		old = ctl_vlan_find(c, (uint16_t)id);
		if (old != NULL)
			now[n] = *old;
		now[n].id = (uint16_t)id;
		n++;
	}
	for (unsigned int i = 0; i < c->n_vlans; i++) {
		if (!used[c->vlans[i].id])
			membership_vlan_del(c->membership, c->vlans[i].id, c->now);
	}
	for (unsigned int i = 0; i < n; i++) {
		struct bitset ports = vlan_ports(c, now[i].id);

		if (ctl_vlan_find(c, now[i].id) == NULL)
			ctl_vlan_settings_tell(c, now[i].id);
		if (!bitset_equal(&ports, &now[i].ports)) {
			membership_vlan_ports(c->membership, now[i].id, &ports, c->now);
			now[i].configured_due = true;
		}
		now[i].ports = ports;
	}
	free(c->vlans);
	c->vlans = now;
	c->n_vlans = n;
	return ctl_vlans_configured_tell(c);
}

void ctl_vlans_free(struct control *c)
{
	free(c->vlans);
	c->vlans = NULL;
	c->n_vlans = 0;
}

/* --- the plane --- */

static struct plane_port plane_port_of(const struct control *c, const struct ctl_port *p)
{
	struct plane_port out = {
		.id = p->id,
		.up = p->up && p->admin_up && !p->lost,
		.copies = port_kind(p->port) == PORT_VHOST,
		.worker = p->worker,
	};
	const struct conf_guest *g = &p->guest;

	if (p->is_uplink) {
		out.flags = ctl_uplink_probes(c, p->id) ? PLANE_BEACON : 0;
		return out;
	}
	out.flags = PLANE_GUEST | (g->trunk ? PLANE_TRUNK : 0) | (g->router ? PLANE_ROUTER : 0);
	if (g->security.forged_transmits)
		out.flags |= PLANE_ANY_SOURCE | PLANE_LEARN;
	if (mac_is_zero(&p->mac) || g->security.mac_changes)
		out.flags |= PLANE_LEARN;
	out.vlan = g->vlan;
	out.trunk_vlans = g->trunk_vlans;
	out.n_trunk_vlans = (unsigned int)g->n_trunk;
	out.mac = p->mac;
	out.more_macs = p->more_macs;
	out.n_more_macs = p->n_more_macs;
	out.promiscuous = g->security.promiscuous;
	out.punts_per_s = g->limits.reports_per_s;
	return out;
}

/* The policy; and whatever the policy, flood while there is nobody who asks: memberships that are
 * not asked for end, and what was wanted would be lost (protocol.md). */
static bool floods_unregistered(const struct control *c, const struct ctl_vlan *v, bool v6)
{
	const struct conf_vlan *conf = conf_vlan_find(c->conf, v->id);

	return v->querier[v6].is_missing ||
	       (conf != NULL && conf->unregistered == CONF_UNREG_FLOOD);
}

struct topology {
	struct plane_port ports[BITSET_SIZE];
	struct plane_team teams[CONTROL_MAX_TEAMS];
	uint16_t uplinks[CONTROL_MAX_TEAMS][2 * TEAM_MAX_UPLINKS];
	struct plane_vlan_policy vlans[VLAN_ID_SIZE];
	struct plane_input in;
};

static void topology_teams(const struct control *c, struct topology *t)
{
	for (unsigned int i = 0; i < c->n_teams; i++) {
		const struct ctl_team *from = &c->teams[i];
		struct plane_team *to = &t->teams[i];
		unsigned int n = 0;

		for (unsigned int k = 0; k < from->config.n_active; k++)
			t->uplinks[i][n++] = from->config.active[k];
		for (unsigned int k = 0; k < from->config.n_standby; k++)
			t->uplinks[i][n++] = from->config.standby[k];
		to->uplinks = t->uplinks[i];
		to->n_uplinks = n;
		to->vlans = from->conf->all_vlans ? NULL : from->conf->vlans;
		to->n_vlans = (unsigned int)from->conf->n_vlans;
		to->ip_hash = from->config.policy == TEAM_IP_HASH;
		to->carrier = from->state.carrier;
		to->bucket = from->state.bucket;
	}
}

static void topology_fill(const struct control *c, struct topology *t)
{
	unsigned int n = 0;

	for (unsigned int id = 0; id < BITSET_SIZE; id++) {
		if (c->ports[id].used)
			t->ports[n++] = plane_port_of(c, &c->ports[id]);
	}
	for (unsigned int i = 0; i < c->n_vlans; i++) {
		t->vlans[i].id = c->vlans[i].id;
		t->vlans[i].flood_unregistered = floods_unregistered(c, &c->vlans[i], false);
		t->vlans[i].flood_unregistered6 = floods_unregistered(c, &c->vlans[i], true);
		t->vlans[i].router_ports = c->vlans[i].routers;
		membership_filter_all(c->membership, c->vlans[i].id, &t->vlans[i].takes_all);
	}
	topology_teams(c, t);
	t->in = (struct plane_input){
		.ports = t->ports,
		.n_ports = n,
		.teams = t->teams,
		.n_teams = c->n_teams,
		.vlans = t->vlans,
		.n_vlans = c->n_vlans,
	};
}

/* A plane that waits for its grace period, with the pool its sets go back to. */
struct old_plane {
	struct plane *plane;
	struct portset_pool *sets;
};

static void old_plane_free(void *object)
{
	struct old_plane *old = object;

	plane_destroy(old->plane, old->sets);
	free(old);
}

static void plane_swap(struct control *c, struct plane *plane, struct old_plane *old)
{
	const struct plane *was = atomic_exchange(&c->fwd->plane, plane);

	old->plane = (struct plane *)(uintptr_t)was;
	old->sets = c->wiring.sets;
	if (was != NULL)
		retire_later(c->wiring.retire, old, old_plane_free);
	else
		free(old);
}

static struct plane *plane_compile(const struct control *c)
{
	struct topology *t = calloc(1, sizeof(*t));
	struct plane *plane;

	if (t == NULL)
		return NULL;
	topology_fill(c, t);
	plane = plane_build(&t->in, c->wiring.sets);
	free(t);
	return plane;
}

/* Groups hold the VLAN's uplinks and router ports besides their members. */
static void always_refresh(struct control *c, const struct plane *plane)
{
	for (unsigned int i = 0; i < c->n_vlans; i++) {
		struct bitset always = plane_always(plane, c->vlans[i].id);

		if (bitset_equal(&always, &c->vlans[i].always))
			continue;
		c->vlans[i].always = always;
		ctl_groups_republish(c, c->vlans[i].id);
	}
}

/* -ENOMEM: the old plane stays, and the topology stays dirty to be tried again. */
int ctl_topology_publish(struct control *c)
{
	struct old_plane *old = calloc(1, sizeof(*old));
	struct plane *plane;

	c->topology_dirty = true;
	if (old == NULL || vlans_refresh(c) < 0) {
		free(old);
		return -ENOMEM;
	}
	ctl_teams_decide(c);
	plane = plane_compile(c);
	if (plane == NULL) {
		free(old);
		return -ENOMEM;
	}
	plane_swap(c, plane, old);
	c->topology_dirty = false;
	ctl_moved_follow(c);
	always_refresh(c, plane);
	return 0;
}

void ctl_plane_withdraw(struct control *c)
{
	const struct plane_input nothing = {0};
	struct old_plane *old = calloc(1, sizeof(*old));
	struct plane *plane = plane_build(&nothing, c->wiring.sets);

	if (old != NULL && plane != NULL)
		plane_swap(c, plane, old);
	else
		free(old);
}

void ctl_plane_destroy(struct control *c)
{
	const struct plane *plane = atomic_exchange(&c->fwd->plane, NULL);

	if (plane != NULL)
		plane_destroy((struct plane *)(uintptr_t)plane, c->wiring.sets);
}

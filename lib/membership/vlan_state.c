/* SPDX-License-Identifier: BSD-3-Clause */
#include "membership/vlan_state.h"

#include <errno.h>
#include <stdlib.h>

#include "membership/mac_filter.h"
#include "membership/port_state.h"

#define ORIGINS_ALL ((1u << ORIGIN_N) - 1)

struct vlan_state *vlan_state_find(const struct membership *m, uint16_t vlan)
{
	return vlan <= VLAN_ID_MAX ? m->vlan[vlan] : NULL;
}

static bool conf_is_valid(const struct membership_vlan *conf)
{
	const struct membership_timers *t = &conf->timers;

	if (conf->id > VLAN_ID_MAX || t->robustness == 0 || t->robustness > UINT8_MAX)
		return false;
	if (t->query_interval == 0 || t->query_response == 0 || t->last_member_interval == 0)
		return false;
	for (unsigned int v6 = 0; v6 < 2; v6++) {
		const struct ip_addr *own = &conf->querier_address[v6];

		if (!ip_is_unspecified(own) && (ip_is_multicast(own) || ip_is_v4(own) == v6))
			return false;
	}
	return true;
}

static struct vlan_state *vlan_state_create(
	struct membership *m, const struct membership_vlan *conf)
{
	struct vlan_state *vlan = calloc(1, sizeof(*vlan));

	if (vlan == NULL)
		return NULL;
	vlan->conf = *conf;
	for (unsigned int v6 = 0; v6 < 2; v6++)
		querier_init(m, &vlan->querier[v6], vlan, v6);
	return m->vlan[conf->id] = vlan;
}

/* Shorter intervals act at once; longer ones with the next report. */
static void rows_lower(struct membership *m, struct vlan_state *vlan)
{
	for (struct group *g = vlan->groups; g != NULL; g = g->vlan_next) {
		nsec after = vlan_state_membership_interval(vlan, !ip_is_v4(&g->id));

		for (struct row *r = g->rows; r != NULL && !g->is_mac; r = r->group_next)
			row_lower(m, r, after);
	}
}

int vlan_state_set(struct membership *m, const struct membership_vlan *conf)
{
	struct vlan_state *vlan;
	bool was_ours[2];

	if (!conf_is_valid(conf))
		return -EINVAL;
	vlan = m->vlan[conf->id];
	if (vlan == NULL)
		return vlan_state_create(m, conf) != NULL ? 0 : -ENOMEM;
	for (unsigned int v6 = 0; v6 < 2; v6++)
		was_ours[v6] = querier_is_ours(&vlan->querier[v6]);
	vlan->conf = *conf;
	for (unsigned int v6 = 0; v6 < 2; v6++)
		querier_settings_changed(m, &vlan->querier[v6], was_ours[v6]);
	rows_lower(m, vlan);
	return 0;
}

void vlan_state_free(struct membership *m, struct vlan_state *vlan)
{
	struct bitset none = {0};

	vlan_state_ports_set(m, vlan, &none);
	group_flush(m);
	for (unsigned int v6 = 0; v6 < 2; v6++)
		querier_fini(m, &vlan->querier[v6]);
	for (unsigned int i = 0; i < BITSET_SIZE; i++)
		free(vlan->port[i]);
	m->vlan[vlan->conf.id] = NULL;
	free(vlan);
}

void vlan_state_port_end(
	struct membership *m, struct vlan_state *vlan, uint16_t port, bool with_static)
{
	struct vlan_port *vp = vlan->port[port];

	mac_filter_all_set(m, vlan, port, false);
	if (vp == NULL)
		return;
	router_end(m, vp, with_static);
	vp->has_reporter = false;
	vp->has_several = false;
}

void vlan_state_ports_set(struct membership *m, struct vlan_state *vlan, const struct bitset *ports)
{
	struct bitset gone;

	bitset_andnot(&gone, &vlan->ports, ports);
	vlan->ports = *ports;
	BITSET_FOREACH (i, &gone) {
		struct port_state *ps = m->port[i];

		if (ps != NULL)
			port_state_end_rows(m, ps, vlan, ORIGINS_ALL, "port gone");
		vlan_state_port_end(m, vlan, (uint16_t)i, true);
	}
	for (unsigned int v6 = 0; v6 < 2; v6++)
		querier_ports_changed(m, &vlan->querier[v6]);
}

struct vlan_port *vlan_state_port(struct vlan_state *vlan, uint16_t port)
{
	struct vlan_port *vp = vlan->port[port];

	if (vp != NULL)
		return vp;
	vp = calloc(1, sizeof(*vp));
	if (vp == NULL)
		return NULL;
	vp->vlan = vlan;
	vp->port = port;
	vlan->port[port] = vp;
	return vp;
}

void vlan_state_reporter_seen(
	struct vlan_state *vlan, uint16_t port, const struct mac_addr *reporter)
{
	struct vlan_port *vp = vlan_state_port(vlan, port);

	if (vp == NULL)
		return;
	if (vp->has_reporter && !mac_equal(&vp->first_reporter, reporter))
		vp->has_several = true;
	if (!vp->has_reporter)
		vp->first_reporter = *reporter;
	vp->has_reporter = true;
}

nsec vlan_state_membership_interval(const struct vlan_state *vlan, bool v6)
{
	const struct membership_timers *t = &vlan->querier[v6].timers;

	return t->robustness * t->query_interval + t->query_response;
}

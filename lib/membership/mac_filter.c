/* SPDX-License-Identifier: BSD-3-Clause */
#include "membership/mac_filter.h"

#include <errno.h>

#include "membership/port_state.h"
#include "membership/vlan_state.h"

/*
 * A guest's own NIC filter says which multicast MACs it takes (paper page 3): at once and before
 * any report, but exact only to MAC. So a filter row is provisional: once snooping knows a group
 * of the port behind the MAC, the row admits nothing, and the 31 aliases no longer leak.
 */

static bool is_row_here(const struct row *r, const struct vlan_state *vlan)
{
	return r->group->is_mac && r->group->vlan == vlan;
}

static uint32_t count_behind(const struct group *mac_group, uint16_t port)
{
	uint32_t n = 0;

	for (const struct group *g = mac_group->behind; g != NULL; g = g->behind_next) {
		const struct row *r = row_find(g, port);

		n += r != NULL && row_has(r, ORIGIN_SNOOPED);
	}
	return n;
}

static bool is_filter_mac(const struct mac_addr *mac)
{
	static const struct mac_addr broadcast = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};

	return mac_is_multicast(mac) && !mac_equal(mac, &broadcast);
}

/* Find or create and mark the row of each MAC. */
static int rows_name(struct membership *m, struct vlan_state *vlan, struct port_state *port,
	const struct mac_addr *macs, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		struct ip_addr id = group_id_from_mac(&macs[i]);
		struct group *g;
		struct row *r;

		if (!is_filter_mac(&macs[i]))
			continue;
		g = group_get(m, vlan, &id, true);
		r = g != NULL ? row_get(m, g, port->conf.id) : NULL;
		if (r == NULL)
			return -ENOMEM;
		r->named = true;
	}
	return 0;
}

static void rows_undo(struct membership *m, struct vlan_state *vlan, struct port_state *port)
{
	struct row *next;

	for (struct row *r = port->rows; r != NULL; r = next) {
		next = r->port_next;
		if (!is_row_here(r, vlan))
			continue;
		r->named = false;
		row_settle(m, r, NULL);
	}
}

static void rows_commit(struct membership *m, struct vlan_state *vlan, struct port_state *port)
{
	struct row *next;

	for (struct row *r = port->rows; r != NULL; r = next) {
		next = r->port_next;
		if (!is_row_here(r, vlan))
			continue;
		if (!r->named) {
			row_origins_end(m, r, 1u << ORIGIN_FILTER, "filter");
			continue;
		}
		r->named = false;
		r->n_behind = count_behind(r->group, r->port);
		row_origin_add(m, r, ORIGIN_FILTER, NULL);
	}
}

static void quota_tell(struct membership *m, const struct vlan_state *vlan,
	const struct port_state *port, const struct mac_addr *first_refused)
{
	struct membership_event e = {
		.type = MEMBERSHIP_QUOTA,
		.vlan = vlan->conf.id,
		.port = port->conf.id,
		.group = {.is_mac = true, .mac = *first_refused},
		.reason = "filter",
	};

	machine_event(m, &e);
}

int mac_filter_set(struct membership *m, struct vlan_state *vlan, struct port_state *port,
	const struct mac_addr *macs, unsigned int n, bool all)
{
	uint16_t id = port->conf.id;

	if (n > port->conf.max_groups) {
		quota_tell(m, vlan, port, &macs[port->conf.max_groups]);
		n = port->conf.max_groups;
	}
	if (rows_name(m, vlan, port, macs, n) < 0) {
		rows_undo(m, vlan, port);
		return -ENOMEM;
	}
	rows_commit(m, vlan, port);
	mac_filter_all_set(m, vlan, id, all);
	return 0;
}

void mac_filter_all_set(struct membership *m, struct vlan_state *vlan, uint16_t port, bool all)
{
	if (bitset_has(&vlan->filter_all, port) == all)
		return;
	if (all)
		bitset_set(&vlan->filter_all, port);
	else
		bitset_clear(&vlan->filter_all, port);
	group_touch_vlan(m, vlan);
}

void mac_filter_refine(struct membership *m, const struct row *ip_row, bool snooped)
{
	struct group *mac_group = ip_row->group->mac_group;
	struct row *r = mac_group != NULL ? row_find(mac_group, ip_row->port) : NULL;

	if (r == NULL)
		return;
	r->n_behind += snooped ? 1 : UINT32_MAX;
	group_touch(m, mac_group);
}

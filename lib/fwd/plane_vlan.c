/* SPDX-License-Identifier: BSD-3-Clause */
#include "fwd/plane_draft.h"

#include <errno.h>

/*
 * The sets of a VLAN. They hold all uplinks of its team and every guest that may get the frame; the
 * ingress port's reach then takes away what this sender may not reach.
 */

/* Up or down. */
static struct bitset vlan_guests(const struct plane_draft *d, uint16_t id)
{
	struct bitset guests = {0};

	for (unsigned int i = 0; i < d->in->n_ports; i++) {
		const struct plane_port *p = &d->in->ports[i];

		if (p->id < BITSET_SIZE && p->flags & PLANE_GUEST && guest_in_vlan(d, p, id))
			bitset_set(&guests, p->id);
	}
	return guests;
}

/* Up or down. */
static struct bitset vlan_uplinks(const struct plane_draft *d, uint16_t id)
{
	struct bitset uplinks = {0};

	for (unsigned int t = 0; t < d->in->n_teams; t++) {
		if (!vlan_map_has(team_vlan_map(d, t), id))
			continue;
		for (unsigned int i = 0; i < d->in->teams[t].n_uplinks; i++) {
			if (d->in->teams[t].uplinks[i] < BITSET_SIZE)
				bitset_set(&uplinks, d->in->teams[t].uplinks[i]);
		}
	}
	return uplinks;
}

static void trunks_add(
	const struct plane_draft *d, struct bitset *tagged, const struct bitset *members)
{
	BITSET_FOREACH (port, members) {
		if (d->image->plane.ingress[port].flags & PLANE_TRUNK) /* uplinks have it too */
			bitset_set(tagged, port);
	}
}

static int set_get(struct plane_draft *d, const struct bitset *ports, const struct portset **out)
{
	*out = portset_get(d->sets, ports);
	return *out != NULL ? 0 : -ENOMEM;
}

static int vlan_compile(
	struct plane_draft *d, const struct plane_vlan_policy *policy, struct plane_vlan *v)
{
	struct bitset guests = vlan_guests(d, policy->id);
	struct bitset uplinks = vlan_uplinks(d, policy->id);
	struct bitset flood, routers, always, unknown, few;

	if (policy->id != VLAN_NONE) {
		trunks_add(d, &v->tagged, &guests);
		trunks_add(d, &v->tagged, &uplinks);
	}
	v->uplinks = uplinks;
	bitset_and(&guests, &guests, &d->guests);
	bitset_and(&uplinks, &uplinks, &d->uplinks);
	bitset_or(&flood, &guests, &uplinks);
	bitset_and(&routers, &policy->router_ports, &flood);
	bitset_or(&routers, &routers, &uplinks);
	bitset_and(&unknown, &d->promiscuous, &guests);
	bitset_or(&unknown, &unknown, &uplinks);
	bitset_or(&always, &routers, &unknown);
	bitset_and(&few, &policy->takes_all, &guests);
	bitset_or(&few, &few, &always);
	if (set_get(d, &flood, &v->flood) < 0 || set_get(d, &routers, &v->routers) < 0 ||
		set_get(d, policy->flood_unregistered ? &flood : &few, &v->unregistered) < 0 ||
		set_get(d, policy->flood_unregistered6 ? &flood : &few, &v->unregistered6) < 0 ||
		set_get(d, &unknown, &v->unknown) < 0)
		return -ENOMEM;
	return 0;
}

int plane_draft_vlans(struct plane_draft *d)
{
	for (unsigned int i = 0; i < d->image->n_vlans; i++) {
		if (vlan_compile(d, &d->in->vlans[i], &d->image->vlans[i]) < 0)
			return -ENOMEM;
	}
	return 0;
}

struct bitset plane_always(const struct plane *p, uint16_t vlan)
{
	const struct plane_vlan *v = vlan < VLAN_ID_SIZE ? p->vlan[vlan] : NULL;
	struct bitset always = {0};

	if (v == NULL)
		return always;
	bitset_or(&always, &v->routers->ports, &v->unknown->ports);
	bitset_or(&always, &always, &v->uplinks);
	return always;
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include "fwd/plane_draft.h"

/*
 * What may enter by a port, and what it may reach. Reach is a mask over the sets of a VLAN, so it
 * does not repeat who is in which VLAN:
 * - a guest reaches every other guest and, of each team that serves one of its VLANs, the uplink
 *   that carries it: under ip-hash the one that the frame's bucket names;
 * - an uplink reaches the guests that it carries, and never an uplink. A member of a port channel
 *   carries all guests of its team's VLANs, whatever the bucket: the physical switch has chosen;
 *   that includes members that are down for us, which may still be up for the physical switch.
 */

static bool vlan_named(const struct plane_team *team, uint16_t id)
{
	for (unsigned int i = 0; i < team->n_vlans; i++) {
		if (team->vlans[i] == id)
			return true;
	}
	return false;
}

static bool vlan_named_by_any(const struct plane_input *in, uint16_t id)
{
	for (unsigned int t = 0; t < in->n_teams; t++) {
		if (in->teams[t].vlans != NULL && vlan_named(&in->teams[t], id))
			return true;
	}
	return false;
}

void plane_draft_teams(struct plane_draft *d)
{
	const struct plane_input *in = d->in;

	for (unsigned int v = 0; v < in->n_vlans; v++) {
		uint16_t id = in->vlans[v].id;
		bool named = vlan_named_by_any(in, id);

		if (!vlan_known(d, id))
			continue;
		for (unsigned int t = 0; t < in->n_teams; t++) {
			const struct plane_team *team = &in->teams[t];

			if (team->vlans != NULL ? vlan_named(team, id) : !named)
				vlan_map_set(d->image->team_vlans + (size_t)t * VLAN_MAP_WORDS, id);
		}
	}
}

static bool team_serves(
	const struct plane_draft *d, unsigned int team, const struct plane_port *guest)
{
	const uint64_t *map = team_vlan_map(d, team);
	const uint64_t *vlans = d->image->plane.ingress[guest->id].vlans;

	if (!(guest->flags & PLANE_TRUNK))
		return vlan_map_has(map, guest->vlan);
	for (unsigned int i = 0; i < VLAN_MAP_WORDS; i++) {
		if (map[i] & vlans[i])
			return true;
	}
	return false;
}

static bool guest_hashes(const struct plane_draft *d, const struct plane_port *guest)
{
	for (unsigned int t = 0; t < d->in->n_teams; t++) {
		if (d->in->teams[t].ip_hash && team_serves(d, t, guest))
			return true;
	}
	return false;
}

static struct bitset guest_reach(
	const struct plane_draft *d, const struct plane_port *guest, unsigned int bucket)
{
	struct bitset reach = d->guests;

	bitset_clear(&reach, guest->id);
	for (unsigned int t = 0; t < d->in->n_teams; t++) {
		const struct plane_team *team = &d->in->teams[t];
		uint16_t uplink = team->ip_hash ? team->bucket[bucket] : team->carrier[guest->id];

		if (uplink < BITSET_SIZE && bitset_has(&d->uplinks, uplink) &&
			team_serves(d, t, guest))
			bitset_set(&reach, uplink);
	}
	return reach;
}

static void guest_ingress(struct plane_draft *d, const struct plane_port *guest)
{
	struct plane_ingress *in = &d->image->plane.ingress[guest->id];
	struct bitset *reach = d->image->guest_reach;

	in->flags = guest->flags & ~PLANE_REFLECTION;
	in->mac = guest->mac;
	in->punts_per_s = guest->punts_per_s;
	if (guest->flags & PLANE_TRUNK) {
		uint64_t *map = d->image->guest_vlans;

		for (unsigned int i = 0; i < guest->n_trunk_vlans; i++) {
			if (vlan_known(d, guest->trunk_vlans[i]))
				vlan_map_set(map, guest->trunk_vlans[i]);
		}
		in->vlans = map;
		d->image->guest_vlans += VLAN_MAP_WORDS;
	} else {
		in->vlan = guest->vlan;
	}
	in->n_buckets = guest_hashes(d, guest) ? PLANE_N_BUCKETS : 1;
	for (unsigned int b = 0; b < in->n_buckets; b++)
		reach[b] = guest_reach(d, guest, b);
	in->reach = reach;
	d->image->guest_reach += in->n_buckets;
}

static int team_of(const struct plane_input *in, uint16_t uplink)
{
	for (unsigned int t = 0; t < in->n_teams; t++) {
		for (unsigned int i = 0; i < in->teams[t].n_uplinks; i++) {
			if (in->teams[t].uplinks[i] == uplink)
				return (int)t;
		}
	}
	return -1;
}

static struct bitset uplink_reach(const struct plane_draft *d, unsigned int team, uint16_t uplink)
{
	const struct plane_team *t = &d->in->teams[team];
	struct bitset reach = {0};

	for (unsigned int i = 0; i < d->in->n_ports; i++) {
		const struct plane_port *p = &d->in->ports[i];

		if (p->id >= BITSET_SIZE || !bitset_has(&d->guests, p->id))
			continue;
		if (t->ip_hash ? team_serves(d, team, p) : t->carrier[p->id] == uplink)
			bitset_set(&reach, p->id);
	}
	return reach;
}

static void uplink_ingress(struct plane_draft *d, const struct plane_port *uplink)
{
	struct plane_ingress *in = &d->image->plane.ingress[uplink->id];
	int team = team_of(d->in, uplink->id);

	in->flags = (uplink->flags & ~PLANE_REFLECTION) | PLANE_TRUNK;
	in->punts_per_s = uplink->punts_per_s;
	if (team < 0)
		return; /* nothing enters and nothing is reached */
	if (d->in->teams[team].n_uplinks > 1)
		in->flags |= PLANE_REFLECTION;
	in->vlans = team_vlan_map(d, (unsigned int)team);
	*d->image->guest_reach = uplink_reach(d, (unsigned int)team, uplink->id);
	in->reach = d->image->guest_reach++;
}

void plane_draft_ingress(struct plane_draft *d)
{
	const struct plane_input *in = d->in;

	/* Whoever is not listed: no VLAN and no reach, so nothing needs to ask whether it is. */
	for (unsigned int i = 0; i < BITSET_SIZE; i++) {
		struct plane_ingress *none = &d->image->plane.ingress[i];

		*none = (struct plane_ingress){.flags = PLANE_TRUNK, .n_buckets = 1};
		none->vlans = d->image->no_vlans;
		none->reach = d->image->guest_reach;
	}
	d->image->guest_reach++;
	for (unsigned int i = 0; i < in->n_ports; i++) { /* guests first: uplinks ask about them */
		if (in->ports[i].id < BITSET_SIZE && in->ports[i].flags & PLANE_GUEST)
			guest_ingress(d, &in->ports[i]);
	}
	for (unsigned int i = 0; i < in->n_ports; i++) {
		if (in->ports[i].id < BITSET_SIZE && !(in->ports[i].flags & PLANE_GUEST))
			uplink_ingress(d, &in->ports[i]);
	}
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "control/control_private.h"
#include "pkt/beacon.h"

/*
 * Probes between the uplinks of a team, for failures beyond the first hop that no link tells of. They
 * travel in one VLAN of the team's, the lowest that a guest uses. What follows from who hears whom is
 * lib/team's to say (beacon.h); an uplink that is lost goes on probing, and so can come back.
 */
static nsec interval_of(const struct ctl_team *t)
{
	return nsec_from_ms(t->conf->beacon_ms);
}

void ctl_beacons_init(struct ctl_team *t)
{
	uint16_t members[2 * TEAM_MAX_UPLINKS];
	unsigned int n = 0;

	for (unsigned int k = 0; k < t->config.n_active; k++)
		members[n++] = t->config.active[k];
	for (unsigned int k = 0; k < t->config.n_standby; k++)
		members[n++] = t->config.standby[k];
	beacon_start(&t->beacon, members, n);
}

bool ctl_uplink_probes(const struct control *c, uint16_t uplink)
{
	const struct ctl_team *t = ctl_team_of_uplink(c, uplink);

	return t != NULL && t->conf->beacon_ms > 0;
}

static const struct ctl_vlan *vlan_of(const struct control *c, const struct ctl_team *t)
{
	for (unsigned int i = 0; i < c->n_vlans; i++) {
		if (ctl_team_of_vlan(c, c->vlans[i].id) == t)
			return &c->vlans[i];
	}
	return NULL;
}

static void beacon_send(struct control *c, uint16_t uplink, uint16_t vlan)
{
	const struct beacon_frame beacon = {.sender = c->mac, .uplink = uplink};
	uint8_t frame[ETH_MIN_SIZE];
	struct bitset to = {{0}};

	bitset_set(&to, uplink);
	if (beacon_build(&beacon, frame, sizeof(frame)) > 0)
		ctl_inject_bytes(c, frame, sizeof(frame), vlan, &to);
}

static void lost_set(struct control *c, struct ctl_port *p, bool lost, const struct ctl_team *t)
{
	if (p->lost == lost)
		return;
	p->lost = lost;
	c->fact_at = c->now;
	c->topology_dirty = true;
	ctl_event(c, "link", p, -1, NULL,
		lost ? "%s is lost: its link is up, but it exchanges no probe with the rest of %s"
		     : "%s is found: it is judged by its link again, not by the probes of %s",
		p->name, t->conf->name);
}

static void team_probe(struct control *c, struct ctl_team *t)
{
	const struct ctl_vlan *vlan = vlan_of(c, t);
	struct bitset live = {{0}}, lost = {{0}};

	for (unsigned int i = 0; i < t->beacon.n; i++) {
		const struct ctl_port *p = &c->ports[t->beacon.uplink[i]];

		if (!p->used || !p->up || !p->admin_up || vlan == NULL || t->conf->beacon_ms == 0)
			continue;
		bitset_set(&live, p->id);
		beacon_send(c, p->id, vlan->id);
	}
	if (!bitset_empty(&live))
		lost = beacon_lost(&t->beacon, &live, interval_of(t), c->now);
	for (unsigned int i = 0; i < t->beacon.n; i++) {
		uint16_t id = t->beacon.uplink[i];

		lost_set(c, &c->ports[id], bitset_has(&lost, id), t);
	}
}

void ctl_beacons_advance(struct control *c)
{
	for (unsigned int i = 0; i < c->n_teams; i++) {
		struct ctl_team *t = &c->teams[i];

		if (c->now < t->beacon_due)
			continue;
		team_probe(c, t);
		t->beacon_due = t->conf->beacon_ms > 0 ? c->now + interval_of(t) : NSEC_NEVER;
	}
}

void ctl_beacon_seen(struct control *c, uint16_t port, const uint8_t *frame, size_t size)
{
	struct beacon_frame beacon;

	if (beacon_parse(frame, size, &beacon) < 0 || !mac_equal(&beacon.sender, &c->mac))
		return;
	for (unsigned int i = 0; i < c->n_teams; i++)
		beacon_heard(&c->teams[i].beacon, port, beacon.uplink, c->now);
}

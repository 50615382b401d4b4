/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "control/control_private.h"
#include "pkt/eth.h"

/*
 * Guests have come to another uplink (paper, "NIC Teaming Considerations"): the new masks are
 * published already. What follows, for each, at once and in this order: a reverse ARP for its address
 * out of the new uplink (notify switches); the reports that we know for its groups, in its name; and
 * the synthetic queries to the guest, whose answer corrects what was replayed.
 *
 * Under ip-hash the switches beyond see one link, which has not moved; where that is not so, the
 * setting channel_replay has the first two done for every guest whenever a frame may go another way.
 */
void ctl_notify_switches(struct control *c, const struct ctl_port *guest, uint16_t vlan)
{
	uint8_t frame[ETH_MIN_SIZE];

	for (unsigned int i = 0; i <= guest->n_more_macs; i++) {
		const struct mac_addr *mac = i == 0 ? &guest->mac : &guest->more_macs[i - 1];
		int size = rarp_build(mac, frame, sizeof(frame));

		if (size > 0 && !mac_is_zero(mac))
			ctl_inject_from(c, guest, frame, (size_t)size, vlan);
	}
}

static void guest_follow(struct control *c, struct ctl_team *t, struct ctl_port *guest, nsec *first)
{
	bool channel = t->config.policy == TEAM_IP_HASH;

	if (!guest->up || t->state.carrier[guest->id] == TEAM_NO_UPLINK ||
		(channel && !t->conf->channel_replay))
		return;
	for (unsigned int i = 0; i < c->n_vlans && !mac_is_zero(&guest->mac); i++) {
		uint16_t vlan = c->vlans[i].id;

		if (!ctl_port_uses_vlan(guest, vlan) || ctl_team_of_vlan(c, vlan) != t)
			continue;
		if (t->conf->notify_switches)
			ctl_notify_switches(c, guest, vlan);
		if (t->conf->replay_memberships)
			t->failover.n_replays += ctl_replay(c, guest, vlan, first);
	}
	if (!channel)
		ctl_burst_start(c, guest);
}

static void guest_event(struct control *c, const struct ctl_team *t, const struct ctl_port *p)
{
	uint16_t to = t->state.carrier[p->id];

	if (to == TEAM_NO_UPLINK)
		ctl_event(c, "failover", p, -1, NULL,
			"%s is carried by nobody: %s has no live uplink", p->name, t->conf->name);
	else
		ctl_event(c, "failover", p, -1, NULL, "%s is carried by %s", p->name,
			c->ports[to].name);
}

static double ms(nsec t)
{
	return (double)t / (double)NSEC_PER_MS;
}

static void team_event(struct control *c, const struct ctl_team *t)
{
	const struct control_failover *f = &t->failover;

	if (t->config.policy == TEAM_IP_HASH)
		ctl_event(c, "failover", NULL, -1, NULL, "%s spreads over %s", t->conf->name,
			t->channel[0] != '\0' ? t->channel : "nothing: it has no live uplink");
	if (f->n_replays > 0)
		ctl_event(c, "failover", NULL, -1, NULL,
			"%s: %u guest%s moved %.3f ms after the notice; %u reports replayed, the "
			"first after %.3f ms more, the last after %.3f ms",
			t->conf->name, f->n_guests, f->n_guests == 1 ? "" : "s", ms(f->to_publish),
			f->n_replays, ms(f->to_first_replay), ms(f->to_last_replay));
	else
		ctl_event(c, "failover", NULL, -1, NULL,
			"%s: %u guest%s moved %.3f ms after the notice; nothing to replay",
			t->conf->name, f->n_guests, f->n_guests == 1 ? "" : "s", ms(f->to_publish));
}

static void team_follow(struct control *c, struct ctl_team *t)
{
	struct control_failover *f = &t->failover;
	struct bitset moved = t->moved;
	nsec now = ctl_clock(), first = 0;

	memset(&t->moved, 0, sizeof(t->moved));
	*f = (struct control_failover){
		.at = now, .to_publish = now - c->fact_at, .n_guests = bitset_count(&moved)};
	BITSET_FOREACH (id, &moved) {
		if (c->ports[id].used)
			guest_follow(c, t, &c->ports[id], &first);
	}
	if (f->n_replays > 0) {
		f->to_first_replay = first - now;
		f->to_last_replay = ctl_clock() - now;
	}
	ctl_bursts_advance(c);
	BITSET_FOREACH (id, &moved) {
		if (c->ports[id].used && t->config.policy != TEAM_IP_HASH)
			guest_event(c, t, &c->ports[id]);
	}
	team_event(c, t);
}

void ctl_moved_follow(struct control *c)
{
	for (unsigned int i = 0; i < c->n_teams; i++) {
		if (!bitset_empty(&c->teams[i].moved))
			team_follow(c, &c->teams[i]);
	}
}

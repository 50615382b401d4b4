/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "control/control_private.h"
#include "pkt/eth.h"

/*
 * Queries of the switch's own. As querier it speaks when the membership machine says so; and it
 * sends bursts of synthetic general queries to a guest that has moved (paper, page 4), so that the
 * guest's answer teaches the switches beyond where it is now.
 */
#define FRAME_SIZE 1514

/* RFC 4291 appendix A: the interface identifier of a MAC. Hosts drop MLD queries that do not come
 * from a link-local address (RFC 3810 5.1.14). */
struct ip_addr ctl_link_local(const struct mac_addr *m)
{
	return (struct ip_addr){.b = {0xfe, 0x80, [8] = m->b[0] ^ 2, m->b[1], m->b[2], 0xff, 0xfe,
					m->b[3], m->b[4], m->b[5]}};
}

static void query_inject(struct control *c, uint16_t vlan, const struct bitset *ports,
	const struct group_query *query)
{
	uint8_t frame[FRAME_SIZE];
	int size = group_query_build(query, frame, sizeof(frame));

	if (size <= 0)
		return;
	ctl_inject_bytes(c, frame, (size_t)size, vlan, ports);
	membership_message_sent(
		c->membership, ports, !ip_is_v4(&query->source), GROUP_MSG_QUERY, query->version);
}

void ctl_query_send(struct control *c, uint16_t vlan, const struct bitset *ports,
	const struct group_query *query)
{
	struct group_query q = *query;
	struct bitset to = *ports;
	uint16_t speaker = ctl_team_speaker(c, vlan);
	bool outside = false;

	/* A team is one way out: the network beyond is asked once. */
	BITSET_FOREACH (id, ports) {
		if (!c->ports[id].is_uplink)
			continue;
		bitset_clear(&to, id);
		outside = true;
	}
	if (outside && speaker != TEAM_NO_UPLINK)
		bitset_set(&to, speaker);
	q.eth_source = c->mac;
	q.router_alert = true;
	if (!ip_is_v4(&q.source) && ip_is_unspecified(&q.source))
		q.source = ctl_link_local(&c->mac);
	q.min_frame_size = ETH_MIN_SIZE;
	query_inject(c, vlan, &to, &q);
}

/* The version that this guest speaks, or the one configured for all (paper, page 7). */
static uint8_t burst_version(const struct control *c, const struct ctl_port *p, bool v6)
{
	uint8_t heard = v6 ? p->mld_version : p->igmp_version;

	if (c->conf->igmp.version == CONF_IGMP_AUTO)
		return heard >= 2 || (v6 && heard == 1) ? heard : (v6 ? 2 : 3);
	return (uint8_t)(v6 ? c->conf->igmp.version - 1 : c->conf->igmp.version);
}

/* One query of a burst, field by field as in the paper's figures 4 and 5. */
static void burst_query(struct control *c, const struct ctl_port *p, uint16_t vlan, bool v6)
{
	struct group_query q = {
		.version = burst_version(c, p, v6),
		.eth_destination = p->mac, /* the guest's own; unknown: the group's */
		.source = v6 ? ctl_link_local(&c->mac) : c->conf->igmp.router_address,
		.group = ip_unspecified(v6),
		.max_response = nsec_from_ms(100),
		.min_frame_size = ETH_MIN_SIZE,
	};
	struct membership_querier_info querier;
	struct bitset to = {{0}};

	membership_querier(c->membership, vlan, v6, &querier);
	if (querier.known && !querier.ours) {
		q.robustness = (uint8_t)querier.timers.robustness;
		q.query_interval_s = (uint32_t)(querier.timers.query_interval / NSEC_PER_SEC);
	}
	bitset_set(&to, p->id);
	query_inject(c, vlan, &to, &q);
}

void ctl_burst_start(struct control *c, struct ctl_port *p)
{
	p->burst.left = c->conf->igmp.queries;
	p->burst.due = c->now;
	if (p->burst.left > 0)
		ctl_event(c, "burst", p, -1, NULL, "%u synthetic queries to %s", p->burst.left,
			p->name);
}

static void burst_step(struct control *c, struct ctl_port *p)
{
	for (unsigned int i = 0; i < c->n_vlans; i++) {
		if (!ctl_port_uses_vlan(p, c->vlans[i].id))
			continue;
		burst_query(c, p, c->vlans[i].id, false);
		burst_query(c, p, c->vlans[i].id, true);
	}
	p->burst.left--;
	p->burst.due = c->now + nsec_from_ms(c->conf->igmp.query_gap_ms);
}

void ctl_bursts_advance(struct control *c)
{
	for (unsigned int id = 0; id < BITSET_SIZE; id++) {
		struct ctl_port *p = &c->ports[id];

		if (p->used && p->burst.left > 0 && p->burst.due <= c->now)
			burst_step(c, p);
	}
}

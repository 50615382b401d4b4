/* SPDX-License-Identifier: BSD-3-Clause */
#include <rte_ring.h>

#include "control/control_private.h"
#include "fwd/plane.h"
#include "pkt/eth.h"
#include "pkt/flow.h"

/*
 * What workers could not decide. A membership message is parsed and told to the state machine;
 * its verdict says whether and where the message itself goes on: reports to router ports and the
 * uplink that carries the guest, never to other guests (a guest that hears another's IGMPv2
 * report stays silent and drops out of the group); queries to everyone.
 */
#define PUNTS_A_TURN 256 /* a worker: then the loop looks after everything else */

static void pass_on(struct control *c, struct rte_mbuf *m, const struct frame_meta *meta,
	const struct group_msg *msg, enum membership_verdict verdict)
{
	const struct plane *plane = atomic_load(&c->fwd->plane);
	const struct plane_vlan *vlan = plane->vlan[meta->vlan];
	const struct plane_ingress *in = &plane->ingress[meta->port];
	const struct portset *set;
	struct bitset to;

	if (vlan == NULL || in->reach == NULL ||
		(verdict != MEMBERSHIP_PASS_ROUTERS && verdict != MEMBERSHIP_PASS_FLOOD)) {
		rte_pktmbuf_free(m);
		return;
	}
	set = verdict == MEMBERSHIP_PASS_FLOOD ? vlan->flood : vlan->routers;
	bitset_and(&to, &set->ports,
		&in->reach[flow_hash(rte_pktmbuf_mtod(m, const uint8_t *), m->data_len) %
			   in->n_buckets]);
	membership_message_sent(c->membership, &to, msg->v6, msg->type, msg->version);
	ctl_inject(c, m, meta->vlan, &to);
}

static void report_heard(struct control *c, struct ctl_port *p, const struct group_msg *msg)
{
	if (msg->type != GROUP_MSG_REPORT && msg->type != GROUP_MSG_RECORDS)
		return;
	if (msg->v6)
		p->mld_version = msg->version;
	else
		p->igmp_version = msg->version;
	p->address[msg->v6] = msg->source;
	ctl_arrival_answered(c, p);
}

static void membership_frame(
	struct control *c, struct ctl_port *p, struct rte_mbuf *m, bool forward)
{
	const struct frame_meta meta = *frame_meta(m);
	const uint8_t *data = rte_pktmbuf_mtod(m, const uint8_t *);
	struct mac_addr reporter = eth_source(data);
	enum membership_verdict verdict;
	enum group_msg_error bad;
	struct group_msg msg;

	bad = group_msg_parse(data + ETH_HEADER_SIZE, m->data_len - ETH_HEADER_SIZE, &msg);
	if (bad != GROUP_MSG_OK) {
		membership_malformed_seen(c->membership, meta.vlan, meta.port, bad);
		rte_pktmbuf_free(m);
		return;
	}
	report_heard(c, p, &msg);
	verdict = membership_message_seen(
		c->membership, meta.vlan, meta.port, &reporter, &msg, c->now);
	if (forward)
		pass_on(c, m, &meta, &msg, verdict);
	else
		rte_pktmbuf_free(m);
}

static void punt_handle(struct control *c, struct rte_mbuf *m)
{
	const struct frame_meta *meta = frame_meta(m);
	struct ctl_port *p = ctl_port_get(c, meta->port);
	struct mac_addr source;

	if (p == NULL || ctl_vlan_find(c, meta->vlan) == NULL) {
		rte_pktmbuf_free(m);
		return;
	}
	source = eth_source(rte_pktmbuf_mtod(m, const uint8_t *));
	switch ((enum frame_punt)meta->punt) {
	case PUNT_MEMBERSHIP:
		if (mac_equal(&source, &c->mac)) /* our own query, come back by another uplink */
			break;
		membership_frame(c, p, m, true);
		return;
	case PUNT_COPY_ROUTER:
		membership_frame(c, p, m, false);
		return;
	case PUNT_COPY_LEARN:
		ctl_port_source_seen(c, p, meta->vlan, &source);
		break;
	case PUNT_BEACON:
		ctl_beacon_seen(c, p->id, rte_pktmbuf_mtod(m, const uint8_t *), m->data_len);
		break;
	}
	rte_pktmbuf_free(m);
}

unsigned int ctl_punts_handle(struct control *c)
{
	struct rte_mbuf *frames[32];
	unsigned int total = 0;

	for (unsigned int i = 0; i < c->fwd->n_workers; i++) {
		unsigned int done = 0, n;

		do {
			n = rte_ring_sc_dequeue_burst(
				c->fwd->worker[i]->punt, (void **)frames, 32, NULL);
			for (unsigned int k = 0; k < n; k++)
				punt_handle(c, frames[k]);
			done += n;
		} while (n > 0 && done < PUNTS_A_TURN);
		total += done;
	}
	c->punts_handled += total;
	return total;
}

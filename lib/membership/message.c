/* SPDX-License-Identifier: BSD-3-Clause */
#include "membership/message.h"

#include "membership/leave.h"
#include "membership/port_state.h"
#include "membership/record.h"
#include "membership/reporter.h"
#include "membership/vlan_state.h"

/*
 * A message comes in: counted, held against the RFC's wording, then given to whom it concerns.
 * What is said in IGMPv1, IGMPv2 or MLDv1 becomes the record that means the same, RFC 3376 7.3.2.
 */
#define MESSAGE_TYPE_N (GROUP_MSG_UNKNOWN + 1)
#define VERSION_MAX    3u

struct message {
	struct vlan_state *vlan;
	struct port_state *port;
	const struct group_msg *msg;
	struct host host;
};

static enum membership_verdict record_take(
	struct membership *m, const struct message *in, const struct record *rec)
{
	return record_seen(m, in->vlan, in->port, rec, &in->host);
}

/* A v4-mapped group in MLD is a multicast address to ip_is_multicast, but no group of MLD. */
static bool is_of_family(const struct group_msg *msg, const struct ip_addr *group)
{
	return ip_is_v4(group) != msg->v6;
}

static enum membership_verdict older_take(
	struct membership *m, const struct message *in, enum group_record_type type)
{
	struct record rec = {
		.type = type,
		.origin = ORIGIN_SNOOPED,
		.version = in->msg->version,
		.group = in->msg->group,
	};

	if (!is_of_family(in->msg, &rec.group))
		return MEMBERSHIP_PASS_ROUTERS;
	vlan_state_reporter_seen(in->vlan, in->port->conf.id, &in->host.mac);
	return record_take(m, in, &rec);
}

static enum membership_verdict report_seen(struct membership *m, const struct message *in)
{
	return older_take(m, in, GROUP_RECORD_IS_EX);
}

static enum membership_verdict leave_msg_seen(struct membership *m, const struct message *in)
{
	return older_take(m, in, GROUP_RECORD_TO_IN);
}

/* One record refused refuses the message: what went on to the routers would be a membership that
 * this switch does not have. */
static enum membership_verdict records_seen(struct membership *m, const struct message *in)
{
	struct group_record_iter it = group_msg_records(in->msg);
	enum membership_verdict verdict = MEMBERSHIP_PASS_ROUTERS;
	struct group_record wire;

	vlan_state_reporter_seen(in->vlan, in->port->conf.id, &in->host.mac);
	while (group_record_next(&it, &wire)) {
		struct record rec = {
			.type = wire.type,
			.origin = ORIGIN_SNOOPED,
			.version = in->msg->version,
			.group = wire.group,
			.n_sources = wire.n_sources,
			.wire = &wire,
		};
		enum membership_verdict v = MEMBERSHIP_PASS_ROUTERS;

		if (is_of_family(in->msg, &rec.group))
			v = record_take(m, in, &rec);
		if (v != MEMBERSHIP_PASS_ROUTERS)
			verdict = v;
	}
	return verdict;
}

/* Only a router's word counts, and a guest is none unless it was allowed to be. */
static bool may_route(const struct port_state *port)
{
	return port->conf.is_uplink || port->conf.router_allowed;
}

static void router_take(struct membership *m, const struct message *in, nsec hold)
{
	struct vlan_port *vp = vlan_state_port(in->vlan, in->port->conf.id);

	if (vp != NULL)
		router_seen(m, vp, &in->msg->source, hold);
}

/* RFC 4541 2.1.1: a query from 0.0.0.0 is a switch's; it makes no router port and wins nothing. */
static enum membership_verdict query_seen(struct membership *m, const struct message *in)
{
	struct querier *q = &in->vlan->querier[in->msg->v6];
	const struct membership_timers *t = &q->timers;

	if (!may_route(in->port))
		return MEMBERSHIP_DROP_GUEST_QUERY;
	if (ip_is_unspecified(&in->msg->source))
		return MEMBERSHIP_PASS_FLOOD;
	if (!is_of_family(in->msg, &in->msg->group))
		return MEMBERSHIP_PASS_FLOOD;
	if (querier_query_seen(m, q, in->port->conf.id, in->msg) &&
		!ip_is_unspecified(&in->msg->group))
		leave_query_seen(m, in->vlan, in->msg);
	router_take(m, in, t->robustness * t->query_interval + t->query_response / 2);
	return MEMBERSHIP_PASS_FLOOD;
}

static enum membership_verdict router_msg_seen(struct membership *m, const struct message *in)
{
	if (!may_route(in->port))
		return MEMBERSHIP_DROP_GUEST_ROUTER;
	router_take(m, in, in->msg->router_hold_s * NSEC_PER_SEC);
	return MEMBERSHIP_PASS_FLOOD;
}

static enum membership_verdict unknown_seen(struct membership *m, const struct message *in)
{
	return MEMBERSHIP_PASS_ROUTERS;
}

static enum membership_verdict (*const handler[MESSAGE_TYPE_N])(
	struct membership *m, const struct message *in) = {
	[GROUP_MSG_QUERY] = query_seen,
	[GROUP_MSG_REPORT] = report_seen,
	[GROUP_MSG_LEAVE] = leave_msg_seen,
	[GROUP_MSG_RECORDS] = records_seen,
	[GROUP_MSG_MRD] = router_msg_seen,
	[GROUP_MSG_PIM_HELLO] = router_msg_seen,
	[GROUP_MSG_UNKNOWN] = unknown_seen,
};

static void message_count(struct membership_counters *c, const struct group_msg *msg)
{
	switch (msg->type) {
	case GROUP_MSG_QUERY:
		c->queries_rx[msg->v6][msg->version]++;
		break;
	case GROUP_MSG_REPORT:
	case GROUP_MSG_RECORDS:
		c->reports_rx[msg->v6][msg->version]++;
		break;
	case GROUP_MSG_LEAVE:
		c->leaves_rx[msg->v6]++;
		break;
	case GROUP_MSG_MRD:
		c->mrd_rx++;
		break;
	case GROUP_MSG_PIM_HELLO:
		c->pim_rx++;
		break;
	case GROUP_MSG_UNKNOWN:
		c->unknown_rx++;
		break;
	}
	c->odd_ttl += (msg->odd & GROUP_MSG_ODD_TTL) != 0;
	c->odd_alert += (msg->odd & GROUP_MSG_ODD_ALERT) != 0;
	c->odd_destination += (msg->odd & GROUP_MSG_ODD_DESTINATION) != 0;
	c->odd_source += (msg->odd & GROUP_MSG_ODD_SOURCE) != 0;
}

static enum membership_verdict verdict_unknown_vlan(const struct group_msg *msg)
{
	return msg->type == GROUP_MSG_QUERY ? MEMBERSHIP_PASS_FLOOD : MEMBERSHIP_PASS_ROUTERS;
}

enum membership_verdict message_seen(struct membership *m, struct vlan_state *vlan,
	struct port_state *port, const struct mac_addr *reporter, const struct group_msg *msg)
{
	struct message in = {
		.vlan = vlan,
		.port = port,
		.msg = msg,
		.host = {.address = msg->source, .mac = *reporter, .version = msg->version},
	};
	enum membership_verdict verdict;

	if (port == NULL || msg->version > VERSION_MAX)
		return verdict_unknown_vlan(msg);
	message_count(&port->counters, msg);
	if (vlan == NULL || !bitset_has(&vlan->ports, port->conf.id))
		verdict = verdict_unknown_vlan(msg);
	else if (vlan->conf.strict && msg->odd != 0)
		verdict = MEMBERSHIP_DROP_STRICT;
	else
		verdict = handler[msg->type](m, &in);
	port->counters.verdicts[verdict]++;
	return verdict;
}

void membership_malformed_seen(
	struct membership *m, uint16_t vlan, uint16_t port, enum group_msg_error error)
{
	struct port_state *ps = port_state_find(m, port);

	if (ps != NULL && error > GROUP_MSG_OK && error < GROUP_MSG_N_ERRORS)
		ps->counters.errors[error]++;
}

void membership_message_sent(struct membership *m, const struct bitset *ports, bool v6,
	enum group_msg_type type, uint8_t version)
{
	BITSET_FOREACH (i, ports) {
		struct membership_counters *c = m->port[i] != NULL ? &m->port[i]->counters : NULL;

		if (c == NULL || version > VERSION_MAX)
			continue;
		if (type == GROUP_MSG_QUERY)
			c->queries_tx[v6][version]++;
		else if (type == GROUP_MSG_REPORT || type == GROUP_MSG_RECORDS)
			c->reports_tx[v6][version]++;
		else if (type == GROUP_MSG_LEAVE)
			c->leaves_tx[v6]++;
	}
}

const char *membership_verdict_name(enum membership_verdict v)
{
	static const char *const name[MEMBERSHIP_N_VERDICTS] = {
#define X(symbol, name, sentence) name,
		MEMBERSHIP_VERDICTS(X)
#undef X
	};

	return name[v];
}

const char *membership_verdict_sentence(enum membership_verdict v)
{
	static const char *const sentence[MEMBERSHIP_N_VERDICTS] = {
#define X(symbol, name, sentence) sentence,
		MEMBERSHIP_VERDICTS(X)
#undef X
	};

	return sentence[v];
}

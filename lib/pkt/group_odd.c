/* SPDX-License-Identifier: BSD-3-Clause */
#include "pkt/group_odd.h"

#include "pkt/group_family.h"
#include "pkt/ip_packet.h"

static bool destination_is_named(
	const struct group_family *f, const struct group_msg *msg, const struct ip_addr *to)
{
	switch (msg->type) {
	case GROUP_MSG_QUERY:
		return ip_equal(to, ip_is_unspecified(&msg->group) ? &f->all_nodes : &msg->group);
	case GROUP_MSG_REPORT:
		return ip_equal(to, &msg->group);
	case GROUP_MSG_LEAVE: /* RFC 2236 9: to the group is old, and to be accepted */
		return ip_equal(to, &f->all_routers) || (!msg->v6 && ip_equal(to, &msg->group));
	case GROUP_MSG_RECORDS:
		return ip_equal(to, &f->all_reports);
	case GROUP_MSG_MRD:
		return ip_equal(to, &f->all_snoopers);
	case GROUP_MSG_PIM_HELLO:
		return ip_equal(to, &f->all_pim);
	case GROUP_MSG_UNKNOWN:
		break;
	}
	return true;
}

/* IGMPv1 and PIM know no router alert. */
static bool alert_is_due(const struct group_msg *msg)
{
	return msg->type != GROUP_MSG_PIM_HELLO && (msg->v6 || msg->version != 1);
}

/* RFC 2710 3, RFC 3810 5.1.14 and 5.2.13. A host that still probes its address has none but ::
 * (RFC 3590 4); a router has. */
static bool source_is_named(const struct group_msg *msg)
{
	const uint8_t *b = msg->source.b;

	if (!msg->v6 || (b[0] == 0xfe && (b[1] & 0xc0) == 0x80))
		return true;
	return ip_is_unspecified(&msg->source) &&
	       (msg->type == GROUP_MSG_REPORT || msg->type == GROUP_MSG_LEAVE ||
		       msg->type == GROUP_MSG_RECORDS);
}

uint8_t group_odd(const struct ip_packet *ip, const struct group_msg *msg)
{
	unsigned int odd = 0;

	if (msg->type == GROUP_MSG_UNKNOWN)
		return 0;
	if (ip->ttl != 1)
		odd |= GROUP_MSG_ODD_TTL;
	if (alert_is_due(msg) && !ip->router_alert)
		odd |= GROUP_MSG_ODD_ALERT;
	if (!destination_is_named(group_family(msg->v6), msg, &ip->destination))
		odd |= GROUP_MSG_ODD_DESTINATION;
	if (!source_is_named(msg))
		odd |= GROUP_MSG_ODD_SOURCE;
	return (uint8_t)odd;
}

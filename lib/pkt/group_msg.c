/* SPDX-License-Identifier: BSD-3-Clause */
#include "pkt/group_msg.h"

#include "pkt/checksum.h"
#include "pkt/eth.h"
#include "pkt/group_family.h"
#include "pkt/group_odd.h"
#include "pkt/ip_packet.h"

#define IPV4_HEADER_SIZE 20u
#define IPV6_HEADER_SIZE 40u
#define MESSAGE_MIN_SIZE 4u /* type, code, checksum: IGMP, ICMPv6 and PIM alike */

/* Checks go from the outside in: a packet has the first fault on its way down, and nothing is read
 * before what tells its length has been believed. */

static bool ipv4_is_membership(const uint8_t *l3, size_t size)
{
	if (size < IPV4_HEADER_SIZE)
		return true;
	if (l3[9] == IPPROTO_NR_PIM)
		return (l3[16] & 0xf0) == 0xe0;
	return l3[9] == IPPROTO_NR_IGMP;
}

/* A first fragment that hides its type, or a chain of headers that is cut off or endless, might be
 * anything: control refuses it. Later fragments are nothing without the first. */
static bool ipv6_is_membership(const uint8_t *l3, size_t size)
{
	struct ip_packet ip;

	if (size < IPV6_HEADER_SIZE)
		return true;
	if (l3[6] != IPPROTO_NR_ICMPV6 && l3[6] != IPPROTO_NR_PIM && !ip_packet_is_extension(l3[6]))
		return false;
	ip_packet_locate(l3, size, &ip);
	if (ip.fragment_later)
		return false;
	if (ip.protocol == IPPROTO_NR_PIM)
		return ip_is_multicast(&ip.destination);
	if (ip.protocol == IPPROTO_NR_ICMPV6)
		return ip.payload_size == 0 || group_family_wire(group_family(true), ip.payload[0]);
	return ip_packet_is_extension(ip.protocol);
}

bool group_msg_is_membership(const uint8_t *l3, size_t size, bool v6)
{
	if (size == 0 || l3[0] >> 4 != (v6 ? 6 : 4))
		return false;
	return v6 ? ipv6_is_membership(l3, size) : ipv4_is_membership(l3, size);
}

/* Which kind of message is it? NOT_MEMBERSHIP when of none. *wire stays NULL for PIM. */
static enum group_msg_error classify(const struct ip_packet *ip, const struct group_wire **wire)
{
	static const struct group_wire unknown_igmp = {.type = GROUP_MSG_UNKNOWN, .min_size = 4};
	const struct group_family *f = group_family(ip->v6);

	*wire = NULL;
	if (ip->protocol == IPPROTO_NR_PIM && ip_is_multicast(&ip->destination))
		return GROUP_MSG_OK;
	if (ip->protocol != f->protocol)
		return GROUP_MSG_E_NOT_MEMBERSHIP;
	if (ip->fragment_later || ip->payload_size == 0)
		return ip->fragment ? GROUP_MSG_OK : GROUP_MSG_E_LENGTH;
	*wire = group_family_wire(f, ip->payload[0]);
	if (*wire == NULL && ip->v6)
		return GROUP_MSG_E_NOT_MEMBERSHIP;
	if (*wire == NULL)
		*wire = &unknown_igmp;
	return GROUP_MSG_OK;
}

/* Nobody sends from a group, from all ones, from loopback or, in IPv6, from an IPv4 address. */
static bool source_is_possible(const struct ip_addr *source, bool v6)
{
	static const struct ip_addr loopback6 = {.b = {[15] = 1}};

	if (ip_is_v4(source) == v6 || ip_is_multicast(source))
		return false;
	if (v6)
		return !ip_equal(source, &loopback6);
	return ip_to_v4(source) != UINT32_MAX && source->b[12] != 127;
}

static bool message_sums(const struct ip_packet *ip)
{
	if (!ip->v6)
		return inet_checksum(ip->payload, ip->payload_size) == 0;
	return checksum_ipv6(&ip->source, &ip->destination, ip->protocol, ip->payload,
		       ip->payload_size) == 0;
}

static enum group_msg_error message_read(
	const struct ip_packet *ip, const struct group_wire *wire, struct group_msg *out)
{
	if (wire == NULL)
		return pim_read(ip->payload, ip->payload_size, out);
	if (ip->payload_size < wire->min_size)
		return GROUP_MSG_E_LENGTH;
	out->type = wire->type;
	out->version = wire->version;
	if (wire->read == NULL)
		return GROUP_MSG_OK;
	return wire->read(group_family(ip->v6), ip->payload, ip->payload_size, out);
}

enum group_msg_error group_msg_parse(const uint8_t *l3, size_t size, struct group_msg *out)
{
	const struct group_wire *wire;
	struct ip_packet ip;
	enum group_msg_error e;

	e = ip_packet_locate(l3, size, &ip);
	if (e == GROUP_MSG_OK)
		e = classify(&ip, &wire);
	if (e != GROUP_MSG_OK)
		return e;
	if (!ip_packet_header_sums(l3, &ip))
		return GROUP_MSG_E_IP_CHECKSUM;
	if (ip.fragment)
		return GROUP_MSG_E_FRAGMENT;
	if (!source_is_possible(&ip.source, ip.v6))
		return GROUP_MSG_E_SOURCE;
	if (ip.payload_size < MESSAGE_MIN_SIZE)
		return GROUP_MSG_E_LENGTH;
	if (!message_sums(&ip))
		return GROUP_MSG_E_CHECKSUM;
	*out = (struct group_msg){
		.v6 = ip.v6,
		.source = ip.source,
		.group = ip_unspecified(ip.v6),
		.body = ip.payload, /* of no source and no record yet */
	};
	e = message_read(&ip, wire, out);
	if (e == GROUP_MSG_OK)
		out->odd = group_odd(&ip, out);
	return e;
}

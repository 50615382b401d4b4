/* SPDX-License-Identifier: BSD-3-Clause */
#include "pkt/ip_packet.h"

#include "pkt/eth.h"

#define IPV4_HEADER_SIZE   20u
#define IPV4_OPTION_END    0
#define IPV4_OPTION_NOP    1
#define IPV4_OPTION_ALERT  0x94
#define IPV4_MORE_OR_LATER 0x3fff /* more-fragments bit and offset */
#define IPV4_LATER         0x1fff

#define IPV6_HEADER_SIZE   40u
#define IPV6_HOP_BY_HOP    0
#define IPV6_ROUTING       43
#define IPV6_FRAGMENT      44
#define IPV6_AUTHENTICATED 51
#define IPV6_DESTINATION   60
#define IPV6_OPTION_PAD1   0
#define IPV6_OPTION_ALERT  5

/* RFC 8200 4.1 has each once and one twice. A longer chain is refused, not believed to be data: a
 * guest must not hide a query behind it. */
#define IPV6_CHAIN_MAX 8

static enum group_msg_error ipv4_options(
	const uint8_t *at, const uint8_t *end, struct ip_packet *out)
{
	while (at < end && *at != IPV4_OPTION_END) {
		if (*at == IPV4_OPTION_NOP) {
			at++;
			continue;
		}
		if (end - at < 2 || at[1] < 2 || at[1] > end - at)
			return GROUP_MSG_E_IP_HEADER;
		if (at[0] == IPV4_OPTION_ALERT && at[1] == 4 && get_be16(at + 2) == 0)
			out->router_alert = true;
		at += at[1];
	}
	return GROUP_MSG_OK;
}

static enum group_msg_error ipv4_locate(const uint8_t *l3, size_t size, struct ip_packet *out)
{
	size_t total;

	if (size < IPV4_HEADER_SIZE)
		return GROUP_MSG_E_TRUNCATED;
	out->header_size = (l3[0] & 0x0fu) * 4;
	total = get_be16(l3 + 2);
	if (out->header_size < IPV4_HEADER_SIZE || total < out->header_size)
		return GROUP_MSG_E_IP_HEADER;
	if (size < total)
		return GROUP_MSG_E_TRUNCATED;
	out->fragment = (get_be16(l3 + 6) & IPV4_MORE_OR_LATER) != 0;
	out->fragment_later = (get_be16(l3 + 6) & IPV4_LATER) != 0;
	out->ttl = l3[8];
	out->protocol = l3[9];
	out->source = ip_from_octets(l3 + 12, false);
	out->destination = ip_from_octets(l3 + 16, false);
	out->payload = l3 + out->header_size;
	out->payload_size = total - out->header_size;
	return ipv4_options(l3 + IPV4_HEADER_SIZE, out->payload, out);
}

static enum group_msg_error hop_by_hop(const uint8_t *at, const uint8_t *end, struct ip_packet *out)
{
	while (at < end) {
		if (*at == IPV6_OPTION_PAD1) {
			at++;
			continue;
		}
		if (end - at < 2 || at[1] > end - at - 2)
			return GROUP_MSG_E_IP_HEADER;
		if (at[0] == IPV6_OPTION_ALERT && at[1] == 2 && get_be16(at + 2) == 0)
			out->router_alert = true;
		at += 2 + at[1];
	}
	return GROUP_MSG_OK;
}

bool ip_packet_is_extension(uint8_t next)
{
	return next == IPV6_HOP_BY_HOP || next == IPV6_ROUTING || next == IPV6_FRAGMENT ||
	       next == IPV6_AUTHENTICATED || next == IPV6_DESTINATION;
}

static size_t extension_size(uint8_t type, const uint8_t *at)
{
	if (type == IPV6_FRAGMENT)
		return 8;
	if (type == IPV6_AUTHENTICATED)
		return (at[1] + 2u) * 4; /* RFC 4302 2.2 */
	return (at[1] + 1u) * 8;
}

/* One extension header of out->protocol at out->payload: read it and step over it. */
static enum group_msg_error extension_step(struct ip_packet *out, bool first)
{
	const uint8_t *at = out->payload;
	uint8_t type = out->protocol;
	size_t size;

	if (type == IPV6_HOP_BY_HOP && !first)
		return GROUP_MSG_E_IP_HEADER; /* RFC 8200 4.1: only right after the IPv6 header */
	if (out->payload_size < 8 || out->payload_size < extension_size(type, at))
		return out->fragment ? GROUP_MSG_E_FRAGMENT : GROUP_MSG_E_TRUNCATED;
	size = extension_size(type, at);
	if (type == IPV6_FRAGMENT) {
		out->fragment |= (get_be16(at + 2) & 0xfff9) != 0; /* RFC 6946: may be atomic */
		out->fragment_later |= (get_be16(at + 2) & 0xfff8) != 0;
	}
	out->protocol = at[0];
	out->payload += size;
	out->payload_size -= size;
	return type == IPV6_HOP_BY_HOP ? hop_by_hop(at + 2, at + size, out) : GROUP_MSG_OK;
}

static enum group_msg_error ipv6_chain(struct ip_packet *out)
{
	enum group_msg_error e;

	for (unsigned int i = 0; ip_packet_is_extension(out->protocol); i++) {
		if (out->fragment_later)
			return GROUP_MSG_OK;
		if (i == IPV6_CHAIN_MAX)
			return GROUP_MSG_E_IP_HEADER;
		e = extension_step(out, i == 0);
		if (e != GROUP_MSG_OK)
			return e;
	}
	return GROUP_MSG_OK;
}

static enum group_msg_error ipv6_locate(const uint8_t *l3, size_t size, struct ip_packet *out)
{
	enum group_msg_error e;
	bool clipped;

	if (size < IPV6_HEADER_SIZE)
		return GROUP_MSG_E_TRUNCATED;
	out->header_size = IPV6_HEADER_SIZE;
	out->payload_size = get_be16(l3 + 4);
	out->protocol = l3[6];
	out->ttl = l3[7];
	out->source = ip_from_octets(l3 + 8, true);
	out->destination = ip_from_octets(l3 + 24, true);
	out->payload = l3 + IPV6_HEADER_SIZE;
	clipped = size - IPV6_HEADER_SIZE < out->payload_size;
	if (clipped)
		out->payload_size = size - IPV6_HEADER_SIZE;
	e = ipv6_chain(out);
	return e == GROUP_MSG_OK && clipped ? GROUP_MSG_E_TRUNCATED : e;
}

enum group_msg_error ip_packet_locate(const uint8_t *l3, size_t size, struct ip_packet *out)
{
	*out = (struct ip_packet){.payload = l3};
	if (size == 0)
		return GROUP_MSG_E_TRUNCATED;
	out->v6 = l3[0] >> 4 == 6;
	if (out->v6)
		return ipv6_locate(l3, size, out);
	if (l3[0] >> 4 == 4)
		return ipv4_locate(l3, size, out);
	return GROUP_MSG_E_IP_HEADER;
}

bool ip_packet_header_sums(const uint8_t *l3, const struct ip_packet *ip)
{
	return ip->v6 || inet_checksum(l3, ip->header_size) == 0;
}

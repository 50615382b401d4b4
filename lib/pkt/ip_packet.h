/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PKT_IP_PACKET_H
#define PKT_IP_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "pkt/group_msg.h"

/*
 * What an IPv4 or IPv6 packet says of itself before its payload. Private to this room. A view:
 * valid while the packet is.
 */
struct ip_packet {
	bool v6;
	bool router_alert; /* RFC 2113, RFC 2711 with the value of MLD */
	bool fragment;
	bool fragment_later; /* not the first: payload is no beginning of anything */
	uint8_t protocol;
	uint8_t ttl;
	size_t header_size; /* of IPv4 with options; 40 for IPv6 */
	struct ip_addr source;
	struct ip_addr destination;
	const uint8_t *payload; /* after options or extension headers */
	size_t payload_size;    /* as the IP header says; padding excluded */
};

/* Lengths and options, every one checked against size; no checksum. TRUNCATED, IP_HEADER, or
 * FRAGMENT for a first fragment that ends within its headers. out is always written: after an error
 * protocol and payload are as far as the walk came, and payload lies within size octets. */
enum group_msg_error ip_packet_locate(const uint8_t *l3, size_t size, struct ip_packet *out);

/* Does protocol name an IPv6 header that is followed by another? */
bool ip_packet_is_extension(uint8_t protocol);

/* Right IPv4 header checksum? Always for IPv6, which has none. */
bool ip_packet_header_sums(const uint8_t *l3, const struct ip_packet *ip);

#endif

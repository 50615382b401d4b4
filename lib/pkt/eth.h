/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PKT_ETH_H
#define PKT_ETH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/addr.h"

/*
 * Ethernet and 802.1Q. Offsets into the frame rather than packed structs laid over it: what comes
 * from a wire is read with memcpy, so nothing is ever read unaligned or out of bounds.
 */
#define ETH_HEADER_SIZE 14u
#define ETH_VLAN_SIZE   4u
#define ETH_MIN_SIZE    60u /* without FCS */

#define ETHERTYPE_IPV4 0x0800
#define ETHERTYPE_ARP  0x0806
#define ETHERTYPE_RARP 0x8035
#define ETHERTYPE_VLAN 0x8100
#define ETHERTYPE_IPV6 0x86dd
#define ETHERTYPE_QINQ 0x88a8

#define IPPROTO_NR_IGMP   2
#define IPPROTO_NR_TCP    6
#define IPPROTO_NR_UDP    17
#define IPPROTO_NR_ICMPV6 58
#define IPPROTO_NR_PIM    103

static inline uint16_t get_be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t get_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline void put_be16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline void put_be32(uint8_t *p, uint32_t v)
{
	put_be16(p, (uint16_t)(v >> 16));
	put_be16(p + 2, (uint16_t)v);
}

static inline struct mac_addr eth_destination(const uint8_t *frame)
{
	struct mac_addr m;

	memcpy(&m, frame, sizeof(m));
	return m;
}

static inline struct mac_addr eth_source(const uint8_t *frame)
{
	struct mac_addr m;

	memcpy(&m, frame + 6, sizeof(m));
	return m;
}

static inline uint16_t eth_type(const uint8_t *frame)
{
	return get_be16(frame + 12);
}

/* RFC 1071 over size octets; 0 when data includes a right checksum. */
uint16_t inet_checksum(const uint8_t *data, size_t size);

/* Frames that the switch itself sends. Return the length or -ENOSPC. */
/* "Notify switches" (paper page 6): a reverse ARP request, RFC 903, from mac to all, 60 octets. */
int rarp_build(const struct mac_addr *mac, uint8_t *frame, size_t size);

/* Put an 802.1Q tag into a frame of *size octets whose buffer holds capacity octets. 0, -ENOSPC, or
 * -EINVAL when it is shorter than its Ethernet header. */
int eth_tag_insert(uint8_t *frame, size_t *size, size_t capacity, uint16_t tci);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PKT_GROUP_FAMILY_H
#define PKT_GROUP_FAMILY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "pkt/group_msg.h"

/*
 * IGMP and MLD differ in numbers, in the place of the group and in the unit of the maximum
 * response; the rest is one protocol. What differs stands in two constant tables. Private to this
 * room.
 */
struct group_family;

/* A type octet and how to read what follows the checksum; size is at least min_size. */
struct group_wire {
	uint8_t octet;
	enum group_msg_type type;
	uint8_t version; /* 0: by length and code, or none */
	uint8_t min_size;
	enum group_msg_error (*read)(const struct group_family *f, const uint8_t *p, size_t size,
		struct group_msg *out); /* NULL: nothing to read */
};

struct group_family {
	uint8_t protocol; /* IP protocol or next header */
	uint8_t addr_size;
	uint8_t group_at; /* offset of the group in queries, reports, leaves */
	uint8_t version;  /* the newest: queries with sources, reports with records */
	const struct group_wire *wires;
	unsigned int n_wires;
	nsec (*max_response_read)(const uint8_t *p, uint8_t version);
	void (*max_response_write)(uint8_t *p, uint8_t version, nsec t);
	struct ip_addr all_nodes;    /* general queries */
	struct ip_addr all_routers;  /* leaves */
	struct ip_addr all_reports;  /* reports with records */
	struct ip_addr all_snoopers; /* MRD */
	struct ip_addr all_pim;
};

const struct group_family *group_family(bool v6);

/* The row of a type octet or of what is to be built; NULL when the protocol has none. */
const struct group_wire *group_family_wire(const struct group_family *f, uint8_t octet);
const struct group_wire *group_family_wire_of(
	const struct group_family *f, enum group_msg_type type, uint8_t version);

/* IPv6 can spell an IPv4 address, and an IPv4 group would then be taken for one. */
static inline bool group_family_owns(const struct group_family *f, const struct ip_addr *a)
{
	return ip_is_v4(a) == (f->addr_size == 4);
}

static inline bool group_family_is_group(const struct group_family *f, const struct ip_addr *a)
{
	return group_family_owns(f, a) && ip_is_multicast(a);
}

/* An address in wire form, at p. */
static inline struct ip_addr group_family_addr(const struct group_family *f, const uint8_t *p)
{
	return ip_from_octets(p, f->addr_size == 16);
}

static inline void group_family_addr_write(
	const struct group_family *f, uint8_t *p, const struct ip_addr *a)
{
	memcpy(p, &a->b[16 - f->addr_size], f->addr_size);
}

/* Octets before the part that only the newest version's query has: QRV, QQIC, sources. */
static inline size_t group_family_short_size(const struct group_family *f)
{
	return (size_t)f->group_at + f->addr_size;
}

/* The readers of the rows above, each in the file of its noun. */
enum group_msg_error group_query_read(
	const struct group_family *f, const uint8_t *p, size_t size, struct group_msg *out);
enum group_msg_error group_report_read(
	const struct group_family *f, const uint8_t *p, size_t size, struct group_msg *out);
enum group_msg_error group_records_read(
	const struct group_family *f, const uint8_t *p, size_t size, struct group_msg *out);
enum group_msg_error mrd_read(
	const struct group_family *f, const uint8_t *p, size_t size, struct group_msg *out);

/* Every PIM message but by unicast is its sender's word that it is a router. size is at least 4. */
enum group_msg_error pim_read(const uint8_t *p, size_t size, struct group_msg *out);

#endif

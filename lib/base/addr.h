/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef BASE_ADDR_H
#define BASE_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/*
 * Addresses as values. An IPv4 address is kept as its v4-mapped IPv6 address (RFC 4291 2.5.5.2),
 * so that one key, one table and one state machine serve both families. Octets are in network
 * order throughout.
 */
struct mac_addr {
	uint8_t b[6];
};

struct ip_addr {
	uint8_t b[16];
};

#define VLAN_NONE    0u    /* untagged traffic */
#define VLAN_ID_MAX  4094u /* 4095 is reserved, IEEE 802.1Q 9.6 */
#define VLAN_ID_SIZE 4096u /* length of a table indexed by VLAN id */

#define MAC_STR_SIZE 18
#define IP_STR_SIZE  46

static inline bool mac_equal(const struct mac_addr *a, const struct mac_addr *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

static inline bool mac_is_multicast(const struct mac_addr *m) /* broadcast included */
{
	return m->b[0] & 1;
}

static inline bool mac_is_zero(const struct mac_addr *m)
{
	return (m->b[0] | m->b[1] | m->b[2] | m->b[3] | m->b[4] | m->b[5]) == 0;
}

static inline uint64_t mac_to_u64(const struct mac_addr *m)
{
	uint64_t v = 0;

	for (unsigned int i = 0; i < 6; i++)
		v = v << 8 | m->b[i];
	return v;
}

static inline struct ip_addr ip_from_v4(uint32_t v4_be)
{
	struct ip_addr ip = {.b = {[10] = 0xff, [11] = 0xff}};

	memcpy(&ip.b[12], &v4_be, 4);
	return ip;
}

static inline struct ip_addr ip_from_octets(const uint8_t *octets, bool v6)
{
	struct ip_addr ip = {.b = {[10] = 0xff, [11] = 0xff}};

	if (v6)
		memcpy(ip.b, octets, 16);
	else
		memcpy(&ip.b[12], octets, 4);
	return ip;
}

/* 0.0.0.0 or :: */
static inline struct ip_addr ip_unspecified(bool v6)
{
	const struct ip_addr any6 = {{0}};

	return v6 ? any6 : ip_from_v4(0);
}

static inline bool ip_is_v4(const struct ip_addr *a)
{
	static const uint8_t prefix[12] = {[10] = 0xff, [11] = 0xff};

	return memcmp(a->b, prefix, sizeof(prefix)) == 0;
}

static inline uint32_t ip_to_v4(const struct ip_addr *a) /* network order */
{
	uint32_t v4_be;

	memcpy(&v4_be, &a->b[12], 4);
	return v4_be;
}

static inline bool ip_equal(const struct ip_addr *a, const struct ip_addr *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

/* 0.0.0.0 or :: */
bool ip_is_unspecified(const struct ip_addr *a);
/* 224/4 or ff00::/8 */
bool ip_is_multicast(const struct ip_addr *a);
/* Always flooded, never reported: 224.0.0.0/24 (paper page 1, RFC 4541 2.1.2), ff02::1 and the
 * node- and interface-local scopes ff00::/16, ff01::/16 (RFC 3810 6). */
bool ip_is_link_local_group(const struct ip_addr *a);
/* Order of querier election and of tables: < 0, 0, > 0 like memcmp. */
int ip_compare(const struct ip_addr *a, const struct ip_addr *b);

/* The multicast MAC of a group: 01:00:5e + low 23 bits (paper page 2, RFC 1112 6.4) or
 * 33:33 + low 32 bits (RFC 2464 7). */
struct mac_addr mac_from_group(const struct ip_addr *group);

/* Text. Parsers return 0 or -EINVAL and accept nothing but a whole address; formatters return
 * buf, which holds at least MAC_STR_SIZE or IP_STR_SIZE bytes. */
int mac_parse(const char *text, struct mac_addr *out);
int ip_parse(const char *text, struct ip_addr *out);
const char *mac_format(const struct mac_addr *m, char *buf);
const char *ip_format(const struct ip_addr *a, char *buf);

/* A good 64-bit mixer (the finalizer of MurmurHash3) for tables keyed by addresses. */
static inline uint64_t hash_mix(uint64_t h)
{
	h ^= h >> 33;
	h *= 0xff51afd7ed558ccdULL;
	h ^= h >> 33;
	h *= 0xc4ceb9fe1a85ec53ULL;
	h ^= h >> 33;
	return h;
}

static inline uint64_t ip_hash(const struct ip_addr *a, uint64_t seed)
{
	uint64_t hi, lo;

	memcpy(&hi, &a->b[0], 8);
	memcpy(&lo, &a->b[8], 8);
	return hash_mix(hi ^ hash_mix(lo ^ seed));
}

#endif

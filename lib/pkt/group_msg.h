/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PKT_GROUP_MSG_H
#define PKT_GROUP_MSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/clock.h"

/*
 * IGMPv1/v2/v3 (RFC 1112, 2236, 3376) and MLDv1/v2 (RFC 2710, 3810) as one kind of message. What
 * the two families share is one struct, one iterator over records and one over sources; sources
 * and records are views into the packet, bounds-checked once when the message is parsed.
 */
enum group_msg_type {
	GROUP_MSG_QUERY,
	GROUP_MSG_REPORT,    /* of one group: IGMPv1, IGMPv2, MLDv1 */
	GROUP_MSG_LEAVE,     /* IGMPv2 leave, MLDv1 done */
	GROUP_MSG_RECORDS,   /* IGMPv3 or MLDv2 report */
	GROUP_MSG_MRD,       /* multicast router advertisement or termination, RFC 4286 */
	GROUP_MSG_PIM_HELLO, /* RFC 7761 4.9.2; only that its sender is a router. Any multicast PIM */
	GROUP_MSG_UNKNOWN,   /* IGMP of another type, MRD solicitation: to router ports unread */
};

/* Why a packet is not a message, one counter each (protocol.md, Validation): X(symbol, sentence) */
#define GROUP_MSG_ERRORS(X)                                           \
	X(TRUNCATED, "packet shorter than its headers say")           \
	X(IP_HEADER, "bad IP version, header length or total length") \
	X(IP_CHECKSUM, "wrong IPv4 header checksum")                  \
	X(FRAGMENT, "fragment of a membership message")               \
	X(CHECKSUM, "wrong IGMP or ICMPv6 checksum")                  \
	X(LENGTH, "length that no version of the protocol has")       \
	X(RECORD, "group record that runs past the packet")           \
	X(GROUP, "group that is not a multicast address")             \
	X(SOURCE, "source address that no host may have")             \
	X(NOT_MEMBERSHIP, "not a membership protocol packet")

enum group_msg_error {
	GROUP_MSG_OK,
#define X(symbol, sentence) GROUP_MSG_E_##symbol,
	GROUP_MSG_ERRORS(X)
#undef X
		GROUP_MSG_N_ERRORS,
};

/* What `validation: strict` drops and `lenient` counts. */
#define GROUP_MSG_ODD_TTL         (1u << 0) /* TTL or hop limit is not 1 */
#define GROUP_MSG_ODD_ALERT       (1u << 1) /* no router alert option (v2, v3, MLD) */
#define GROUP_MSG_ODD_DESTINATION (1u << 2) /* not the address that the RFC names */
#define GROUP_MSG_ODD_SOURCE      (1u << 3) /* MLD not from a link-local address */

struct group_msg {
	enum group_msg_type type;
	uint8_t version; /* IGMP 1, 2, 3; MLD 1, 2; 0 for MRD, PIM and unknown */
	bool v6;
	uint8_t odd;               /* GROUP_MSG_ODD_*; 0 for unknown */
	struct ip_addr source;     /* of the IP header */
	struct ip_addr group;      /* QUERY (unspecified: general), REPORT, LEAVE */
	nsec max_response;         /* QUERY; 10 s for IGMPv1 */
	bool suppress;             /* QUERY, S flag */
	uint8_t robustness;        /* QUERY, QRV; 0: not told */
	uint32_t query_interval_s; /* QUERY, QQIC decoded; 0: not told */
	uint16_t n_sources;        /* QUERY */
	uint16_t n_records;        /* RECORDS, those of unknown types included */
	uint16_t router_hold_s; /* MRD, PIM: a router for so long; 0: no more; UINT16_MAX: ever */
	const uint8_t *body;    /* first source or record */
	size_t body_size;
};

/* RFC 3376 4.2.12, RFC 3810 5.2.12: the same numbers in both. */
enum group_record_type {
	GROUP_RECORD_IS_IN = 1,
	GROUP_RECORD_IS_EX = 2,
	GROUP_RECORD_TO_IN = 3,
	GROUP_RECORD_TO_EX = 4,
	GROUP_RECORD_ALLOW = 5,
	GROUP_RECORD_BLOCK = 6,
};

struct group_record {
	enum group_record_type type;
	struct ip_addr group;
	uint16_t n_sources;
	const uint8_t *sources; /* n_sources addresses of 4 or 16 octets; see group_record_source */
	bool v6;
};

struct group_record_iter {
	const uint8_t *at;
	const uint8_t *end;
	uint16_t n_left;
	bool v6;
};

/* Is this IP packet (l3, size octets, from the first octet of its IP header) one that the control
 * lcore must see: IGMP, MLD, MRD, multicast PIM? Cheap and without validation: the worker's
 * question. In doubt yes: of IPv6 headers cut off (also by the end of a segment) or chained too
 * long. false for a later fragment of IPv6, whose first one is refused. True of all that
 * group_msg_parse takes. */
bool group_msg_is_membership(const uint8_t *l3, size_t size, bool v6);

/* Parse and validate. Returns GROUP_MSG_OK or the first thing wrong, from the outside in; then out
 * is not to be read. out->body points into l3, which is one contiguous piece. Trailing octets after
 * the IP packet (Ethernet padding) are ignored. A record that runs past the packet rejects all of
 * it; a record of unknown type is skipped by its full length; auxiliary data counts 32-bit
 * words (RFC 3376 4.2.6). */
enum group_msg_error group_msg_parse(const uint8_t *l3, size_t size, struct group_msg *out);

const char *group_msg_error_sentence(enum group_msg_error e);
const char *group_msg_error_name(enum group_msg_error e); /* lower case with underscores */

/* Records of known types of a GROUP_MSG_RECORDS message that was parsed. */
struct group_record_iter group_msg_records(const struct group_msg *msg);
bool group_record_next(struct group_record_iter *it, struct group_record *out);
struct ip_addr group_record_source(const struct group_record *r, uint16_t i);
/* Source i < n_sources of a record, above, or of a group-and-source-specific query. */
struct ip_addr group_msg_query_source(const struct group_msg *msg, uint16_t i);

/*
 * Building. Each writes one Ethernet frame without a VLAN tag and without padding below the sizes
 * that protocol.md prints, and returns its length in octets, -ENOSPC when it does not fit or
 * -EINVAL for what the version cannot say (sources of no group, a leave in version 1, a group of
 * the other family).
 */
struct group_query {
	uint8_t version; /* IGMP 1, 2, 3; MLD 1, 2 */
	struct mac_addr eth_source;
	struct mac_addr eth_destination; /* all zero: derived from the IP destination */
	struct ip_addr source;           /* its family is that of the query */
	struct ip_addr group;            /* unspecified: general query */
	nsec max_response; /* rounded to the nearest code, RFC 3376 4.1.1, RFC 3810 5.1.3 */
	bool router_alert; /* IPv4 only: the paper's figures 4 and 5 have none; MLD always has */
	bool suppress;
	uint8_t robustness; /* 0-7; more is sent as 0, RFC 3376 4.1.6 */
	uint32_t query_interval_s;
	uint16_t n_sources; /* version 3 (MLD 2) only */
	const struct ip_addr *sources;
	size_t min_frame_size; /* 60 pads with zeros as in figures 4 and 5; 0: no padding */
};

int group_query_build(const struct group_query *q, uint8_t *frame, size_t size);

struct group_report_record {
	enum group_record_type type;
	struct ip_addr group;
	uint16_t n_sources;
	const struct ip_addr *sources;
};

struct group_report {
	uint8_t version; /* IGMP 1, 2, 3; MLD 1, 2 */
	struct mac_addr eth_source;
	struct ip_addr source;
	bool leave;         /* version 2 / MLD 1: a leave or done instead of a report */
	bool router_alert;  /* IPv4 only: as in figures 6 and 7; MLD always has */
	uint16_t n_records; /* just one for IGMP 1, 2 and MLD 1, its type and sources ignored */
	const struct group_report_record *records;
};

int group_report_build(const struct group_report *r, uint8_t *frame, size_t size);

/* Max Resp Code and QQIC, RFC 3376 4.1.1, 4.1.7: 128 and more are floating point. value in the
 * code's own unit (0.1 s or s); encode rounds down to what can be said. */
uint32_t group_code8_decode(uint8_t code);
uint8_t group_code8_encode(uint32_t value);
uint32_t group_code16_decode(uint16_t code); /* MLDv2 Maximum Response Code, ms, RFC 3810 5.1.3 */
uint16_t group_code16_encode(uint32_t value);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "pkt/checksum.h"
#include "pkt/eth.h"
#include "pkt/group_msg.h"
#include "pkt/ip_packet.h"

/*
 * The input is an IP packet. It is parsed as it is, and again with right checksums, which a fuzzer
 * hardly finds by itself. What parses must hold what group_msg.h promises, and must come back the
 * same when it is built anew. Besides, the input is read as the recipe of a message to build.
 */
#define N_RECORDS_MAX 8192
#define N_SOURCES_MAX 16384

/* What the RFCs and group_msg.h promise; a breach is a finding. */
#define CHECK(condition)                                                                \
	do {                                                                            \
		if (!(condition)) {                                                     \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
			abort();                                                        \
		}                                                                       \
	} while (0)

static uint8_t frame[UINT16_MAX + 64];
static struct group_report_record records[N_RECORDS_MAX];
static struct ip_addr sources[N_SOURCES_MAX];

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool same_message(const struct group_msg *a, const struct group_msg *b)
{
	return a->type == b->type && a->version == b->version && a->v6 == b->v6 &&
	       ip_equal(&a->source, &b->source) && ip_equal(&a->group, &b->group) &&
	       a->max_response == b->max_response && a->suppress == b->suppress &&
	       a->robustness == b->robustness && a->query_interval_s == b->query_interval_s &&
	       a->n_sources == b->n_sources && a->router_hold_s == b->router_hold_s;
}

/* Known records and their sources, into the arrays above. The number of records. */
static uint16_t records_copy(const struct group_msg *m)
{
	struct group_record_iter it = group_msg_records(m);
	struct group_record r;
	size_t n_sources = 0;
	uint16_t n = 0;

	while (group_record_next(&it, &r)) {
		CHECK(r.type >= GROUP_RECORD_IS_IN && r.type <= GROUP_RECORD_BLOCK);
		CHECK(ip_is_multicast(&r.group) && ip_is_v4(&r.group) == !m->v6);
		CHECK(n < N_RECORDS_MAX && n_sources + r.n_sources <= N_SOURCES_MAX);
		records[n++] = (struct group_report_record){
			r.type, r.group, r.n_sources, sources + n_sources};
		for (uint16_t i = 0; i < r.n_sources; i++)
			sources[n_sources++] = group_record_source(&r, i);
	}
	CHECK(n <= m->n_records);
	return n;
}

static int query_rebuild(const struct group_msg *m)
{
	struct group_query q = {
		.version = m->version,
		.source = m->source,
		.group = m->group,
		.max_response = m->max_response,
		.suppress = m->suppress,
		.robustness = m->robustness,
		.query_interval_s = m->query_interval_s,
		.n_sources = m->n_sources,
		.sources = sources,
		.router_alert = true,
	};

	for (uint16_t i = 0; i < m->n_sources; i++)
		sources[i] = group_msg_query_source(m, i);
	return group_query_build(&q, frame, sizeof(frame));
}

static int report_rebuild(const struct group_msg *m)
{
	struct group_report r = {
		.version = m->version,
		.source = m->source,
		.leave = m->type == GROUP_MSG_LEAVE,
		.router_alert = true,
		.records = records,
		.n_records = 1,
	};

	if (m->type == GROUP_MSG_RECORDS)
		r.n_records = records_copy(m);
	else
		records[0] = (struct group_report_record){.group = m->group};
	return group_report_build(&r, frame, sizeof(frame));
}

/* Parsed, built, parsed: nothing lost, and nothing odd about what we build ourselves. */
static void message_returns(const struct group_msg *m)
{
	struct group_msg again;
	int size;

	if (m->type == GROUP_MSG_QUERY)
		size = query_rebuild(m);
	else if (m->type <= GROUP_MSG_RECORDS)
		size = report_rebuild(m);
	else
		return;
	if (size == -ENOSPC) /* router alert makes it longer than a packet can be */
		return;
	CHECK(size > 0);
	CHECK(group_msg_parse(frame + ETH_HEADER_SIZE, (size_t)size - ETH_HEADER_SIZE, &again) ==
		GROUP_MSG_OK);
	CHECK(same_message(m, &again));
	CHECK((again.odd & ~GROUP_MSG_ODD_SOURCE) == 0);
	if (m->type == GROUP_MSG_RECORDS) {
		uint16_t n = again.n_records;

		CHECK(records_copy(&again) == n);
	}
}

static void parse(const uint8_t *l3, size_t size)
{
	struct group_msg m, padded;
	enum group_msg_error e = group_msg_parse(l3, size, &m);
	bool v6 = size > 0 && l3[0] >> 4 == 6;
	uint8_t *copy;

	CHECK(e < GROUP_MSG_N_ERRORS);
	group_msg_is_membership(l3, size, !v6);
	CHECK(group_msg_is_membership(l3, size, v6) || e != GROUP_MSG_OK);
	if (e != GROUP_MSG_OK)
		return;
	CHECK(m.body >= l3 && m.body + m.body_size <= l3 + size);
	CHECK(m.v6 == v6 && ip_is_v4(&m.source) == !v6 && ip_is_v4(&m.group) == !v6);
	message_returns(&m);
	copy = malloc(size + 9);
	memcpy(copy, l3, size);
	memset(copy + size, 0xff, 9);
	CHECK(group_msg_parse(copy, size + 9, &padded) == GROUP_MSG_OK);
	CHECK(same_message(&m, &padded) && m.odd == padded.odd);
	free(copy);
}

/* Right checksums wherever the packet has room for them. */
static void repair(uint8_t *l3, size_t size)
{
	struct ip_packet ip;
	uint8_t *payload;
	uint16_t sum;

	if (ip_packet_locate(l3, size, &ip) != GROUP_MSG_OK || ip.payload_size < 4)
		return;
	if (!ip.v6) {
		put_be16(l3 + 10, 0);
		put_be16(l3 + 10, inet_checksum(l3, ip.header_size));
	}
	payload = l3 + (ip.payload - l3);
	put_be16(payload + 2, 0);
	sum = ip.v6 ? checksum_ipv6(
			      &ip.source, &ip.destination, ip.protocol, payload, ip.payload_size)
		    : inet_checksum(payload, ip.payload_size);
	put_be16(payload + 2, sum);
}

struct recipe {
	const uint8_t *at;
	size_t left;
};

static uint32_t take(struct recipe *r, unsigned int n_octets)
{
	uint32_t v = 0;

	while (n_octets-- > 0 && r->left > 0) {
		v = v << 8 | *r->at++;
		r->left--;
	}
	return v;
}

static struct ip_addr take_ip(struct recipe *r, bool v6, bool group)
{
	uint8_t octets[16];

	for (unsigned int i = 0; i < sizeof(octets); i++)
		octets[i] = (uint8_t)take(r, 1);
	if (group)
		octets[0] = v6 ? 0xff : 0xe0 | (octets[0] & 0xf);
	return ip_from_octets(octets, v6);
}

/* Built: then it fits its buffer to the octet, and parses unless its source is none. */
static void built(int size, enum group_msg_type last)
{
	enum group_msg_error e;
	struct group_msg m;
	uint8_t *copy;

	if (size < 0)
		return;
	copy = malloc((size_t)size - ETH_HEADER_SIZE);
	memcpy(copy, frame + ETH_HEADER_SIZE, (size_t)size - ETH_HEADER_SIZE);
	e = group_msg_parse(copy, (size_t)size - ETH_HEADER_SIZE, &m);
	CHECK(e == GROUP_MSG_OK || e == GROUP_MSG_E_SOURCE);
	if (e == GROUP_MSG_OK)
		CHECK(m.type <= last);
	free(copy);
}

static void build(const uint8_t *data, size_t size)
{
	struct recipe in = {data, size};
	uint32_t flags = take(&in, 1);
	bool v6 = flags & 1;
	struct group_query q = {
		.version = (uint8_t)(flags >> 1 & 7),
		.router_alert = flags & 0x10,
		.suppress = flags & 0x20,
		.min_frame_size = flags & 0x40 ? ETH_MIN_SIZE : 0,
		.robustness = (uint8_t)take(&in, 1),
		.query_interval_s = take(&in, 4),
		.max_response = take(&in, 4) * NSEC_PER_MS,
		.source = take_ip(&in, v6, false),
		.sources = sources,
	};
	struct group_report r = {.version = q.version, .leave = flags & 0x80, .source = q.source};

	q.group = take_ip(&in, v6, flags & 0x80);
	while (in.left > 0 && q.n_sources < 64)
		sources[q.n_sources++] = take_ip(&in, v6, false);
	built(group_query_build(&q, frame, ETH_HEADER_SIZE + 40 + 8 + 28 + 16 * (flags & 0x3f)),
		GROUP_MSG_QUERY);

	r.records = records;
	r.n_records = (uint16_t)(flags & 3);
	for (uint16_t i = 0; i < r.n_records; i++)
		records[i] = (struct group_report_record){
			(enum group_record_type)(i + 1), q.group, q.n_sources, sources};
	built(group_report_build(&r, frame, 400 + 4 * flags), GROUP_MSG_RECORDS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy;

	parse(data, size);
	if (size > 0) {
		copy = malloc(size);
		memcpy(copy, data, size);
		repair(copy, size);
		parse(copy, size);
		free(copy);
	}
	build(data, size);
	return 0;
}

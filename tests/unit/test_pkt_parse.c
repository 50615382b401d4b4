/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "pkt/group_msg.h"
#include "pkt_raw.h"

/* Messages as the RFCs lay them out, octet by octet, and what the parser makes of them. */

static uint8_t scratch[RAW_SIZE + 64];

/* In memory of just its size, so that sanitizers see a step too far. */
static enum group_msg_error parse(const struct raw *r, uint8_t **l3, struct group_msg *msg)
{
	size_t size = raw_packet(r, scratch);
	enum group_msg_error e;

	*l3 = malloc(size);
	memcpy(*l3, scratch, size);
	e = group_msg_parse(*l3, size, msg);
	if (e == GROUP_MSG_OK)
		assert_true(group_msg_is_membership(*l3, size, strchr(r->source, ':') != NULL));
	return e;
}

static void kinds(void **state)
{
	static const struct {
		struct raw raw;
		enum group_msg_type type;
		uint8_t version;
		const char *group; /* NULL: unspecified */
		uint64_t response_ms;
		uint8_t robustness;
		uint32_t interval_s;
		bool suppress;
		uint16_t n_sources, n_records, hold_s;
	} row[] = {
		/* RFC 1112: code 0; the group is ignored, 10 s (RFC 2236 4) */
		{{"10.0.0.1", "224.0.0.1", "11 00 0000 00000000"}, GROUP_MSG_QUERY, 1, NULL, 10000},
		{{"10.0.0.1", "224.0.0.1", "11 00 0000 e0050505"}, GROUP_MSG_QUERY, 1, NULL, 10000},
		/* RFC 2236: linear to 25.5 s */
		{{"10.0.0.1", "224.0.0.1", "11 64 0000 00000000"}, GROUP_MSG_QUERY, 2, NULL, 10000},
		{{"10.0.0.1", "224.5.5.5", "11 ff 0000 e0050505"}, GROUP_MSG_QUERY, 2, "224.5.5.5",
			25500},
		/* RFC 3376 4.1: 12 octets and more; 0x80 is 16 << 3; S, QRV 7, QQIC 125 */
		{{"10.0.0.1", "224.0.0.1", "11 64 0000 00000000 027d0000"}, GROUP_MSG_QUERY, 3,
			NULL, 10000, 2, 125},
		{{"10.0.0.1", "224.5.5.5", "11 80 0000 e0050505 0f8f0000"}, GROUP_MSG_QUERY, 3,
			"224.5.5.5", 12800, 7, 248, true},
		{{"10.0.0.1", "224.5.5.5", "11 ff 0000 e0050505 08ff0002 0a000001 0a000002 ffff"},
			GROUP_MSG_QUERY, 3, "224.5.5.5", 3174400, 0, 31744, true, 2},
		/* octets after the group are ignored, RFC 2236 2.5 */
		{{"10.0.0.9", "224.5.5.5", "12 00 0000 e0050505"}, GROUP_MSG_REPORT, 1,
			"224.5.5.5"},
		{{"10.0.0.9", "224.5.5.5", "16 00 0000 e0050505"}, GROUP_MSG_REPORT, 2,
			"224.5.5.5"},
		{{"10.0.0.9", "224.5.5.5", "16 00 0000 e0050505 00"}, GROUP_MSG_REPORT, 2,
			"224.5.5.5"},
		{{"0.0.0.0", "224.5.5.5", "16 00 0000 e0050505"}, GROUP_MSG_REPORT, 2, "224.5.5.5"},
		{{"10.0.0.9", "224.0.0.2", "17 00 0000 e0050505"}, GROUP_MSG_LEAVE, 2, "224.5.5.5"},
		{{"10.0.0.9", "224.0.0.22", REPORT_V3 "0000"}, GROUP_MSG_RECORDS, 3},
		{{"10.0.0.9", "224.0.0.22", REPORT_V3 "0001 04000000 e0050505"}, GROUP_MSG_RECORDS,
			3, .n_records = 1},
		/* other types go on unread, and they alone may be long-lived */
		{{"10.0.0.9", "224.0.0.4", "13 01 0000", .ttl = 64}, GROUP_MSG_UNKNOWN},
		{{"10.0.0.9", "10.0.0.1", "1f 01 0000 0000", .ttl = 64}, GROUP_MSG_UNKNOWN},
		/* RFC 4286: three advertisement intervals, 20 s by default; solicitation; end */
		{{"10.0.0.1", "224.0.0.106", "30 1e 0000 007d0002"}, GROUP_MSG_MRD, .hold_s = 90},
		{{"10.0.0.1", "224.0.0.106", "30 00 0000 007d0002"}, GROUP_MSG_MRD, .hold_s = 60},
		{{"10.0.0.9", "224.0.0.2", "31 00 0000"}, GROUP_MSG_UNKNOWN},
		{{"10.0.0.1", "224.0.0.106", "32 00 0000"}, GROUP_MSG_MRD, .hold_s = 0},
		/* RFC 7761 4.9.2: option 1 is the hold time; default 105 s; any other PIM */
		{{"10.0.0.1", "224.0.0.13", "20 00 0000", .protocol = 103}, GROUP_MSG_PIM_HELLO,
			.hold_s = 105},
		{{"10.0.0.1", "224.0.0.13", "20 00 0000 00140004 01020304 00010002 0000",
			 .protocol = 103},
			GROUP_MSG_PIM_HELLO, .hold_s = 0},
		{{"10.0.0.1", "224.0.0.13", "20 00 0000 00010002 ffff", .protocol = 103},
			GROUP_MSG_PIM_HELLO, .hold_s = UINT16_MAX},
		{{"10.0.0.1", "224.0.0.13", "23 00 0000 ffffffff", .protocol = 103},
			GROUP_MSG_PIM_HELLO, .hold_s = 105},
		/* RFC 2710: 24 octets, linear ms */
		{{"fe80::1", "ff02::1", "82 00 0000 2710 0000" ANY6}, GROUP_MSG_QUERY, 1, NULL,
			10000},
		{{"fe80::1", "ff3e::8001", "82 00 0000 ffff 0000" FF3E}, GROUP_MSG_QUERY, 1,
			"ff3e::8001", 65535},
		/* RFC 3810 5.1: 28 octets and more; 0x8000 is 0x1000 << 3 */
		{{"fe80::1", "ff02::1", "82 00 0000 2710 0000" ANY6 "027d0000"}, GROUP_MSG_QUERY, 2,
			NULL, 10000, 2, 125},
		{{"fe80::1", "ff3e::8001", "82 00 0000 8000 0000" FF3E "0a800001" LL6},
			GROUP_MSG_QUERY, 2, "ff3e::8001", 32768, 2, 128, true, 1},
		{{"fe80::1", "ff02::1", "82 00 0000 ffff 0000" ANY6 "00000000"}, GROUP_MSG_QUERY, 2,
			NULL, 8387584},
		{{"fe80::9", "ff3e::8001", "83 00 0000 0000 0000" FF3E}, GROUP_MSG_REPORT, 1,
			"ff3e::8001"},
		{{"::", "ff3e::8001", "83 00 0000 0000 0000" FF3E}, GROUP_MSG_REPORT, 1,
			"ff3e::8001"},
		{{"fe80::9", "ff02::2", "84 00 0000 0000 0000" FF3E}, GROUP_MSG_LEAVE, 1,
			"ff3e::8001"},
		{{"fe80::9", "ff02::16", REPORT_MLD2 "0001 01000001" FF3E LL6}, GROUP_MSG_RECORDS,
			2, .n_records = 1},
		{{"fe80::1", "ff02::6a", "97 14 0000 007d0002"}, GROUP_MSG_MRD, .hold_s = 60},
		{{"fe80::9", "ff02::2", "98 00 0000"}, GROUP_MSG_UNKNOWN},
		{{"fe80::1", "ff02::6a", "99 00 0000"}, GROUP_MSG_MRD, .hold_s = 0},
		{{"fe80::1", "ff02::d", "20 00 0000 00010002 0069", .protocol = 103, .chain = "",
			 .chain_first = 103},
			GROUP_MSG_PIM_HELLO, .hold_s = 105},
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		const struct raw *r = &row[i].raw;
		bool v6 = strchr(r->source, ':') != NULL;
		struct ip_addr group, source = raw_ip(r->source);
		struct group_msg m;
		uint8_t *l3;

		print_message("%s\n", r->message);
		group = raw_ip(row[i].group != NULL ? row[i].group : v6 ? "::" : "0.0.0.0");
		assert_int_equal(parse(r, &l3, &m), GROUP_MSG_OK);
		assert_int_equal(m.type, row[i].type);
		assert_int_equal(m.version, row[i].version);
		assert_int_equal(m.v6, v6);
		assert_int_equal(m.odd, 0);
		assert_true(ip_equal(&m.source, &source));
		assert_true(ip_equal(&m.group, &group));
		assert_int_equal(nsec_to_ms(m.max_response), row[i].response_ms);
		assert_int_equal(m.robustness, row[i].robustness);
		assert_int_equal(m.query_interval_s, row[i].interval_s);
		assert_int_equal(m.suppress, row[i].suppress);
		assert_int_equal(m.n_sources, row[i].n_sources);
		assert_int_equal(m.n_records, row[i].n_records);
		assert_int_equal(m.router_hold_s, row[i].hold_s);
		free(l3);
	}
}

static void errors(void **state)
{
	static const struct {
		enum group_msg_error error;
		struct raw raw;
	} row[] = {
		{GROUP_MSG_OK, {REPORT4}},
		{GROUP_MSG_OK, {REPORT4, .pad = 14}}, /* Ethernet padding: not of the packet */
		{GROUP_MSG_E_TRUNCATED, {REPORT4, .cut = 1}},
		{GROUP_MSG_E_TRUNCATED, {REPORT4, .cut = 13}},
		{GROUP_MSG_E_TRUNCATED, {REPORT4, .length_off = 1}},
		{GROUP_MSG_E_IP_HEADER, {REPORT4, .length_off = -9}}, /* shorter than its header */
		{GROUP_MSG_E_IP_HEADER, {REPORT4, .options = "94000000"}},
		{GROUP_MSG_E_IP_HEADER, {REPORT4, .options = "01010107"}},
		{GROUP_MSG_E_IP_HEADER, {REPORT4, .options = "01940400"}},
		{GROUP_MSG_E_IP_HEADER, {REPORT4, .options = "07010000"}},
		{GROUP_MSG_E_IP_CHECKSUM, {REPORT4, .wrong = RAW_IP_SUM}},
		{GROUP_MSG_E_FRAGMENT, {REPORT4, .fragment = 0x2000}},
		{GROUP_MSG_E_FRAGMENT, {REPORT4, .fragment = 0x0001}},
		{GROUP_MSG_OK, {REPORT4, .fragment = 0x4000}}, /* DF */
		{GROUP_MSG_E_CHECKSUM, {REPORT4, .wrong = RAW_SUM}},
		{GROUP_MSG_E_CHECKSUM, {"10.0.0.9", "224.0.0.4", "13010000", .wrong = RAW_SUM}},
		{GROUP_MSG_E_CHECKSUM,
			{"10.0.0.1", "224.0.0.13", "20000000", .protocol = 103, .wrong = RAW_SUM}},
		{GROUP_MSG_E_LENGTH, {"10.0.0.9", "224.5.5.5", "16 00 0000 e00505"}},
		{GROUP_MSG_E_LENGTH, {"10.0.0.9", "224.5.5.5", ""}},
		{GROUP_MSG_E_LENGTH, {"10.0.0.9", "224.0.0.1", "11 64 0000 00000000 02"}},
		{GROUP_MSG_E_LENGTH, {"10.0.0.9", "224.0.0.1", "11 64 0000 00000000 027d00"}},
		{GROUP_MSG_E_LENGTH, /* one source of two */
			{"10.0.0.9", "224.5.5.5", "11 64 0000 e0050505 027d0002 0a000001 0a0000"}},
		{GROUP_MSG_E_LENGTH, {"10.0.0.9", "224.0.0.106", "30 1e 0000"}},
		{GROUP_MSG_E_LENGTH, {"10.0.0.1", "224.0.0.13", "20", .protocol = 103}},
		{GROUP_MSG_E_LENGTH, /* a hello's option that ends outside */
			{"10.0.0.1", "224.0.0.13", "20000000 00010002 00", .protocol = 103}},
		{GROUP_MSG_E_LENGTH,
			{"10.0.0.1", "224.0.0.13", "20000000 0001ffff", .protocol = 103}},
		{GROUP_MSG_E_RECORD, {"10.0.0.9", "224.0.0.22", REPORT_V3 "0001"}},
		{GROUP_MSG_E_RECORD, {"10.0.0.9", "224.0.0.22", REPORT_V3 "0001 04000000 e00505"}},
		{GROUP_MSG_E_RECORD, /* a source, auxiliary data, an unknown type too far */
			{"10.0.0.9", "224.0.0.22", REPORT_V3 "0001 04000001 e0050505 0a0000"}},
		{GROUP_MSG_E_RECORD,
			{"10.0.0.9", "224.0.0.22", REPORT_V3 "0001 04010000 e0050505 aaaaaa"}},
		{GROUP_MSG_E_RECORD,
			{"10.0.0.9", "224.0.0.22", REPORT_V3 "0001 63ffffff e0050505 aaaaaaaa"}},
		{GROUP_MSG_E_RECORD, /* the first is sound, the second is not there */
			{"10.0.0.9", "224.0.0.22", REPORT_V3 "0002 04000000 e0050505"}},
		{GROUP_MSG_E_GROUP, {"10.0.0.9", "224.5.5.5", "16 00 0000 0a000001"}},
		{GROUP_MSG_E_GROUP, {"10.0.0.9", "224.0.0.2", "17 00 0000 00000000"}},
		{GROUP_MSG_E_GROUP, {"10.0.0.9", "224.0.0.1", "11 64 0000 0a000001"}},
		{GROUP_MSG_E_GROUP, /* sources of no group */
			{"10.0.0.9", "224.0.0.1", "11 64 0000 00000000 027d0001 0a000001"}},
		{GROUP_MSG_E_GROUP, {"10.0.0.9", "224.0.0.22", REPORT_V3 "0001 04000000 0a000001"}},
		{GROUP_MSG_OK, /* but nothing is read of an unknown record */
			{"10.0.0.9", "224.0.0.22", REPORT_V3 "0001 63000000 0a000001"}},
		{GROUP_MSG_E_SOURCE, {"224.5.5.5", "224.5.5.5", "16 00 0000 e0050505"}},
		{GROUP_MSG_E_SOURCE, {"255.255.255.255", "224.5.5.5", "16 00 0000 e0050505"}},
		{GROUP_MSG_E_SOURCE, {"127.0.0.1", "224.5.5.5", "16 00 0000 e0050505"}},
		{GROUP_MSG_E_NOT_MEMBERSHIP, {REPORT4, .protocol = 17}},
		{GROUP_MSG_E_NOT_MEMBERSHIP, {REPORT4, .protocol = 58}},
		{GROUP_MSG_E_NOT_MEMBERSHIP, /* PIM registers are a router's unicast */
			{"10.0.0.1", "10.0.0.2", "21 00 0000 00000000", .protocol = 103}},

		{GROUP_MSG_OK, {REPORT6}},
		{GROUP_MSG_OK, {REPORT6, .pad = 3}},
		{GROUP_MSG_E_TRUNCATED, {REPORT6, .cut = 1}},
		{GROUP_MSG_E_TRUNCATED, {REPORT6, .cut = 40}},
		{GROUP_MSG_E_TRUNCATED, {REPORT6, .length_off = 1}},
		{GROUP_MSG_E_TRUNCATED, /* a hop-by-hop header longer than the packet */
			{REPORT6, .chain = "3aff 05020000 0100", .chain_first = 0}},
		{GROUP_MSG_E_IP_HEADER, /* an option longer than its header */
			{REPORT6, .chain = "3a00 05050000 0100", .chain_first = 0}},
		{GROUP_MSG_E_IP_HEADER, /* hop-by-hop not first, RFC 8200 4.1 */
			{REPORT6, .chain = PADDING_THEN("00") HBH_THEN("3a"), .chain_first = 60}},
		{GROUP_MSG_E_IP_HEADER, /* endless */
			{REPORT6, .chain = PADDING_X8 PADDING_THEN("3a"), .chain_first = 60}},
		{GROUP_MSG_E_FRAGMENT, /* first, later, first without its type */
			{REPORT6, .chain = HBH_THEN("2c") "3a000001 00000001", .chain_first = 0}},
		{GROUP_MSG_E_FRAGMENT,
			{REPORT6, .chain = HBH_THEN("2c") "3a000008 00000001", .chain_first = 0}},
		{GROUP_MSG_E_FRAGMENT, {"fe80::9", "ff02::16", "", .chain = "3a000001 00000001",
					       .chain_first = 44}},
		{GROUP_MSG_E_FRAGMENT, {"fe80::9", "ff02::16", "", .chain = "3c000001 00000001",
					       .chain_first = 44}},
		{GROUP_MSG_OK, /* a fragment that is all, RFC 6946 */
			{REPORT6, .chain = HBH_THEN("2c") "3a000000 00000001", .chain_first = 0}},
		{GROUP_MSG_OK, /* its reserved bits are ignored, RFC 8200 4.5 */
			{REPORT6, .chain = HBH_THEN("2c") "3aff0006 00000001", .chain_first = 0}},
		{GROUP_MSG_E_FRAGMENT, /* a later one has no type */
			{"fe80::9", "ff02::1", "80000000", .chain = "3a000008 00000001",
				.chain_first = 44}},
		{GROUP_MSG_E_NOT_MEMBERSHIP, /* a fragmented ping is not ours */
			{"fe80::9", "ff02::1", "80000000", .chain = "3a000001 00000001",
				.chain_first = 44}},
		{GROUP_MSG_E_CHECKSUM, {REPORT6, .wrong = RAW_SUM}},
		{GROUP_MSG_E_LENGTH, {"fe80::9", "ff02::1", "82 00 0000 2710 0000"}},
		{GROUP_MSG_E_LENGTH, {"fe80::9", "ff02::1", "82 00 0000 2710 0000" ANY6 "027d00"}},
		{GROUP_MSG_E_LENGTH,
			{"fe80::9", "ff3e::8001", "82 00 0000 2710 0000" FF3E "027d0001"}},
		{GROUP_MSG_E_LENGTH, {"fe80::9", "ff02::1", ""}},
		{GROUP_MSG_E_RECORD, {"fe80::9", "ff02::16", REPORT_MLD2 "0001 04000001" FF3E}},
		{GROUP_MSG_E_RECORD, /* auxiliary data counts words here too */
			{"fe80::9", "ff02::16", REPORT_MLD2 "0001 04020000" FF3E "aaaaaaaa"}},
		{GROUP_MSG_E_GROUP, {"fe80::9", "ff02::16", REPORT_MLD2 "0001 04000000" LL6}},
		{GROUP_MSG_E_GROUP, {"fe80::9", "ff02::1", "83 00 0000 0000 0000" ANY6}},
		{GROUP_MSG_E_GROUP, /* 224.5.5.5 in IPv6 clothes */
			{"fe80::9", "ff02::1",
				"83 00 0000 0000 0000 00000000000000000000ffffe0050505"}},
		{GROUP_MSG_E_GROUP,
			{"fe80::9", "ff02::16",
				REPORT_MLD2 "0001 04000000 00000000000000000000ffffe0050505"}},
		{GROUP_MSG_E_GROUP, /* and 0.0.0.0 */
			{"fe80::9", "ff02::1",
				"82000000 27100000 00000000000000000000ffff00000000"}},
		{GROUP_MSG_E_SOURCE, {"ff02::1", "ff3e::8001", "83 00 0000 0000 0000" FF3E}},
		{GROUP_MSG_E_SOURCE, {"::1", "ff3e::8001", "83 00 0000 0000 0000" FF3E}},
		{GROUP_MSG_E_SOURCE, {"::ffff:10.0.0.9", "ff02::1", "82 00 0000 2710 0000" ANY6}},
		{GROUP_MSG_E_NOT_MEMBERSHIP, {"fe80::9", "ff02::1", "80 00 0000 0001 0001"}},
		{GROUP_MSG_E_NOT_MEMBERSHIP, {REPORT6, .protocol = 17}},
		{GROUP_MSG_E_NOT_MEMBERSHIP, {REPORT6, .protocol = 2}},
	};
	unsigned int seen[GROUP_MSG_N_ERRORS] = {0};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct group_msg m;
		uint8_t *l3;
		enum group_msg_error e;

		e = parse(&row[i].raw, &l3, &m);
		if (e != row[i].error)
			print_error("row %zu: %s\n", i, group_msg_error_name(e));
		assert_int_equal(e, row[i].error);
		seen[e]++;
		free(l3);
	}
	for (unsigned int e = 0; e < GROUP_MSG_N_ERRORS; e++)
		assert_int_not_equal(seen[e], 0);
}

static void versions_of_ip(void **state)
{
	uint8_t p[64] = {0};
	struct group_msg m;

	assert_int_equal(group_msg_parse(p, 0, &m), GROUP_MSG_E_TRUNCATED);
	assert_int_equal(group_msg_parse(p, sizeof(p), &m), GROUP_MSG_E_IP_HEADER);
	p[0] = 0x44; /* four words of header */
	p[3] = sizeof(p);
	assert_int_equal(group_msg_parse(p, sizeof(p), &m), GROUP_MSG_E_IP_HEADER);
	p[0] = 0x45;
	assert_int_equal(group_msg_parse(p, 19, &m), GROUP_MSG_E_TRUNCATED);
	p[0] = 0x60;
	assert_int_equal(group_msg_parse(p, 39, &m), GROUP_MSG_E_TRUNCATED);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds),
		cmocka_unit_test(errors),
		cmocka_unit_test(versions_of_ip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

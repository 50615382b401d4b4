/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pkt/eth.h"
#include "pkt/group_msg.h"
#include "pkt_raw.h"

/* What the switch sends: the paper's figures octet by octet, and every kind there and back. */

#define GUEST "00:50:56:a2:7d:63"

static uint8_t frame[RAW_SIZE + 64], expected[2048];

static void assert_frame(int size, const char *hex)
{
	assert_int_equal(size, raw_hex(hex, expected));
	assert_memory_equal(frame, expected, (size_t)size);
}

/* Figures 4 and 5, 60 octets on the wire. TOS, DF and the IPv4 checksum are not in the paper:
 * TOS 0xc0 is RFC 3376's. Figure 5 prints 0x8efe, which its fields do not add up to. */
static void paper_queries(void **state)
{
	struct group_query q = {
		.version = 2,
		.eth_destination = raw_mac(GUEST),
		.source = raw_ip("10.0.0.0"),
		.group = raw_ip("0.0.0.0"),
		.max_response = 100 * NSEC_PER_MS,
		.min_frame_size = ETH_MIN_SIZE,
	};

	assert_frame(group_query_build(&q, frame, ETH_MIN_SIZE),
		"005056a27d63 000000000000 0800"
		"45c0 001c 0000 4000 0102 8f1f 0a000000 e0000001"
		"11 01 eefe 00000000"
		"000000000000000000000000000000000000");
	q.version = 3;
	assert_frame(group_query_build(&q, frame, ETH_MIN_SIZE),
		"005056a27d63 000000000000 0800"
		"45c0 0020 0000 4000 0102 8f1b 0a000000 e0000001"
		"11 01 eefe 00000000 00 00 0000"
		"0000000000000000000000000000");
}

/* Figures 6 and 7: 46 and 54 octets are what router alert makes of them. */
static void paper_reports(void **state)
{
	struct group_report_record record = {.type = GROUP_RECORD_TO_EX};
	struct group_report r = {
		.version = 2,
		.eth_source = raw_mac(GUEST),
		.source = raw_ip("192.168.20.101"),
		.router_alert = true,
		.n_records = 1,
		.records = &record,
	};

	record.group = raw_ip("224.5.5.5");
	assert_frame(group_report_build(&r, frame, sizeof(frame)),
		"01005e050505 005056a27d63 0800"
		"46c0 0020 0000 4000 0102 2a00 c0a81465 e0050505 94040000"
		"16 00 04f5 e0050505");
	r.version = 3;
	assert_frame(group_report_build(&r, frame, sizeof(frame)),
		"01005e000016 005056a27d63 0800"
		"46c0 0028 0000 4000 0102 2eec c0a81465 e0000016 94040000"
		"22 00 f4f3 0000 0001 04 00 0000 e0050505");
}

static const struct {
	const char *source, *group;
	uint8_t version;
	const char *to; /* Ethernet; what the IP destination gives */
	uint64_t response_ms, parsed_ms;
	uint8_t robustness, parsed_robustness;
	uint32_t interval_s, parsed_s;
	uint16_t n_sources;
} queries[] = {
	{"10.0.0.1", "0.0.0.0", 1, "01:00:5e:00:00:01", 5000, 10000},
	{"10.0.0.1", "0.0.0.0", 2, "01:00:5e:00:00:01", 10000, 10000},
	{"10.0.0.1", "0.0.0.0", 2, "01:00:5e:00:00:01", 0, 100}, /* 0 is version 1 */
	{"10.0.0.1", "0.0.0.0", 2, "01:00:5e:00:00:01", 30000, 25500},
	{"10.0.0.1", "224.1.5.6", 2, "01:00:5e:01:05:06", 1000, 1000},
	{"10.0.0.1", "0.0.0.0", 3, "01:00:5e:00:00:01", 10000, 10000, 2, 2, 125, 125},
	{"10.0.0.1", "0.0.0.0", 3, "01:00:5e:00:00:01", 149, 100, 7, 7, 130, 128},
	{"10.0.0.1", "0.0.0.0", 3, "01:00:5e:00:00:01", 150, 200, 8, 0, 0, 0},
	{"10.0.0.1", "0.0.0.0", 3, "01:00:5e:00:00:01", 13200, 12800, 255, 0},
	{"10.0.0.1", "0.0.0.0", 3, "01:00:5e:00:00:01", 13300, 13600},
	{"10.0.0.1", "0.0.0.0", 3, "01:00:5e:00:00:01", 99999999, 3174400},
	{"0.0.0.0", "239.1.1.1", 3, "01:00:5e:01:01:01", 1000, 1000, 2, 2, 125, 125, 0},
	{"10.0.0.1", "239.1.1.1", 3, "01:00:5e:01:01:01", 1000, 1000, 2, 2, 125, 125, 3},
	{"fe80::1", "::", 1, "33:33:00:00:00:01", 10000, 10000},
	{"fe80::1", "::", 1, "33:33:00:00:00:01", 0, 0},
	{"fe80::1", "::", 1, "33:33:00:00:00:01", 70000, 65535},
	{"fe80::1", "ff3e::8001", 1, "33:33:00:00:80:01", 1000, 1000},
	{"fe80::1", "::", 2, "33:33:00:00:00:01", 10000, 10000, 2, 2, 125, 125},
	{"fe80::1", "::", 2, "33:33:00:00:00:01", 32772, 32768},
	{"fe80::1", "::", 2, "33:33:00:00:00:01", 32773, 32776},
	{"fe80::1", "::", 2, "33:33:00:00:00:01", 9999999, 8387584},
	{"fe80::1", "ff3e::8001", 2, "33:33:00:00:80:01", 1000, 1000, 2, 2, 125, 125, 0},
	{"fe80::1", "ff3e::8001", 2, "33:33:00:00:80:01", 1000, 1000, 2, 2, 125, 125, 3},
};

static void queries_return(void **state)
{
	for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
		bool v6 = strchr(queries[i].source, ':') != NULL;
		struct ip_addr sources[3] = {raw_ip(v6 ? "2001:db8::1" : "10.1.0.1"),
			raw_ip(v6 ? "2001:db8::2" : "10.1.0.2"),
			raw_ip(v6 ? "2001:db8::3" : "10.1.0.3")};
		struct group_query q = {
			.version = queries[i].version,
			.eth_source = raw_mac("02:00:00:00:00:01"),
			.source = raw_ip(queries[i].source),
			.group = raw_ip(queries[i].group),
			.max_response = nsec_from_ms(queries[i].response_ms),
			.router_alert = true,
			.suppress = true,
			.robustness = queries[i].robustness,
			.query_interval_s = queries[i].interval_s,
			.n_sources = queries[i].n_sources,
			.sources = sources,
		};
		struct mac_addr to = raw_mac(queries[i].to), got;
		struct group_msg m;
		int size = group_query_build(&q, frame, sizeof(frame));

		print_message("query %zu\n", i);
		assert_true(size > 0);
		got = eth_destination(frame);
		assert_true(mac_equal(&got, &to));
		assert_int_equal(group_query_build(&q, frame, (size_t)size - 1), -ENOSPC);
		assert_int_equal(group_msg_parse(frame + 14, (size_t)size - 14, &m), GROUP_MSG_OK);
		assert_int_equal(m.type, GROUP_MSG_QUERY);
		assert_int_equal(m.version, q.version);
		assert_int_equal(m.odd, 0);
		assert_true(ip_equal(&m.source, &q.source));
		assert_true(ip_equal(&m.group, &q.group));
		assert_int_equal(nsec_to_ms(m.max_response), queries[i].parsed_ms);
		assert_int_equal(m.suppress, q.version == (v6 ? 2 : 3));
		assert_int_equal(m.robustness, queries[i].parsed_robustness);
		assert_int_equal(m.query_interval_s, queries[i].parsed_s);
		assert_int_equal(m.n_sources, q.n_sources);
		for (uint16_t s = 0; s < m.n_sources; s++) {
			struct ip_addr source = group_msg_query_source(&m, s);

			assert_true(ip_equal(&source, &sources[s]));
		}
	}
}

static const struct {
	const char *source, *group;
	uint8_t version;
	bool leave;
	enum group_msg_type type;
	const char *to;
	int size;
} reports[] = {
	{"10.0.0.9", "224.1.5.6", 1, false, GROUP_MSG_REPORT, "01:00:5e:01:05:06", 46},
	{"10.0.0.9", "224.1.5.6", 2, false, GROUP_MSG_REPORT, "01:00:5e:01:05:06", 46},
	{"10.0.0.9", "224.1.5.6", 2, true, GROUP_MSG_LEAVE, "01:00:5e:00:00:02", 46},
	{"10.0.0.9", "224.1.5.6", 3, false, GROUP_MSG_RECORDS, "01:00:5e:00:00:16", 54},
	{"fe80::9", "ff3e::8001", 1, false, GROUP_MSG_REPORT, "33:33:00:00:80:01", 86},
	{"fe80::9", "ff3e::8001", 1, true, GROUP_MSG_LEAVE, "33:33:00:00:00:02", 86},
	{"fe80::9", "ff3e::8001", 2, false, GROUP_MSG_RECORDS, "33:33:00:00:00:16", 90},
	{"::", "ff3e::8001", 2, false, GROUP_MSG_RECORDS, "33:33:00:00:00:16", 90},
};

static void reports_return(void **state)
{
	for (size_t i = 0; i < sizeof(reports) / sizeof(reports[0]); i++) {
		struct group_report_record record = {GROUP_RECORD_TO_EX, raw_ip(reports[i].group)};
		struct group_report r = {
			.version = reports[i].version,
			.eth_source = raw_mac(GUEST),
			.source = raw_ip(reports[i].source),
			.leave = reports[i].leave,
			.router_alert = true,
			.n_records = 1,
			.records = &record,
		};
		struct mac_addr to = raw_mac(reports[i].to), got;
		struct group_msg m;
		int size = group_report_build(&r, frame, sizeof(frame));

		print_message("report %zu\n", i);
		assert_int_equal(size, reports[i].size);
		got = eth_destination(frame);
		assert_true(mac_equal(&got, &to));
		got = eth_source(frame);
		assert_true(mac_equal(&got, &r.eth_source));
		assert_int_equal(group_report_build(&r, frame, (size_t)size - 1), -ENOSPC);
		assert_int_equal(group_msg_parse(frame + 14, (size_t)size - 14, &m), GROUP_MSG_OK);
		assert_int_equal(m.type, reports[i].type);
		assert_int_equal(m.version, r.version);
		assert_int_equal(m.odd, 0);
		assert_true(ip_equal(&m.source, &r.source));
		assert_int_equal(m.n_records, m.type == GROUP_MSG_RECORDS);
		if (m.type != GROUP_MSG_RECORDS)
			assert_true(ip_equal(&m.group, &record.group));
	}
}

static void records_return(void **state)
{
	static const char *const text[][6] = {
		{"224.5.5.5", "232.1.1.1", "10.1.0.1", "10.1.0.2", "10.0.0.9"},
		{"ff3e::8001", "ff05::2", "2001:db8::1", "2001:db8::2", "fe80::9"},
	};

	for (unsigned int v6 = 0; v6 < 2; v6++) {
		struct ip_addr sources[2] = {raw_ip(text[v6][2]), raw_ip(text[v6][3])};
		struct group_report_record sent[3] = {
			{GROUP_RECORD_IS_EX, raw_ip(text[v6][0])},
			{GROUP_RECORD_ALLOW, raw_ip(text[v6][1]), 2, sources},
			{GROUP_RECORD_BLOCK, raw_ip(text[v6][0]), 1, sources + 1},
		};
		struct group_report r = {
			.version = v6 ? 2 : 3,
			.source = raw_ip(text[v6][4]),
			.n_records = 3,
			.records = sent,
		};
		struct group_record_iter it;
		struct group_record got;
		struct group_msg m;
		int size = group_report_build(&r, frame, sizeof(frame));

		assert_int_equal(group_msg_parse(frame + 14, (size_t)size - 14, &m), GROUP_MSG_OK);
		assert_int_equal(m.odd, v6 ? 0 : GROUP_MSG_ODD_ALERT);
		it = group_msg_records(&m);
		for (unsigned int i = 0; i < 3; i++) {
			assert_true(group_record_next(&it, &got));
			assert_int_equal(got.type, sent[i].type);
			assert_true(ip_equal(&got.group, &sent[i].group));
			assert_int_equal(got.n_sources, sent[i].n_sources);
			for (uint16_t s = 0; s < got.n_sources; s++) {
				struct ip_addr source = group_record_source(&got, s);

				assert_true(ip_equal(&source, &sent[i].sources[s]));
			}
		}
		assert_false(group_record_next(&it, &got));
	}
}

/* Hop limit 1 and hop-by-hop router alert, RFC 3810 5: asked for or not. */
static void mld_frame(void **state)
{
	struct group_query q = {
		.version = 2,
		.eth_source = raw_mac("02:00:00:00:00:01"),
		.source = raw_ip("fe80::1"),
		.group = raw_ip("::"),
		.max_response = 100 * NSEC_PER_MS,
	};
	int size = group_query_build(&q, frame, sizeof(frame));

	/* the checksum by hand: fe80 + 1 + ff02 + 1 + 1c + 3a + 8200 + 64 */
	assert_frame(size, "333300000001 020000000001 86dd"
			   "60000000 0024 00 01"
			   "fe800000000000000000000000000001 ff020000000000000000000000000001"
			   "3a 00 0502 0000 0100"
			   "82 00 7fbf 0064 0000 00000000000000000000000000000000 00 00 0000");
}

static void refused(void **state)
{
	struct ip_addr v4 = raw_ip("10.0.0.1"), group4 = raw_ip("224.5.5.5"), source = v4;
	struct ip_addr v6 = raw_ip("fe80::1"), group6 = raw_ip("ff3e::8001"), any4, any6;
	struct group_report_record record4 = {GROUP_RECORD_TO_EX, group4};
	struct group_report_record record6 = {GROUP_RECORD_TO_EX, group6};
	struct group_report_record unicast = {GROUP_RECORD_TO_EX, v4};

	any4 = raw_ip("0.0.0.0");
	any6 = raw_ip("::");
	const struct group_query q[] = {
		{.version = 0, .source = v4, .group = any4},
		{.version = 4, .source = v4, .group = any4},
		{.version = 3, .source = v6, .group = any6},
		{.version = 1, .source = v4, .group = group4}, /* RFC 1112 has only general ones */
		{.version = 2, .source = v4, .group = group6},
		{.version = 2, .source = v6, .group = group4},
		{.version = 2, .source = v4, .group = v4},
		{.version = 3, .source = v4, .group = any4, .n_sources = 1, .sources = &source},
	};
	const struct group_report r[] = {
		{.version = 0, .source = v4, .n_records = 1, .records = &record4},
		{.version = 4, .source = v4, .n_records = 1, .records = &record4},
		{.version = 3, .source = v6, .n_records = 1, .records = &record6},
		{.version = 1, .source = v4, .leave = true, .n_records = 1, .records = &record4},
		{.version = 3, .source = v4, .leave = true, .n_records = 1, .records = &record4},
		{.version = 2, .source = v6, .leave = true, .n_records = 1, .records = &record6},
		{.version = 2, .source = v4, .n_records = 0, .records = &record4},
		{.version = 3, .source = v4, .n_records = 1, .records = &record6},
		{.version = 3, .source = v4, .n_records = 1, .records = &unicast},
	};

	for (size_t i = 0; i < sizeof(q) / sizeof(q[0]); i++)
		assert_int_equal(group_query_build(&q[i], frame, sizeof(frame)), -EINVAL);
	for (size_t i = 0; i < sizeof(r) / sizeof(r[0]); i++)
		assert_int_equal(group_report_build(&r[i], frame, sizeof(frame)), -EINVAL);
}

/* More sources than an IP packet has room for. */
static void too_long(void **state)
{
	static struct ip_addr sources[UINT16_MAX];
	struct group_query q = {
		.version = 3,
		.source = raw_ip("10.0.0.1"),
		.group = raw_ip("224.5.5.5"),
		.n_sources = UINT16_MAX,
		.sources = sources,
	};

	assert_int_equal(group_query_build(&q, frame, sizeof(frame)), -ENOSPC);
	q.n_sources = (UINT16_MAX - 20 - 12) / 4;
	assert_int_equal(group_query_build(&q, frame, sizeof(frame)), 14 + 20 + 12 + 4 * 16375);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(paper_queries),
		cmocka_unit_test(paper_reports),
		cmocka_unit_test(queries_return),
		cmocka_unit_test(reports_return),
		cmocka_unit_test(records_return),
		cmocka_unit_test(mld_frame),
		cmocka_unit_test(refused),
		cmocka_unit_test(too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

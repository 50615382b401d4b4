/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "pkt/group_msg.h"
#include "pkt_raw.h"

/* The iterators over records and sources, and the floating point codes. */

static uint8_t scratch[RAW_SIZE];

/* Records and sources as one line of text: "4 224.5.5.5 | 1 224.1.1.1 10.0.0.1 10.0.0.2 | " */
static void describe(const struct group_msg *m, char *text, size_t size)
{
	struct group_record_iter it = group_msg_records(m);
	struct group_record r;
	char ip[IP_STR_SIZE];
	size_t n = 0;

	text[0] = '\0';
	while (group_record_next(&it, &r)) {
		n += (size_t)snprintf(
			text + n, size - n, "%d %s", (int)r.type, ip_format(&r.group, ip));
		for (uint16_t i = 0; i < r.n_sources; i++) {
			struct ip_addr source = group_record_source(&r, i);

			n += (size_t)snprintf(text + n, size - n, " %s", ip_format(&source, ip));
		}
		n += (size_t)snprintf(text + n, size - n, " | ");
	}
}

static void records(void **state)
{
	static const struct {
		struct raw raw;
		const char *expected;
		uint16_t n_records;
		size_t body_size;
	} row[] = {
		{{"10.0.0.9", "224.0.0.22", REPORT_V3 "0000"}, "", 0, 0},
		{{"10.0.0.9", "224.0.0.22",
			 REPORT_V3 "0002 04000000 e0050505"
				   "05000002 e0010101 0a000001 0a000002"},
			"4 224.5.5.5 | 5 224.1.1.1 10.0.0.1 10.0.0.2 | ", 2, 24},
		/* all six types, RFC 3376 4.2.12 */
		{{"10.0.0.9", "224.0.0.22",
			 REPORT_V3 "0006 01000000 e0050501 02000000 e0050502 03000000 e0050503"
				   "04000000 e0050504 05000000 e0050505 06000000 e0050506"},
			"1 224.5.5.1 | 2 224.5.5.2 | 3 224.5.5.3 | 4 224.5.5.4 | "
			"5 224.5.5.5 | 6 224.5.5.6 | ",
			6, 48},
		/* auxiliary data: 2 words, not 2 octets, and behind the sources */
		{{"10.0.0.9", "224.0.0.22",
			 REPORT_V3 "0002 01020001 e0050505 0a000001 aaaaaaaa bbbbbbbb"
				   "06000001 e0010101 0a000002"},
			"1 224.5.5.5 10.0.0.1 | 6 224.1.1.1 10.0.0.2 | ", 2, 32},
		/* unknown types 0, 7 and 255 are skipped with sources and auxiliary data */
		{{"10.0.0.9", "224.0.0.22",
			 REPORT_V3 "0005 00000000 e0050505 07010001 e0010101 0a000001 04000000"
				   "03000000 e0020202 ff020000 04000000 04000000 04000000"
				   "04000000 e0030303"},
			"3 224.2.2.2 | 4 224.3.3.3 | ", 5, 56},
		{{"10.0.0.9", "224.0.0.22", REPORT_V3 "0001 63000000 e0050505"}, "", 1, 8},
		/* octets after the last record are not one more, RFC 3376 4.2.11 */
		{{"10.0.0.9", "224.0.0.22", REPORT_V3 "0001 04000000 e0050505 04000000 e0010101"},
			"4 224.5.5.5 | ", 1, 8},
		{{"fe80::9", "ff02::16",
			 REPORT_MLD2 "0003 01010001" FF3E LL6 "aaaaaaaa 09000001" FF3E LL6
				     "04000000" FF3E},
			"1 ff3e::8001 fe80::1 | 4 ff3e::8001 | ", 3, 96},
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		size_t size = raw_packet(&row[i].raw, scratch);
		struct group_msg m;
		char text[512];

		assert_int_equal(group_msg_parse(scratch, size, &m), GROUP_MSG_OK);
		assert_int_equal(m.n_records, row[i].n_records);
		assert_int_equal(m.body_size, row[i].body_size);
		describe(&m, text, sizeof(text));
		assert_string_equal(text, row[i].expected);
	}
}

static void records_of_other_messages(void **state)
{
	static const struct raw raw = {REPORT4};
	struct group_record_iter it;
	struct group_record r;
	struct group_msg m;

	assert_int_equal(group_msg_parse(scratch, raw_packet(&raw, scratch), &m), GROUP_MSG_OK);
	it = group_msg_records(&m);
	assert_false(group_record_next(&it, &r));
}

static void query_sources(void **state)
{
	static const struct raw v4 = {
		"10.0.0.1", "224.5.5.5", "11 64 0000 e0050505 027d0002 0a000001 0a000002"};
	static const struct raw v6 = {
		"fe80::1", "ff3e::8001", "82 00 0000 2710 0000" FF3E "027d0002" LL6 FF3E};
	struct ip_addr first = raw_ip("10.0.0.1"), second = raw_ip("10.0.0.2");
	struct ip_addr first6 = raw_ip("fe80::1"), second6 = raw_ip("ff3e::8001"), got;
	struct group_msg m;

	assert_int_equal(group_msg_parse(scratch, raw_packet(&v4, scratch), &m), GROUP_MSG_OK);
	got = group_msg_query_source(&m, 0);
	assert_true(ip_equal(&got, &first));
	got = group_msg_query_source(&m, 1);
	assert_true(ip_equal(&got, &second));
	assert_int_equal(m.body_size, 8);

	assert_int_equal(group_msg_parse(scratch, raw_packet(&v6, scratch), &m), GROUP_MSG_OK);
	got = group_msg_query_source(&m, 0);
	assert_true(ip_equal(&got, &first6));
	got = group_msg_query_source(&m, 1);
	assert_true(ip_equal(&got, &second6));
	assert_int_equal(m.body_size, 32);
}

/* RFC 3376 4.1.1: (mant | 0x10) << (exp + 3); RFC 3810 5.1.3: (mant | 0x1000) << (exp + 3) */
static void codes(void **state)
{
	static const struct {
		uint8_t code;
		uint32_t value;
	} row8[] = {{0, 0}, {1, 1}, {127, 127}, {0x80, 128}, {0x81, 136}, {0x8f, 248}, {0x90, 256},
		{0xa3, 608}, {0xf0, 16384}, {0xff, 31744}};
	static const struct {
		uint16_t code;
		uint32_t value;
	} row16[] = {{0, 0}, {10000, 10000}, {32767, 32767}, {0x8000, 32768}, {0x8001, 32776},
		{0x9000, 65536}, {0xffff, 8387584}};

	for (size_t i = 0; i < sizeof(row8) / sizeof(row8[0]); i++) {
		assert_int_equal(group_code8_decode(row8[i].code), row8[i].value);
		assert_int_equal(group_code8_encode(row8[i].value), row8[i].code);
	}
	for (size_t i = 0; i < sizeof(row16) / sizeof(row16[0]); i++) {
		assert_int_equal(group_code16_decode(row16[i].code), row16[i].value);
		assert_int_equal(group_code16_encode(row16[i].value), row16[i].code);
	}
	/* down to what can be said, and no further than the largest */
	assert_int_equal(group_code8_encode(135), 0x80);
	assert_int_equal(group_code8_encode(255), 0x8f);
	assert_int_equal(group_code8_encode(31745), 0xff);
	assert_int_equal(group_code8_encode(UINT32_MAX), 0xff);
	assert_int_equal(group_code16_encode(32775), 0x8000);
	assert_int_equal(group_code16_encode(UINT32_MAX), 0xffff);
}

static void codes_all(void **state)
{
	for (uint32_t code = 0; code <= UINT8_MAX; code++)
		assert_int_equal(group_code8_encode(group_code8_decode((uint8_t)code)), code);
	for (uint32_t code = 0; code <= UINT16_MAX; code++) {
		uint32_t value = group_code16_decode((uint16_t)code);

		assert_int_equal(group_code16_encode(value), code);
		if (code > 0)
			assert_int_equal(group_code16_encode(value - 1), code - 1);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(records),
		cmocka_unit_test(records_of_other_messages),
		cmocka_unit_test(query_sources),
		cmocka_unit_test(codes),
		cmocka_unit_test(codes_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pkt/group_msg.h"
#include "pkt_raw.h"

/* Around the message: what strict validation minds, and what the worker punts. */

static uint8_t scratch[RAW_SIZE];

static void oddities(void **state)
{
	static const struct {
		unsigned int odd;
		struct raw raw;
	} row[] = {
		{GROUP_MSG_ODD_TTL, {REPORT4, .ttl = 2}},
		{GROUP_MSG_ODD_ALERT, {REPORT4, .wrong = RAW_NO_ALERT}},
		{GROUP_MSG_ODD_ALERT, {REPORT4, .options = "94040001"}},
		{0, {REPORT4, .options = "0194040000 000000"}},
		{0, {"10.0.0.9", "224.5.5.5", "12 00 0000 e0050505", .wrong = RAW_NO_ALERT}},
		{GROUP_MSG_ODD_DESTINATION, {"10.0.0.9", "224.0.0.1", "16 00 0000 e0050505"}},
		{GROUP_MSG_ODD_DESTINATION, {"10.0.0.9", "224.0.0.1", "17 00 0000 e0050505"}},
		{0, {"10.0.0.9", "224.5.5.5", "17 00 0000 e0050505"}}, /* RFC 2236 9 */
		{GROUP_MSG_ODD_DESTINATION, {"10.0.0.9", "224.5.5.5", REPORT_V3 "0000"}},
		{GROUP_MSG_ODD_DESTINATION, {"10.0.0.1", "10.0.0.9", "11 64 0000 00000000"}},
		{GROUP_MSG_ODD_DESTINATION, {"10.0.0.1", "224.0.0.1", "11 64 0000 e0050505"}},
		{GROUP_MSG_ODD_DESTINATION, {"10.0.0.1", "224.0.0.2", "30 1e 0000 007d0002"}},
		{GROUP_MSG_ODD_DESTINATION, {"10.0.0.1", "224.0.0.1", "20000000", .protocol = 103}},
		{GROUP_MSG_ODD_TTL | GROUP_MSG_ODD_ALERT | GROUP_MSG_ODD_DESTINATION,
			{"10.0.0.9", "224.0.0.1", "16 00 0000 e0050505", .ttl = 64,
				.wrong = RAW_NO_ALERT}},
		{GROUP_MSG_ODD_TTL, {REPORT6, .ttl = 255}},
		{GROUP_MSG_ODD_ALERT, {REPORT6, .wrong = RAW_NO_ALERT}},
		{GROUP_MSG_ODD_ALERT, {REPORT6, .chain = "", .chain_first = 58}},
		{GROUP_MSG_ODD_ALERT, {REPORT6, .chain = HBH_THEN("3a"), .chain_first = 60}},
		{0, {REPORT6, .chain = "3a00 00 05020000 00", .chain_first = 0}},
		{0, {REPORT6, .chain = HBH_THEN("3c") PADDING_THEN("3a"), .chain_first = 0}},
		{0, {REPORT6, .chain = HBH_THEN("33") "3a010000 00000000 00000000",
			    .chain_first = 0}}, /* an authentication header counts words */
		{GROUP_MSG_ODD_DESTINATION, {"fe80::9", "ff02::1", "83 00 0000 0000 0000" FF3E}},
		{GROUP_MSG_ODD_DESTINATION, {"fe80::9", "ff3e::8001", "84 00 0000 00000000" FF3E}},
		{GROUP_MSG_ODD_SOURCE, {"2001:db8::1", "ff02::1", "82000000 27100000" ANY6}},
		{GROUP_MSG_ODD_SOURCE, {"::", "ff02::1", "82000000 27100000" ANY6}},
		{0, {"::", "ff02::16", REPORT_MLD2 "0000"}}, /* RFC 3590 4 */
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		size_t size = raw_packet(&row[i].raw, scratch);
		struct group_msg m;

		print_message("row %zu\n", i);
		assert_int_equal(group_msg_parse(scratch, size, &m), GROUP_MSG_OK);
		assert_int_equal(m.odd, row[i].odd);
	}
}

/* The worker's question: in doubt yes, and never for plain data. */
static void membership_told_apart(void **state)
{
	static const struct {
		bool yes;
		struct raw raw;
	} row[] = {
		{true, {REPORT4}},
		{true, {REPORT4, .fragment = 0x2001}},
		{true, {REPORT4, .wrong = RAW_IP_SUM | RAW_SUM}},
		{true, {"10.0.0.1", "10.0.0.2", "11 64 0000 00000000"}},
		{true, {"10.0.0.1", "224.0.0.13", "20000000", .protocol = 103}},
		{false, {"10.0.0.1", "10.0.0.2", "21000000", .protocol = 103}},
		{false, {REPORT4, .protocol = 17}},
		{true, {REPORT6}},
		{true, {REPORT6, .chain = "", .chain_first = 58}},
		{true, {"fe80::1", "ff02::6a", "97 14 0000 007d0002"}},
		{true, {"fe80::1", "ff02::d", "20000000", .protocol = 103}},
		{false, {"fe80::1", "fe80::2", "20000000", .protocol = 103}},
		{false, {"fe80::9", "ff02::1", "80 00 0000 0001 0001"}},
		{false, {"fe80::9", "ff02::1:ff00:1", "87 00 0000 00000000"}},
		{false, {REPORT6, .chain = "", .chain_first = 17}},
		{false, {REPORT6, .protocol = 17}},
		/* hidden behind headers */
		{true, {REPORT6, .chain = HBH_THEN("3c") PADDING_THEN("3a"), .chain_first = 0}},
		{true, {REPORT6, .chain = PADDING_X8 PADDING_THEN("3a"), .chain_first = 60}},
		{true, {REPORT6, .chain = PADDING_THEN("00") HBH_THEN("3a"), .chain_first = 60}},
		{true, {REPORT6, .cut = 25}}, /* the type is gone */
		{true, {REPORT6, .cut = 32}}, /* the hop-by-hop header too */
		{true, {"fe80::9", "ff02::16", "", .chain = "3c000001 00000001",
			       .chain_first = 44}},
		{true, {"fe80::9", "ff02::16", "", .chain = "3a000001 00000001",
			       .chain_first = 44}},
		{true, {REPORT6, .chain = "3a000001 00000001", .chain_first = 44}},
		{false, {REPORT6, .chain = "3a000008 00000001", .chain_first = 44}},
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		const struct raw *r = &row[i].raw;
		bool v6 = strchr(r->source, ':') != NULL;
		size_t size = raw_packet(r, scratch);

		if (group_msg_is_membership(scratch, size, v6) != row[i].yes)
			print_error("row %zu\n", i);
		assert_int_equal(group_msg_is_membership(scratch, size, v6), row[i].yes);
		assert_false(group_msg_is_membership(scratch, size, !v6));
		assert_false(group_msg_is_membership(scratch, 0, v6));
		assert_true(group_msg_is_membership(scratch, 1, v6));
	}
}

static void names(void **state)
{
	static const char *const symbol[] = {"OK",
#define X(name, sentence) #name,
		GROUP_MSG_ERRORS(X)
#undef X
	};

	for (unsigned int e = 0; e < GROUP_MSG_N_ERRORS; e++) {
		const char *name = group_msg_error_name((enum group_msg_error)e);

		assert_int_equal(strlen(name), strlen(symbol[e]));
		for (unsigned int i = 0; name[i] != '\0'; i++)
			assert_int_equal(name[i], tolower((unsigned char)symbol[e][i]));
		assert_int_not_equal(strlen(group_msg_error_sentence((enum group_msg_error)e)), 0);
	}
	assert_non_null(group_msg_error_name(GROUP_MSG_N_ERRORS));
	assert_non_null(group_msg_error_sentence(GROUP_MSG_N_ERRORS));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(oddities),
		cmocka_unit_test(membership_told_apart),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

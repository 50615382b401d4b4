/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/addr.h"
#include "base/bitset.h"
#include "base/error.h"

static struct ip_addr ip(const char *text)
{
	struct ip_addr a;

	assert_int_equal(ip_parse(text, &a), 0);
	return a;
}

/* Paper page 2, RFC 1112 6.4, RFC 2464 7. */
static void group_macs(void **state)
{
	static const struct {
		const char *group, *mac;
	} row[] = {
		{"224.1.5.6", "01:00:5e:01:05:06"},
		{"224.129.5.6", "01:00:5e:01:05:06"},
		{"225.1.5.6", "01:00:5e:01:05:06"},
		{"225.129.5.6", "01:00:5e:01:05:06"},
		{"239.129.5.6", "01:00:5e:01:05:06"},
		{"224.0.0.0", "01:00:5e:00:00:00"},
		{"239.255.255.255", "01:00:5e:7f:ff:ff"},
		{"224.5.5.5", "01:00:5e:05:05:05"},
		{"ff02::1", "33:33:00:00:00:01"},
		{"ff02::1:ffa2:7d63", "33:33:ff:a2:7d:63"},
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct ip_addr group = ip(row[i].group);
		struct mac_addr mac = mac_from_group(&group);
		char text[MAC_STR_SIZE];

		assert_string_equal(mac_format(&mac, text), row[i].mac);
	}
}

/* 32 groups share a MAC: every one of the upper five bits' values. */
static void group_mac_aliases(void **state)
{
	unsigned int n = 0;
	struct ip_addr first = ip("224.1.5.6");
	struct mac_addr mac = mac_from_group(&first);

	for (uint32_t upper = 0; upper < 512; upper++) {
		uint8_t octets[4] = {(uint8_t)(upper >> 1), (uint8_t)(upper << 7 | 1), 5, 6};
		struct ip_addr group = ip_from_octets(octets, false);
		struct mac_addr other = mac_from_group(&group);

		n += ip_is_multicast(&group) && mac_equal(&mac, &other);
	}
	assert_int_equal(n, 32);
}

static void ip_kinds(void **state)
{
	static const struct {
		const char *text;
		bool v4, unspecified, multicast, link_local;
	} row[] = {
		{"0.0.0.0", true, true, false, false},
		{"10.0.0.1", true, false, false, false},
		{"223.255.255.255", true, false, false, false},
		{"224.0.0.0", true, false, true, true},
		{"224.0.0.255", true, false, true, true},
		{"224.0.1.0", true, false, true, false},
		{"239.255.255.255", true, false, true, false},
		{"240.0.0.0", true, false, false, false},
		{"::", false, true, false, false},
		{"::1", false, false, false, false},
		{"fe80::1", false, false, false, false},
		{"ff00::1", false, false, true, true},
		{"ff01::1", false, false, true, true},
		{"ff11::1", false, false, true, true},
		{"ff02::1", false, false, true, true},
		{"ff02::2", false, false, true, false}, /* is reported, RFC 3810 6 */
		{"ff02::1:ff00:1", false, false, true, false},
		{"ff3e::8001", false, false, true, false},
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct ip_addr a = ip(row[i].text);

		print_message("%s\n", row[i].text);
		assert_int_equal(ip_is_v4(&a), row[i].v4);
		assert_int_equal(ip_is_unspecified(&a), row[i].unspecified);
		assert_int_equal(ip_is_multicast(&a), row[i].multicast);
		assert_int_equal(ip_is_link_local_group(&a), row[i].link_local);
	}
}

static void ip_text(void **state)
{
	static const char *const good[] = {
		"0.0.0.0", "224.1.5.6", "255.255.255.255", "::", "fe80::1", "ff02::1:ffa2:7d63"};
	static const char *const bad[] = {"", "224.1.5", "224.1.5.6.7", "224.1.5.256", " 224.1.5.6",
		"224.1.5.6 ", "224.1.5.6/24", "fe80::1%eth0", "fe80:::1", "x"};
	char text[IP_STR_SIZE];
	struct ip_addr a, b;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		a = ip(good[i]);
		assert_string_equal(ip_format(&a, text), good[i]);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(ip_parse(bad[i], &a), -EINVAL);
	a = ip("::ffff:10.0.0.1"); /* the same value, RFC 4291 2.5.5.2 */
	b = ip("10.0.0.1");
	assert_true(ip_equal(&a, &b));
	b = ip_from_v4(ip_to_v4(&a));
	assert_true(ip_equal(&a, &b));
}

/* Election: the lowest address wins, as an unsigned number of network order. */
static void ip_order(void **state)
{
	static const char *const order[] = {"::1", "0.0.0.0", "10.0.0.1", "10.0.0.2", "10.0.1.0",
		"192.168.0.1", "fe80::1", "fe80::2", "ff02::1"};

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		for (size_t j = 0; j < sizeof(order) / sizeof(order[0]); j++) {
			struct ip_addr a = ip(order[i]), b = ip(order[j]);
			int c = ip_compare(&a, &b);

			assert_int_equal((c > 0) - (c < 0), (i > j) - (i < j));
			assert_int_equal(ip_equal(&a, &b), i == j);
			assert_int_equal(ip_hash(&a, 7) == ip_hash(&b, 7), i == j);
			assert_true(ip_hash(&a, 7) != ip_hash(&b, 8));
		}
	}
}

static void mac_text(void **state)
{
	static const char *const bad[] = {"", "00:50:56:a2:7d",
		"00:50:56:a2:7d:63:", "0:50:56:a2:7d:63", "00-50-56-a2-7d-63", "00:50:56:a2:7d:6g",
		" 0:50:56:a2:7d:63", "+0:50:56:a2:7d:63", "0x:50:56:a2:7d:63", "00:50:56:a2:7d:63 ",
		"00:50:56:a2:7d: 3", "0050:56:a2:7d:6300"};
	char text[MAC_STR_SIZE];
	struct mac_addr m;

	assert_int_equal(mac_parse("00:50:56:A2:7d:63", &m), 0);
	assert_string_equal(mac_format(&m, text), "00:50:56:a2:7d:63");
	assert_int_equal(mac_to_u64(&m), 0x005056a27d63);
	assert_false(mac_is_multicast(&m));
	assert_false(mac_is_zero(&m));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		print_message("'%s'\n", bad[i]);
		assert_int_equal(mac_parse(bad[i], &m), -EINVAL);
	}
	assert_int_equal(mac_parse("ff:ff:ff:ff:ff:ff", &m), 0);
	assert_true(mac_is_multicast(&m));
	assert_int_equal(mac_parse("00:00:00:00:00:00", &m), 0);
	assert_true(mac_is_zero(&m));
}

static void bitset_members(void **state)
{
	static const unsigned int member[] = {0, 1, 63, 64, 127, 128, 200, 255};
	struct bitset s = {0};
	unsigned int n = 0;

	assert_true(bitset_empty(&s));
	assert_int_equal(bitset_next(&s, 0), BITSET_SIZE);
	BITSET_FOREACH (i, &s)
		fail();
	for (size_t i = 0; i < sizeof(member) / sizeof(member[0]); i++)
		bitset_set(&s, member[i]);
	BITSET_FOREACH (i, &s)
		assert_int_equal(i, member[n++]);
	assert_int_equal(n, bitset_count(&s));
	assert_int_equal(n, sizeof(member) / sizeof(member[0]));
	assert_int_equal(bitset_next(&s, 65), 127);
	assert_int_equal(bitset_next(&s, 255), 255);
	assert_int_equal(bitset_next(&s, BITSET_SIZE), BITSET_SIZE);
	assert_int_equal(bitset_next(&s, UINT32_MAX), BITSET_SIZE);
	bitset_clear(&s, 128);
	assert_false(bitset_has(&s, 128));
	assert_true(bitset_has(&s, 127));
	assert_int_equal(bitset_next(&s, 128), 200);
	assert_false(bitset_empty(&s));
}

static void bitset_algebra(void **state)
{
	struct bitset a = {0}, b = {0}, both = {0}, either = {0}, only_a = {0}, out;

	for (unsigned int i = 0; i < BITSET_SIZE; i++) {
		bool in_a = i % 2 == 0, in_b = i % 3 == 0;

		if (in_a)
			bitset_set(&a, i);
		if (in_b)
			bitset_set(&b, i);
		if (in_a && in_b)
			bitset_set(&both, i);
		if (in_a || in_b)
			bitset_set(&either, i);
		if (in_a && !in_b)
			bitset_set(&only_a, i);
	}
	bitset_and(&out, &a, &b);
	assert_true(bitset_equal(&out, &both));
	bitset_or(&out, &a, &b);
	assert_true(bitset_equal(&out, &either));
	bitset_andnot(&out, &a, &b);
	assert_true(bitset_equal(&out, &only_a));
	bitset_andnot(&a, &a, &b); /* in place */
	assert_true(bitset_equal(&a, &only_a));
	bitset_andnot(&b, &either, &b);
	assert_true(bitset_equal(&b, &only_a));
	assert_false(bitset_equal(&b, &both));
}

static void error_text(void **state)
{
	struct error err;

	assert_int_equal(error_set(&err, -EINVAL, "port %d: no such port", 7), -EINVAL);
	assert_string_equal(err.text, "port 7: no such port");
	error_prefix(&err, "apply %s", "a.yaml");
	assert_string_equal(err.text, "apply a.yaml: port 7: no such port");
	assert_int_equal(error_set(NULL, -ENOMEM, "x"), -ENOMEM);
	error_prefix(NULL, "x");
}

/* A sentence too long is cut, and ends. */
static void error_too_long(void **state)
{
	char *lengthy = malloc(2000);
	struct error err;

	memset(lengthy, 'x', 1999);
	lengthy[1999] = '\0';
	error_set(&err, -EINVAL, "%s", lengthy);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	error_prefix(&err, "apply");
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	assert_memory_equal(err.text, "apply: xxx", 10);
	error_set(&err, -EINVAL, "reason");
	error_prefix(&err, "%s", lengthy);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	for (size_t n = sizeof(err.text) - 6; n <= sizeof(err.text) + 2; n++) {
		error_set(&err, -EINVAL, "reason");
		error_prefix(&err, "%.*s", (int)n, lengthy);
		assert_in_range(strlen(err.text), sizeof(err.text) - 6, sizeof(err.text) - 1);
	}
	free(lengthy);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(group_macs),
		cmocka_unit_test(group_mac_aliases),
		cmocka_unit_test(ip_kinds),
		cmocka_unit_test(ip_text),
		cmocka_unit_test(ip_order),
		cmocka_unit_test(mac_text),
		cmocka_unit_test(bitset_members),
		cmocka_unit_test(bitset_algebra),
		cmocka_unit_test(error_text),
		cmocka_unit_test(error_too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

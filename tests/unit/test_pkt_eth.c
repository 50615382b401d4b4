/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pkt/eth.h"
#include "pkt_raw.h"

static uint8_t frame[RAW_SIZE], expected[256];

static void checksum(void **state)
{
	/* RFC 1071 3: the sum of these is 0xddf2 */
	assert_int_equal(inet_checksum(frame, raw_hex("0001f203f4f5f6f7", frame)), 0x220d);
	/* the paper's: figures 4, 6, 7 */
	assert_int_equal(inet_checksum(frame, raw_hex("1101 0000 00000000", frame)), 0xeefe);
	assert_int_equal(inet_checksum(frame, raw_hex("1600 0000 e0050505", frame)), 0x04f5);
	assert_int_equal(inet_checksum(frame, raw_hex("1600 04f5 e0050505", frame)), 0);
	assert_int_equal(
		inet_checksum(frame, raw_hex("2200 0000 0000 0001 04000000 e0050505", frame)),
		0xf4f3);
	/* an odd octet is the high one; nothing adds up to nothing; carries upon carries */
	assert_int_equal(inet_checksum(frame, raw_hex("0001 02", frame)), 0xfdfe);
	assert_int_equal(inet_checksum(frame, 0), 0xffff);
	memset(frame, 0xff, sizeof(frame));
	assert_int_equal(inet_checksum(frame, sizeof(frame)), 0);
}

/* RFC 903, as hypervisors announce a guest: its MAC as sender and target, to everybody. */
static void rarp(void **state)
{
	struct mac_addr mac = raw_mac("00:50:56:a2:7d:63");
	size_t size = raw_hex("ffffffffffff 005056a27d63 8035"
			      "0001 0800 06 04 0003"
			      "005056a27d63 00000000 005056a27d63 00000000"
			      "000000000000000000000000000000000000",
		expected);

	assert_int_equal(size, ETH_MIN_SIZE);
	memset(frame, 0xa5, sizeof(frame));
	assert_int_equal(rarp_build(&mac, frame, ETH_MIN_SIZE), ETH_MIN_SIZE);
	assert_memory_equal(frame, expected, size);
	assert_int_equal(frame[ETH_MIN_SIZE], 0xa5);
	assert_int_equal(rarp_build(&mac, frame, ETH_MIN_SIZE - 1), -ENOSPC);
}

static void tag(void **state)
{
	size_t size = raw_hex("005056a27d63 020000000001 0800 45000102", frame);

	frame[size + ETH_VLAN_SIZE] = 0xa5;
	assert_int_equal(eth_tag_insert(frame, &size, size + 3, 0x6064), -ENOSPC);
	assert_int_equal(eth_tag_insert(frame, &size, 3, 0x6064), -ENOSPC);
	assert_int_equal(size, 18);
	assert_int_equal(eth_tag_insert(frame, &size, size + 4, 0x6064), 0);
	assert_int_equal(size, 22);
	raw_hex("005056a27d63 020000000001 8100 6064 0800 45000102 a5", expected);
	assert_memory_equal(frame, expected, 23);
	size = ETH_HEADER_SIZE - 1;
	assert_int_equal(eth_tag_insert(frame, &size, sizeof(frame), 1), -EINVAL);
}

static void fields(void **state)
{
	struct mac_addr to = raw_mac("00:50:56:a2:7d:63"), from = raw_mac("02:00:00:00:00:01");
	struct mac_addr got;

	raw_hex("005056a27d63 020000000001 86dd ff fffefdfc", frame);
	got = eth_destination(frame);
	assert_true(mac_equal(&got, &to));
	got = eth_source(frame);
	assert_true(mac_equal(&got, &from));
	assert_int_equal(eth_type(frame), ETHERTYPE_IPV6);
	assert_int_equal(get_be32(frame + 15), 0xfffefdfc);
	put_be32(frame + 15, 0x80000001);
	assert_int_equal(get_be32(frame + 15), 0x80000001);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(checksum),
		cmocka_unit_test(rarp),
		cmocka_unit_test(tag),
		cmocka_unit_test(fields),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* What rtnetlink says of interfaces, and what is no message at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include <linux/if.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include "port/carrier.h"

#define NOBODY 0x7ffffffe /* no interface has this index */
#define UP     (IFF_UP | IFF_LOWER_UP)

struct message {
	struct nlmsghdr head;
	struct ifinfomsg info;
};

static struct message message(uint16_t type, uint8_t family, int ifindex, unsigned int flags)
{
	return (struct message){
		.head = {.nlmsg_len = sizeof(struct message), .nlmsg_type = type},
		.info = {.ifi_family = family, .ifi_index = ifindex, .ifi_flags = flags},
	};
}

static unsigned int n_changes;

static void changed(struct carrier_watch *w)
{
	n_changes++;
}

static int scene_begin(void **state)
{
	*state = carrier_create(NULL);
	return *state == NULL ? -1 : 0;
}

static int scene_end(void **state)
{
	carrier_destroy(*state);
	return 0;
}

struct step {
	uint16_t type;
	uint8_t family;
	unsigned int flags;
	bool up; /* after it */
};

static void test_states(void **state)
{
	static const struct step steps[] = {
		{RTM_NEWLINK, AF_UNSPEC, UP, true},
		{RTM_NEWLINK, AF_UNSPEC, UP | IFF_PROMISC, true},
		{RTM_NEWLINK, AF_UNSPEC, IFF_UP, false}, /* unplugged */
		{RTM_NEWLINK, AF_UNSPEC, UP | IFF_DORMANT, false},
		{RTM_NEWLINK, AF_UNSPEC, UP, true},
		{RTM_NEWLINK, AF_UNSPEC, IFF_LOWER_UP, false}, /* set down */
		{RTM_NEWLINK, AF_BRIDGE, UP, false}, {RTM_NEWLINK, AF_UNSPEC, UP, true},
		{RTM_DELLINK, AF_BRIDGE, UP, true}, /* it left a bridge */
		{RTM_NEWADDR, AF_UNSPEC, 0, true},
		{RTM_DELLINK, AF_UNSPEC, UP, false}, /* it is gone */
	};
	struct carrier_watch w = {.ifindex = NOBODY, .changed = changed},
			     other = {.ifindex = NOBODY - 1};
	unsigned int n_before, expected;

	carrier_watch(*state, &w);
	carrier_watch(*state, &other);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct message m = message(steps[i].type, steps[i].family, NOBODY, steps[i].flags);

		expected = w.up != steps[i].up;
		n_before = n_changes;
		carrier_datagram_seen(*state, &m, sizeof(m));
		assert_int_equal(w.up, steps[i].up);
		assert_int_equal(n_changes - n_before, expected);
		assert_false(other.up);
	}
	carrier_unwatch(*state, &w);
	carrier_unwatch(*state, &other);
}

/* Two in one datagram; the second is cut within what follows its head. */
static void test_several(void **state)
{
	struct carrier_watch w = {.ifindex = NOBODY};
	struct message two[] = {message(RTM_NEWLINK, AF_UNSPEC, NOBODY, 0),
		message(RTM_NEWLINK, AF_UNSPEC, NOBODY, UP)};

	carrier_watch(*state, &w);
	two[1].head.nlmsg_len = 60000;
	assert_int_equal(carrier_datagram_seen(*state, two, sizeof(two)), 2);
	assert_true(w.up);
	for (size_t size = 0; size < sizeof(two); size++) /* cut within the head: not said */
		assert_int_equal(carrier_datagram_seen(*state, two, size), size >= sizeof(two[0]));
	two[0].head.nlmsg_len = 3;
	assert_int_equal(carrier_datagram_seen(*state, two, sizeof(two)), 0);
	carrier_unwatch(*state, &w);
}

/* Whatever comes, nothing is read beyond it (run under ASan by tools/test sanitize). */
static void test_garbage(void **state)
{
	struct carrier_watch w = {.ifindex = NOBODY};

	carrier_watch(*state, &w);
	srand(1);
	for (unsigned int round = 0; round < 20000; round++) {
		size_t size = (size_t)rand() % 200;
		uint8_t *datagram = malloc(size + 1);

		for (size_t i = 0; i < size; i++)
			datagram[i] =
				rand() % 4 == 0 ? (uint8_t)rand() : (uint8_t)(rand() % 3 * 16);
		carrier_datagram_seen(*state, datagram, size);
		free(datagram);
	}
	carrier_unwatch(*state, &w);
}

/* The kernel's own answers: its loopback, and an interface that is not there. */
static void test_kernel(void **state)
{
	struct carrier_watch lo = {.ifindex = 1}, nobody = {.ifindex = NOBODY, .changed = changed};
	struct message m = message(RTM_NEWLINK, AF_UNSPEC, NOBODY, UP);
	bool up;

	carrier_watch(*state, &lo);
	up = lo.up;
	carrier_watch(*state, &nobody);
	assert_false(nobody.up);
	carrier_datagram_seen(*state, &m, sizeof(m));
	assert_true(nobody.up);
	assert_false(carrier_ask(*state, &nobody)); /* "no such device" */
	assert_int_equal(carrier_ask(*state, &lo), up);
	carrier_read(*state);
	carrier_unwatch(*state, &nobody);
	carrier_unwatch(*state, &lo);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_states, scene_begin, scene_end),
		cmocka_unit_test_setup_teardown(test_several, scene_begin, scene_end),
		cmocka_unit_test_setup_teardown(test_garbage, scene_begin, scene_end),
		cmocka_unit_test_setup_teardown(test_kernel, scene_begin, scene_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

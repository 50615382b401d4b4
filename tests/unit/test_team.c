/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "team/team.h"

/* Uplinks are ports 0-15 and written A-P, guests are ports from 16. */
#define FIRST_GUEST 16
#define MAX_GUESTS  64

struct rig {
	struct team_config config;
	struct team_guest guests[MAX_GUESTS];
	unsigned int n_guests;
	struct team_state state;
	struct bitset live, moved;
};

static unsigned int letters(const char *text, uint16_t *out)
{
	unsigned int n = 0;

	for (; text[n] != '\0'; n++)
		out[n] = (uint16_t)(text[n] - 'A');
	return n;
}

static void rig_init(struct rig *r, enum team_policy policy, bool failback, const char *active,
	const char *standby, unsigned int n_guests)
{
	*r = (struct rig){.config = {.policy = policy, .failback = failback}};
	r->config.n_active = (uint8_t)letters(active, r->config.active);
	r->config.n_standby = (uint8_t)letters(standby, r->config.standby);
	for (unsigned int i = 0; i < n_guests; i++) {
		r->guests[i].port = (uint16_t)(FIRST_GUEST + i);
		r->guests[i].mac =
			(struct mac_addr){{0x52, 0x54, 0, 0, (uint8_t)(i >> 8), (uint8_t)i}};
	}
	r->n_guests = n_guests;
	team_state_init(&r->state);
}

static void decide(struct rig *r)
{
	team_decide(&r->config, &r->live, r->guests, r->n_guests, &r->state, &r->moved);
}

/* These uplinks are up, the others down. */
static void links(struct rig *r, const char *up)
{
	uint16_t ports[TEAM_MAX_UPLINKS];
	unsigned int n = letters(up, ports);

	r->live = (struct bitset){0};
	for (unsigned int i = 0; i < n; i++)
		bitset_set(&r->live, ports[i]);
	decide(r);
}

static char letter(uint16_t uplink)
{
	return uplink == TEAM_NO_UPLINK ? '-' : (char)('A' + uplink);
}

static const char *carriers(const struct rig *r)
{
	static char text[MAX_GUESTS + 1];

	for (unsigned int i = 0; i < r->n_guests; i++)
		text[i] = letter(r->state.carrier[r->guests[i].port]);
	text[r->n_guests] = '\0';
	return text;
}

static void count(const struct rig *r, unsigned int load[TEAM_MAX_UPLINKS])
{
	uint16_t at;

	memset(load, 0, sizeof(*load) * TEAM_MAX_UPLINKS);
	for (unsigned int i = 0; i < r->n_guests; i++) {
		at = r->state.carrier[r->guests[i].port];
		if (at != TEAM_NO_UPLINK)
			load[at]++;
	}
}

static void count_buckets(const struct rig *r, unsigned int load[TEAM_MAX_UPLINKS])
{
	memset(load, 0, sizeof(*load) * TEAM_MAX_UPLINKS);
	for (unsigned int i = 0; i < TEAM_N_BUCKETS; i++)
		if (r->state.bucket[i] != TEAM_NO_UPLINK)
			load[r->state.bucket[i]]++;
}

static void assert_even(const unsigned int *load, const char *in_use)
{
	unsigned int lo = 1000, hi = 0, total = 0, all = 0;
	uint16_t ports[TEAM_MAX_UPLINKS];
	unsigned int n = letters(in_use, ports);

	for (unsigned int i = 0; i < n; i++) {
		lo = load[ports[i]] < lo ? load[ports[i]] : lo;
		hi = load[ports[i]] > hi ? load[ports[i]] : hi;
		total += load[ports[i]];
	}
	for (unsigned int i = 0; i < TEAM_MAX_UPLINKS; i++)
		all += load[i];
	assert_true(hi - lo <= 1);
	assert_int_equal(total, all);
}

/* A story: which links are up, step by step, and who carries the guests after each. */
struct step {
	const char *up, *carriers;
};

struct story {
	const char *title;
	enum team_policy policy;
	bool failback;
	const char *active, *standby;
	struct step steps[8];
};

static const struct story stories[] = {
	{"port-id deals guests out in order", TEAM_PORT_ID, true, "AB", "", {{"AB", "ABAB"}}},
	{"a team of one", TEAM_PORT_ID, true, "A", "",
		{{"A", "AAAA"}, {"", "----"}, {"A", "AAAA"}}},
	{"guests of the failed uplink move, the others stay", TEAM_PORT_ID, true, "AB", "",
		{{"AB", "ABAB"}, {"A", "AAAA"}}},
	{"failback brings home exactly those that fled", TEAM_PORT_ID, true, "AB", "",
		{{"AB", "ABAB"}, {"B", "BBBB"}, {"AB", "ABAB"}}},
	{"no failback: they stay", TEAM_PORT_ID, false, "AB", "",
		{{"AB", "ABAB"}, {"B", "BBBB"}, {"AB", "BBBB"}, {"A", "AAAA"}}},
	{"all links down and back", TEAM_PORT_ID, false, "AB", "",
		{{"AB", "ABAB"}, {"", "----"}, {"AB", "ABAB"}}},
	{"a standby takes the failed one's place", TEAM_PORT_ID, true, "AB", "CD",
		{{"ABCD", "ABAB"}, {"BCD", "CBCB"}, {"ABCD", "ABAB"}}},
	{"standbys go in order, one for one", TEAM_PORT_ID, true, "AB", "CD",
		{{"ABCD", "ABAB"}, {"ACD", "ACAC"}, {"CD", "DCDC"}, {"BCD", "BCBC"}}},
	{"a dead standby is passed over", TEAM_PORT_ID, true, "AB", "CD",
		{{"ABD", "ABAB"}, {"AD", "ADAD"}, {"ACD", "ACAC"}}},
	{"no failback: the first standby stays a standby", TEAM_PORT_ID, false, "AB", "CD",
		{{"ABD", "ABAB"}, {"AD", "ADAD"}, {"ABCD", "ADAD"}, {"ABC", "ABAB"}}},
	{"without a standby left the active ones share", TEAM_PORT_ID, true, "ABC", "D",
		{{"ABCD", "ABCA"}, {"CD", "DDCC"}, {"C", "CCCC"}}},
	{"explicit: the first live one carries all", TEAM_EXPLICIT, true, "AB", "C",
		{{"ABC", "AAAA"}, {"BC", "BBBB"}, {"C", "CCCC"}, {"", "----"}, {"BC", "BBBB"},
			{"ABC", "AAAA"}}},
	{"explicit without failback", TEAM_EXPLICIT, false, "AB", "C",
		{{"ABC", "AAAA"}, {"C", "CCCC"}, {"ABC", "CCCC"}, {"AB", "AAAA"}}},
	{"explicit with standbys alone", TEAM_EXPLICIT, true, "", "AB",
		{{"AB", "AAAA"}, {"B", "BBBB"}}},
};

static void test_stories(void **state)
{
	struct rig r;

	for (size_t i = 0; i < sizeof(stories) / sizeof(stories[0]); i++) {
		const struct story *s = &stories[i];

		rig_init(&r, s->policy, s->failback, s->active, s->standby, 4);
		for (const struct step *step = s->steps; step->up != NULL; step++) {
			links(&r, step->up);
			if (strcmp(carriers(&r), step->carriers) != 0)
				fail_msg("%s: with \"%s\" up: %s, expected %s", s->title, step->up,
					carriers(&r), step->carriers);
		}
	}
}

static void test_port_id_even_for_any_size(void **state)
{
	static const char *const names = "ABCDEFGHIJKLMNOP";
	unsigned int load[TEAM_MAX_UPLINKS];
	char up[TEAM_MAX_UPLINKS + 1];
	struct rig r;

	for (unsigned int n = 1; n <= TEAM_MAX_UPLINKS; n++) {
		snprintf(up, sizeof(up), "%.*s", (int)n, names);
		rig_init(&r, TEAM_PORT_ID, true, up, "", MAX_GUESTS - 1);
		links(&r, up);
		count(&r, load);
		assert_even(load, up);
		for (unsigned int down = 0; n > 1 && down < n; down++) {
			char rest[TEAM_MAX_UPLINKS + 1];

			snprintf(rest, sizeof(rest), "%.*s%s", (int)down, up, up + down + 1);
			links(&r, rest);
			count(&r, load);
			assert_even(load, rest);
		}
	}
}

/* What was assigned in before and is still in use must be where it was. */
static void test_nothing_moves_that_need_not(void **state)
{
	static const enum team_policy policies[] = {TEAM_PORT_ID, TEAM_MAC_HASH, TEAM_IP_HASH};
	struct team_state before;
	struct rig r;
	uint16_t was;

	for (unsigned int p = 0; p < 3; p++) {
		rig_init(&r, policies[p], true, "ABCD", "", 40);
		links(&r, "ABCD");
		before = r.state;
		links(&r, "ABD");
		for (unsigned int i = 0; i < r.n_guests; i++) {
			was = before.carrier[r.guests[i].port];
			if (was != 2)
				assert_int_equal(r.state.carrier[r.guests[i].port], was);
			assert_int_equal(bitset_has(&r.moved, r.guests[i].port), was == 2);
		}
		for (unsigned int i = 0; i < TEAM_N_BUCKETS; i++)
			if (before.bucket[i] != 2)
				assert_int_equal(r.state.bucket[i], before.bucket[i]);
		decide(&r);
		assert_true(bitset_empty(&r.moved));
	}
}

/* After the return, everyone who is not on the uplink that came back is where he was. */
static void test_failback_moves_only_to_what_returned(void **state)
{
	static const enum team_policy policies[] = {TEAM_PORT_ID, TEAM_MAC_HASH, TEAM_IP_HASH};
	struct team_state before;
	struct rig r;

	for (unsigned int p = 0; p < 3; p++) {
		rig_init(&r, policies[p], true, "ABC", "", 40);
		links(&r, "ABC");
		links(&r, "AC");
		before = r.state;
		links(&r, "ABC");
		assert_false(bitset_empty(&r.moved));
		for (unsigned int i = 0; i < r.n_guests; i++)
			if (r.state.carrier[r.guests[i].port] != 1)
				assert_int_equal(r.state.carrier[r.guests[i].port],
					before.carrier[r.guests[i].port]);
		for (unsigned int i = 0; i < TEAM_N_BUCKETS; i++)
			if (r.state.bucket[i] != 1)
				assert_int_equal(r.state.bucket[i], before.bucket[i]);
	}
}

static void test_mac_hash_follows_the_mac(void **state)
{
	unsigned int load[TEAM_MAX_UPLINKS];
	struct team_state first;
	struct rig r;

	rig_init(&r, TEAM_MAC_HASH, true, "ABCD", "E", MAX_GUESTS);
	links(&r, "ABCDE");
	first = r.state;
	count(&r, load);
	for (unsigned int i = 0; i < 4; i++) /* 16 each on average; the binomial's 3.5 sigma */
		assert_in_range(load[i], 5, 28);
	assert_int_equal(load[4], 0);

	/* one for one: E carries those of B and nobody else */
	links(&r, "ACDE");
	for (unsigned int i = 0; i < r.n_guests; i++) {
		uint16_t was = first.carrier[r.guests[i].port];

		assert_int_equal(r.state.carrier[r.guests[i].port], was == 1 ? 4 : was);
	}
	links(&r, "ABCDE");
	assert_memory_equal(&r.state.carrier, &first.carrier, sizeof(first.carrier));

	/* another order of guests and other port ids: the MAC decides */
	for (unsigned int i = 0; i < r.n_guests; i++)
		r.guests[i].port = (uint16_t)(FIRST_GUEST + 100 - i);
	team_state_init(&r.state);
	decide(&r);
	for (unsigned int i = 0; i < r.n_guests; i++)
		assert_int_equal(r.state.carrier[r.guests[i].port], first.carrier[FIRST_GUEST + i]);
}

static void test_a_mac_that_becomes_known_moves_nobody(void **state)
{
	struct mac_addr macs[MAX_GUESTS];
	struct rig r;

	rig_init(&r, TEAM_MAC_HASH, true, "ABC", "", MAX_GUESTS);
	for (unsigned int i = 0; i < MAX_GUESTS; i++) {
		macs[i] = r.guests[i].mac;
		r.guests[i].mac = (struct mac_addr){{0}};
	}
	links(&r, "ABC");
	assert_non_null(strchr(carriers(&r), 'A'));
	assert_non_null(strchr(carriers(&r), 'B'));
	assert_non_null(strchr(carriers(&r), 'C'));
	for (unsigned int i = 0; i < MAX_GUESTS; i++)
		r.guests[i].mac = macs[i];
	decide(&r);
	assert_true(bitset_empty(&r.moved));
}

static void test_ip_hash_buckets(void **state)
{
	static const char *const ups[] = {
		"ABCD", "ABC", "BC", "B", "BD", "ABD", "ABCD", "CD", "ABCD", "D", "ABCD"};
	unsigned int load[TEAM_MAX_UPLINKS], n_moved, least;
	struct team_state before;
	struct rig r;

	rig_init(&r, TEAM_IP_HASH, true, "ABCD", "", 8);
	team_state_init(&before);
	for (unsigned int step = 0; step < sizeof(ups) / sizeof(ups[0]); step++) {
		links(&r, ups[step]);
		count_buckets(&r, load);
		assert_even(load, ups[step]);
		n_moved = least = 0;
		for (unsigned int i = 0; i < TEAM_N_BUCKETS; i++)
			n_moved += before.bucket[i] != r.state.bucket[i];
		/* any even spread gives up who left and fills who came: no more moves than that */
		for (uint16_t u = 0; u < 4; u++) {
			unsigned int was = 0;

			for (unsigned int i = 0; i < TEAM_N_BUCKETS; i++)
				was += before.bucket[i] == u;
			least += load[u] > was ? load[u] - was : 0;
		}
		assert_int_equal(n_moved, least);
		for (unsigned int i = 0; i < r.n_guests; i++)
			assert_int_equal(r.state.carrier[r.guests[i].port],
				r.state.bucket[r.guests[i].port % TEAM_N_BUCKETS]);
		before = r.state;
	}
	links(&r, "");
	for (unsigned int i = 0; i < TEAM_N_BUCKETS; i++)
		assert_int_equal(r.state.bucket[i], TEAM_NO_UPLINK);
}

static void test_ip_hash_without_failback(void **state)
{
	struct team_state before;
	struct rig r;

	rig_init(&r, TEAM_IP_HASH, false, "AB", "", 4);
	links(&r, "AB");
	links(&r, "B");
	before = r.state;
	links(&r, "AB");
	assert_memory_equal(r.state.bucket, before.bucket, sizeof(before.bucket));
}

/* The in-use set after the last event, and with failback whom it carries by load, do not depend on
 * how we got there. */
static void test_any_history_ends_in_the_same_set(void **state)
{
	unsigned int load[TEAM_MAX_UPLINKS], seed = 7;
	struct rig r, plain;
	struct bitset in_use, in_use_plain;

	for (unsigned int round = 0; round < 2000; round++) {
		enum team_policy policy = (enum team_policy)(round % 4);

		rig_init(&r, policy, true, "ABC", "DE", 30);
		for (unsigned int event = 0; event < 10; event++) {
			r.live.w[0] = (uint64_t)(rand_r(&seed) % 32);
			decide(&r);
		}
		rig_init(&plain, policy, true, "ABC", "DE", 30);
		plain.live = r.live;
		decide(&plain);
		in_use = in_use_plain = (struct bitset){0};
		for (unsigned int i = 0; i < TEAM_MAX_UPLINKS; i++) {
			if (r.state.slot[i] != TEAM_NO_UPLINK)
				bitset_set(&in_use, r.state.slot[i]);
			if (plain.state.slot[i] != TEAM_NO_UPLINK)
				bitset_set(&in_use_plain, plain.state.slot[i]);
		}
		assert_memory_equal(&in_use, &in_use_plain, sizeof(in_use));
		for (unsigned int i = 0; i < r.n_guests; i++) {
			uint16_t at = r.state.carrier[r.guests[i].port];

			if (bitset_empty(&in_use))
				assert_int_equal(at, TEAM_NO_UPLINK);
			else
				assert_true(bitset_has(&in_use, at));
		}
		if (policy == TEAM_PORT_ID) {
			unsigned int lo = 100, hi = 0;

			count(&r, load);
			BITSET_FOREACH (u, &in_use) {
				lo = load[u] < lo ? load[u] : lo;
				hi = load[u] > hi ? load[u] : hi;
			}
			assert_true(bitset_empty(&in_use) || hi - lo <= 1);
		}
	}
}

/* Without failback an uplink in use leaves only by dying. */
static void test_no_failback_keeps_who_lives(void **state)
{
	struct team_state before;
	unsigned int seed = 3;
	struct rig r;

	for (unsigned int round = 0; round < 2000; round++) {
		if (round % 50 == 0)
			rig_init(&r, (enum team_policy)(round / 50 % 4), false, "ABC", "DE", 30);
		before = r.state;
		r.live.w[0] = (uint64_t)(rand_r(&seed) % 32);
		decide(&r);
		for (unsigned int i = 0; i < r.n_guests; i++) {
			uint16_t was = before.carrier[r.guests[i].port];

			if (was != TEAM_NO_UPLINK && bitset_has(&r.live, was))
				assert_int_equal(r.state.carrier[r.guests[i].port], was);
			else
				assert_true(bitset_empty(&r.live) ||
					    r.state.carrier[r.guests[i].port] != TEAM_NO_UPLINK);
		}
	}
}

static void test_moved(void **state)
{
	struct rig r;

	rig_init(&r, TEAM_PORT_ID, true, "AB", "", 3);
	links(&r, "AB");
	assert_true(bitset_empty(&r.moved)); /* new guests */
	r.n_guests = 4;
	r.guests[3].port = FIRST_GUEST + 3;
	decide(&r);
	assert_true(bitset_empty(&r.moved));
	links(&r, "B");
	assert_int_equal(bitset_count(&r.moved), 2);
	assert_true(bitset_has(&r.moved, FIRST_GUEST) && bitset_has(&r.moved, FIRST_GUEST + 2));
	links(&r, "");
	assert_int_equal(bitset_count(&r.moved), 4); /* to none */
	links(&r, "AB");
	assert_int_equal(bitset_count(&r.moved), 4); /* from none: was without */
	assert_string_equal(carriers(&r), "ABAB");

	/* a guest that leaves is not moved, moves nobody and leaves nothing behind */
	r.guests[0] = r.guests[3];
	r.n_guests = 1;
	decide(&r);
	assert_true(bitset_empty(&r.moved));
	assert_string_equal(carriers(&r), "B");
	assert_int_equal(r.state.carrier[FIRST_GUEST], TEAM_NO_UPLINK);
	team_decide(&r.config, &r.live, r.guests, 1, &r.state, NULL);
}

static void test_policy_and_order_change_live(void **state)
{
	struct rig r;

	rig_init(&r, TEAM_EXPLICIT, false, "AB", "", 4);
	links(&r, "AB");
	assert_string_equal(carriers(&r), "AAAA");
	letters("BA", r.config.active);
	decide(&r);
	assert_string_equal(carriers(&r), "AAAA");
	team_state_reorder(&r.state);
	decide(&r);
	assert_string_equal(carriers(&r), "BBBB");
	assert_int_equal(bitset_count(&r.moved), 4);

	r.config.policy = TEAM_PORT_ID;
	team_state_reorder(&r.state);
	decide(&r);
	assert_int_equal(bitset_count(&r.moved), 2);
	r.config.policy = TEAM_IP_HASH;
	decide(&r);
	assert_int_not_equal(r.state.bucket[0], TEAM_NO_UPLINK);
	r.config.policy = TEAM_MAC_HASH;
	decide(&r);
	assert_int_equal(r.state.bucket[0], TEAM_NO_UPLINK);
	assert_true(bitset_empty(&r.moved));
}

static void test_policy_names(void **state)
{
	static const char *const names[] = {"port-id", "mac-hash", "ip-hash", "explicit"};
	enum team_policy p;

	for (unsigned int i = 0; i < 4; i++) {
		assert_string_equal(team_policy_name((enum team_policy)i), names[i]);
		assert_int_equal(team_policy_parse(names[i], &p), 0);
		assert_int_equal(p, i);
	}
	assert_int_equal(team_policy_parse("lacp", &p), -EINVAL);
	assert_int_equal(team_policy_parse("", &p), -EINVAL);
	assert_string_equal(team_policy_name((enum team_policy)9), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stories),
		cmocka_unit_test(test_port_id_even_for_any_size),
		cmocka_unit_test(test_nothing_moves_that_need_not),
		cmocka_unit_test(test_failback_moves_only_to_what_returned),
		cmocka_unit_test(test_mac_hash_follows_the_mac),
		cmocka_unit_test(test_a_mac_that_becomes_known_moves_nobody),
		cmocka_unit_test(test_ip_hash_buckets),
		cmocka_unit_test(test_ip_hash_without_failback),
		cmocka_unit_test(test_any_history_ends_in_the_same_set),
		cmocka_unit_test(test_no_failback_keeps_who_lives),
		cmocka_unit_test(test_moved),
		cmocka_unit_test(test_policy_and_order_change_live),
		cmocka_unit_test(test_policy_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

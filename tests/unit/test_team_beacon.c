/* SPDX-License-Identifier: BSD-3-Clause */
/* Who is taken for lost: a table of who hears whom, interval after interval. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "team/beacon.h"

#define INTERVAL (100 * NSEC_PER_MS)

/* Uplinks are written A, B, ...; "AB" in hears: A hears B. */
struct step {
	unsigned int n; /* intervals it lasts */
	const char *live, *hears, *lost;
};

struct story {
	const char *title;
	const char *team;
	struct step steps[8];
};

static const struct story stories[] = {
	{"all is well", "ABC", {{10, "ABC", "AB AC BA BC CA CB", ""}}},
	{"one hears nobody and nobody hears it", "ABC",
		{{10, "ABC", "AB AC BA BC CA CB", ""}, {3, "ABC", "AB BA", ""},
			{1, "ABC", "AB BA", "C"}, {1, "ABC", "AB AC BA BC CA CB", ""}}},
	{"one hears, but is not heard", "ABC",
		{{4, "ABC", "AB BA CA CB", ""}, {1, "ABC", "AB BA CA CB", "C"}}},
	{"one is heard, but hears nobody", "ABC",
		{{4, "ABC", "AB BA AC BC", ""}, {1, "ABC", "AB BA AC BC", "C"}}},
	{"nobody hears anybody: nothing can be said", "ABC", {{10, "ABC", "", ""}}},
	{"nor of two", "AB", {{4, "AB", "AB BA", ""}, {10, "AB", "", ""}}},
	{"nor of one", "A", {{10, "A", "", ""}}},
	{"two pairs: both live on", "ABCD", {{10, "ABCD", "AB BA CD DC", ""}}},
	{"two of five are lost", "ABCDE",
		{{4, "ABCDE", "AB BA AC CA BC CB", ""}, {1, "ABCDE", "AB BA AC CA BC CB", "DE"}}},
	{"a link that is down is not judged, and one that comes is given time", "ABC",
		{{10, "AB", "AB BA", ""}, {4, "ABC", "AB BA", ""}, {1, "ABC", "AB BA", "C"},
			{1, "AB", "AB BA", ""}, {4, "ABC", "AB BA", ""}, {1, "ABC", "AB BA", "C"}}},
	{"a dead link's last words do not count", "ABC",
		{{5, "ABC", "AB AC BA BC CA CB", ""}, {5, "A", "AB AC BA BC CA CB", ""}}},
	{"one way each, in a ring", "ABC", {{10, "ABC", "AB BC CA", ""}}},
	{"a stranger's probe is nobody's", "ABC",
		{{5, "ABC", "AB AC BA BC CA CB", ""}, {3, "ABC", "AB BA CX", ""},
			{1, "ABC", "AB BA CX CC", "C"}}},
};

static struct bitset set_of(const char *letters)
{
	struct bitset s = {{0}};

	for (; *letters != '\0'; letters++)
		bitset_set(&s, (unsigned int)(*letters - 'A'));
	return s;
}

static void story_run(const struct story *s)
{
	uint16_t team[TEAM_MAX_UPLINKS];
	unsigned int n = 0;
	nsec now = 1000 * NSEC_PER_SEC;
	struct beacon b;

	for (const char *c = s->team; *c != '\0'; c++)
		team[n++] = (uint16_t)(*c - 'A');
	beacon_start(&b, team, n);
	for (const struct step *step = s->steps; step->n > 0; step++) {
		struct bitset live = set_of(step->live), want = set_of(step->lost), lost;

		for (unsigned int i = 0; i < step->n; i++) {
			for (const char *c = step->hears; *c != '\0'; c += c[2] == ' ' ? 3 : 2)
				beacon_heard(
					&b, (uint16_t)(c[0] - 'A'), (uint16_t)(c[1] - 'A'), now);
			lost = beacon_lost(&b, &live, INTERVAL, now);
			if (!bitset_equal(&lost, &want))
				fail_msg("%s: step %td, interval %u", s->title, step - s->steps, i);
			now += INTERVAL;
		}
	}
}

static void test_stories(void **state)
{
	for (size_t i = 0; i < sizeof(stories) / sizeof(stories[0]); i++)
		story_run(&stories[i]);
}

/* The switch itself was not looking: the first probes after that condemn nobody. */
static void test_a_break_begins_anew(void **state)
{
	static const uint16_t team[] = {0, 1, 2};
	struct bitset live = set_of("ABC"), lost;
	nsec now = 1000 * NSEC_PER_SEC;
	struct beacon b;

	beacon_start(&b, team, 3);
	beacon_lost(&b, &live, INTERVAL, now);
	now += 100 * INTERVAL;
	for (unsigned int i = 0; i < 4; i++) {
		beacon_heard(&b, 0, 1, now);
		beacon_heard(&b, 1, 0, now);
		lost = beacon_lost(&b, &live, INTERVAL, now);
		assert_true(bitset_empty(&lost));
		now += INTERVAL;
	}
	beacon_heard(&b, 0, 1, now);
	beacon_heard(&b, 1, 0, now);
	lost = beacon_lost(&b, &live, INTERVAL, now);
	assert_int_equal(bitset_next(&lost, 0), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stories),
		cmocka_unit_test(test_a_break_begins_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

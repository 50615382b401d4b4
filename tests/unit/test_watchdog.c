/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "watchdog.h"

/* Looks in order, each with the counts of turns and what it must answer. */
static void test_looks(void **state)
{
	static const struct {
		unsigned int n;
		uint64_t turns[3];
		int still;
	} looks[] = {
		{3, {0, 0, 0}, -1},  /* the first look only remembers */
		{3, {5, 9, 1}, -1},  /* all go on */
		{3, {6, 9, 2}, 1},   /* the second stands still */
		{3, {6, 9, 2}, 0},   /* all do: the first is named */
		{3, {7, 10, 2}, 2},  /* two are back */
		{3, {8, 11, 3}, -1}, /* all are */
		{2, {8, 11}, -1},    /* another number of workers: a first look again */
		{2, {8, 12}, 0},     /* and then as before */
		{2, {0, 13}, -1},    /* a count that wrapped has moved */
		{0, {0}, -1},        /* no worker, none that stands still */
	};
	struct watchdog w = {0};

	for (size_t i = 0; i < sizeof(looks) / sizeof(looks[0]); i++)
		assert_int_equal(watchdog_look(&w, looks[i].turns, looks[i].n), looks[i].still);
}

static void test_more_workers_than_it_knows(void **state)
{
	static uint64_t turns[WATCHDOG_MAX_WORKERS + 8];
	struct watchdog w = {0};

	assert_int_equal(watchdog_look(&w, turns, WATCHDOG_MAX_WORKERS + 8), -1);
	for (unsigned int i = 0; i < WATCHDOG_MAX_WORKERS; i++)
		turns[i]++;
	assert_int_equal(watchdog_look(&w, turns, WATCHDOG_MAX_WORKERS + 8), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_looks),
		cmocka_unit_test(test_more_workers_than_it_knows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* The timer wheel against a naive model: an array of deadlines that is searched. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/timer.h"

#define N_TIMERS 64
#define N_STEPS  200000

#define MS NSEC_PER_MS

static uint64_t random_state;

static uint64_t random_next(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

/* Mostly near, sometimes days or years away. */
static nsec random_after(void)
{
	return random_next() >> (12 + random_next() % 48);
}

static void fires_at_its_tick(void **state)
{
	struct timer_wheel w;
	struct timer t = {0};

	timer_wheel_init(&w, 5 * MS);
	assert_true(timer_wheel_next(&w) == NSEC_NEVER);
	timer_start(&w, &t, 9 * MS);
	assert_true(timer_is_running(&t));
	assert_int_equal(timer_wheel_next(&w), 9 * MS);
	assert_null(timer_wheel_expire(&w, 9 * MS - 1));
	assert_ptr_equal(timer_wheel_expire(&w, 9 * MS), &t);
	assert_false(timer_is_running(&t));
	assert_null(timer_wheel_expire(&w, 9 * MS));
	assert_int_equal(w.n_running, 0);
}

static void never_fires_early(void **state)
{
	struct timer_wheel w;
	struct timer t = {0};

	timer_wheel_init(&w, 0);
	timer_start(&w, &t, 10 * MS + 1);
	assert_null(timer_wheel_expire(&w, 10 * MS + 999999));
	assert_ptr_equal(timer_wheel_expire(&w, 11 * MS), &t);
}

static void past_deadline_fires_on_next_advance(void **state)
{
	struct timer_wheel w;
	struct timer t = {0};

	timer_wheel_init(&w, 1000 * MS);
	timer_start(&w, &t, 3 * MS);
	assert_true(timer_wheel_next(&w) <= 1000 * MS);
	assert_ptr_equal(timer_wheel_expire(&w, 1000 * MS), &t);
}

static void never_stops(void **state)
{
	struct timer_wheel w;
	struct timer t = {0};

	timer_wheel_init(&w, 0);
	timer_start(&w, &t, 10 * MS);
	timer_start(&w, &t, NSEC_NEVER);
	assert_false(timer_is_running(&t));
	timer_stop(&w, &t);
	assert_null(timer_wheel_expire(&w, NSEC_NEVER - 1));
}

static void farthest_deadline_is_kept(void **state)
{
	struct timer_wheel w;
	struct timer t = {0};

	timer_wheel_init(&w, 12345 * MS);
	timer_start(&w, &t, NSEC_NEVER - 1);
	assert_null(timer_wheel_expire(&w, NSEC_NEVER / 2));
	assert_true(timer_is_running(&t));
	timer_stop(&w, &t);
	assert_true(timer_wheel_next(&w) == NSEC_NEVER);
}

/* Restarting from within the loop, as an interval timer does. */
static void interval_keeps_its_times(void **state)
{
	struct timer_wheel w;
	struct timer t = {0};
	unsigned int n = 0;

	timer_wheel_init(&w, 0);
	timer_start(&w, &t, 100 * MS);
	for (nsec now = 0; now <= 100000 * MS; now = timer_wheel_next(&w)) {
		while (timer_wheel_expire(&w, now) == &t) {
			assert_int_equal(now, ++n * 100 * MS);
			timer_start(&w, &t, now + 100 * MS);
		}
	}
	assert_int_equal(n, 1000);
}

struct model {
	nsec deadline; /* NSEC_NEVER: stopped */
};

static bool is_due(nsec deadline, nsec now)
{
	return deadline != NSEC_NEVER && deadline / MS + (deadline % MS != 0) <= now / MS;
}

static void check(const struct timer_wheel *w, const struct timer *t, const struct model *m)
{
	nsec first = NSEC_NEVER;
	unsigned int n = 0;

	for (unsigned int i = 0; i < N_TIMERS; i++) {
		assert_int_equal(timer_is_running(&t[i]), m[i].deadline != NSEC_NEVER);
		n += m[i].deadline != NSEC_NEVER;
		if (m[i].deadline < first)
			first = m[i].deadline;
	}
	assert_int_equal(w->n_running, n);
	assert_int_equal(timer_wheel_next(w) == NSEC_NEVER, n == 0);
	if (n > 0)
		assert_true(timer_wheel_next(w) < first + 2 * MS ||
			    timer_wheel_next(w) <= w->now_tick * MS);
}

static void agrees_with_model(void **state)
{
	struct timer t[N_TIMERS] = {0};
	struct model m[N_TIMERS];
	struct timer_wheel w;
	struct timer *fired;
	nsec now;

	random_state = (uint64_t)(uintptr_t)&w | 1;
	print_message("seed %llu\n", (unsigned long long)random_state);
	now = random_after();
	timer_wheel_init(&w, now);
	for (unsigned int i = 0; i < N_TIMERS; i++)
		m[i].deadline = NSEC_NEVER;
	for (unsigned int step = 0; step < N_STEPS && now < NSEC_NEVER / 4; step++) {
		unsigned int i = random_next() % N_TIMERS;

		switch (random_next() % 4) {
		case 0:
			timer_stop(&w, &t[i]);
			m[i].deadline = NSEC_NEVER;
			break;
		case 1:
		case 2:
			m[i].deadline = now + random_after() % (NSEC_NEVER / 4);
			timer_start(&w, &t[i], m[i].deadline);
			break;
		default:
			if (random_next() % 2 == 0 && w.n_running > 0 && timer_wheel_next(&w) > now)
				now = timer_wheel_next(&w);
			else
				now += random_after() % (100 * NSEC_PER_SEC);
			while ((fired = timer_wheel_expire(&w, now)) != NULL) {
				i = (unsigned int)(fired - t);
				assert_true(is_due(m[i].deadline, now));
				m[i].deadline = NSEC_NEVER;
			}
			for (i = 0; i < N_TIMERS; i++)
				assert_false(is_due(m[i].deadline, now));
		}
		if (step % 16 == 0)
			check(&w, t, m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fires_at_its_tick),
		cmocka_unit_test(never_fires_early),
		cmocka_unit_test(past_deadline_fires_on_next_advance),
		cmocka_unit_test(never_stops),
		cmocka_unit_test(farthest_deadline_is_kept),
		cmocka_unit_test(interval_keeps_its_times),
		cmocka_unit_test(agrees_with_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

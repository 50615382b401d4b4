/* SPDX-License-Identifier: BSD-3-Clause */
/* Rings of captured frames: order, loss, and a producer and a consumer at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <pthread.h>

#include "fwd/tap.h"

static const struct tap_filter all = {.by = TAP_ANY_GROUP};

static bool put(struct tap *t, unsigned int worker, uint64_t tsc)
{
	struct tap_frame *f = tap_slot(t, worker);

	if (f == NULL)
		return false;
	f->tsc = tsc;
	f->size = (uint32_t)tsc;
	tap_commit(t, worker);
	return true;
}

static void oldest_of_all_rings_first(void **state)
{
	struct tap *t = tap_create(3, &all);
	unsigned int worker;

	assert_null(tap_oldest(t, &worker));
	put(t, 2, 1);
	put(t, 0, 2);
	put(t, 2, 3);
	put(t, 1, 4);
	for (uint64_t tsc = 1; tsc <= 4; tsc++) {
		assert_int_equal(tap_oldest(t, &worker)->tsc, tsc);
		tap_release(t, worker);
	}
	assert_null(tap_oldest(t, &worker));
	assert_int_equal(tap_lost(t), 0);
	tap_destroy(t);
	tap_destroy(NULL);
}

static void full_ring_loses_the_new_and_counts_it(void **state)
{
	struct tap *t = tap_create(2, &all);
	unsigned int worker;

	for (uint64_t i = 0; i < TAP_RING_SLOTS; i++)
		assert_true(put(t, 0, i));
	for (unsigned int i = 0; i < 5; i++)
		assert_false(put(t, 0, 9999));
	assert_int_equal(tap_lost(t), 5);
	assert_true(put(t, 1, TAP_RING_SLOTS)); /* another worker's is its own */
	for (uint64_t i = 0; i <= TAP_RING_SLOTS; i++) {
		assert_int_equal(tap_oldest(t, &worker)->tsc, i);
		tap_release(t, worker);
	}
	assert_null(tap_oldest(t, &worker));
	assert_true(put(t, 0, 1));
	tap_destroy(t);
}

#define N_FRAMES 200000

static void *produce(void *arg)
{
	for (uint64_t i = 1; i <= N_FRAMES; i++)
		put(arg, 0, i);
	return NULL;
}

/* Each is whole and in order; what is missing is what was counted. */
static void producer_and_consumer_at_once(void **state)
{
	struct tap *t = tap_create(1, &all);
	uint64_t n = 0, last = 0;
	unsigned int worker;
	pthread_t thread;
	bool more = true;

	assert_int_equal(pthread_create(&thread, NULL, produce, t), 0);
	while (more) {
		const struct tap_frame *f = tap_oldest(t, &worker);

		if (f == NULL) {
			more = n + tap_lost(t) < N_FRAMES;
			continue;
		}
		assert_true(f->tsc > last);
		assert_int_equal(f->size, f->tsc);
		last = f->tsc;
		n++;
		tap_release(t, worker);
	}
	pthread_join(thread, NULL);
	assert_int_equal(n + tap_lost(t), N_FRAMES);
	tap_destroy(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(oldest_of_all_rings_first),
		cmocka_unit_test(full_ring_loses_the_new_and_counts_it),
		cmocka_unit_test(producer_and_consumer_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

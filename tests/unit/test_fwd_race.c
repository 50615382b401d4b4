/* SPDX-License-Identifier: BSD-3-Clause */
#include "fwd_rig.h"

#include <pthread.h>
#include <stdio.h>

/*
 * One writer, two readers.
 *
 *    writer: tables one after another, each grown from nothing by
 *            groups that come and go; steady groups whose set flips
 *            between two; retire_poll, which overwrites what died
 *    reader: bulk look-ups of both kinds. A steady group is always
 *            found, with one of its two sets. Entries in hand stay what
 *            they are until the reader's quiescent state.
 *
 * Under TSan too:
 *    meson setup /tmp/tsan -Db_sanitize=thread && ninja -C /tmp/tsan tests/unit/test_fwd_race
 *    setarch -R /tmp/tsan/tests/unit/test_fwd_race
 */
#define N_READERS 2
#define N_STEADY  200
#define N_COMING  4000 /* key numbers from N_STEADY on */
#define N_TABLES  12
#define N_STEPS   20000

struct race {
	struct rig rig;
	struct group_table *table; /* by atomic load and store */
	int stop;
};

struct reader {
	struct race *race;
	unsigned int id;
	uint64_t n_bursts, n_found, n_gone;
	uint64_t n_missed, n_wrong_key, n_wrong_set, n_died;
};

/* Of key i; turn is what makes a steady group's two sets. */
static struct bitset ports_of(uint32_t i, unsigned int turn)
{
	return rig_ports(((uint64_t)i << 2 | (turn & 1)) + 1);
}

static bool set_is_legal(uint32_t i, const struct portset *s)
{
	struct bitset a = ports_of(i, 0), b = ports_of(i, 1);

	return bitset_equal(&s->ports, &a) || (i < N_STEADY && bitset_equal(&s->ports, &b));
}

static void entries_judge(struct reader *me, const uint32_t *number, const struct group_key *keys,
	const struct group_entry *const *e, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		if (e[i] == NULL) {
			me->n_missed += number[i] < N_STEADY;
			me->n_gone++;
			continue;
		}
		me->n_found++;
		if (memcmp(&e[i]->key, &keys[i], sizeof(keys[i])) != 0)
			me->n_wrong_key++;
		else if (!set_is_legal(number[i], e[i]->set))
			me->n_wrong_set++;
	}
}

/* Once more, when the writer has had time to do harm. */
static void entries_still_live(struct reader *me, const struct group_key *keys,
	const struct group_entry *const *e, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		if (e[i] != NULL && memcmp(&e[i]->key, &keys[i], sizeof(keys[i])) != 0)
			me->n_died++;
	}
}

static void *read_all_the_time(void *arg)
{
	struct reader *me = arg;
	struct race *race = me->race;
	uint64_t random = me->id + 1;

	rte_rcu_qsbr_thread_online(race->rig.qsbr, me->id);
	while (!__atomic_load_n(&race->stop, __ATOMIC_ACQUIRE)) {
		struct group_table *t = __atomic_load_n(&race->table, __ATOMIC_ACQUIRE);
		const struct group_entry *e[GROUP_TABLE_BURST];
		struct group_key keys[GROUP_TABLE_BURST];
		uint32_t number[GROUP_TABLE_BURST];
		unsigned int n = 1 + rig_random(&random) % GROUP_TABLE_BURST;

		for (unsigned int i = 0; i < n; i++) {
			number[i] = rig_random(&random) % (i % 2 ? N_STEADY : N_STEADY + N_COMING);
			keys[i] = rig_key(number[i]);
		}
		group_table_lookup_bulk(t, keys, n, e);
		entries_judge(me, number, keys, e, n);
		entries_still_live(me, keys, e, n);
		me->n_bursts++;
		rte_rcu_qsbr_quiescent(race->rig.qsbr, me->id);
	}
	rte_rcu_qsbr_thread_offline(race->rig.qsbr, me->id);
	return NULL;
}

static void group_write(struct group_table *t, uint32_t i, unsigned int turn)
{
	struct group_key key = rig_key(i);
	struct bitset ports = ports_of(i, turn);

	assert_int_equal(group_table_set(t, &key, &ports, NULL, 0), 0);
}

/* A table in which the steady groups are, and if so asked all in one chain. */
static struct group_table *table_begin(struct rig *rig, bool collide)
{
	static const uint64_t ipv4_hashes_to_0[4] = {0, 0, 0, 0x9e3779b97f4a7c15};
	struct group_table *t = group_table_create(rig->sets, rig->retire);

	assert_non_null(t);
	if (collide)
		group_table_set_seed(t, ipv4_hashes_to_0);
	for (uint32_t i = 0; i < N_STEADY; i++)
		group_write(t, i, 0);
	return t;
}

static void table_work(
	struct race *race, struct group_table *t, uint64_t *random, unsigned int n_steps)
{
	for (unsigned int step = 0; step < n_steps; step++) {
		uint32_t i = N_STEADY + rig_random(random) % N_COMING;
		struct group_key key = rig_key(i);

		if (rig_random(random) % 5 < 3)
			group_write(t, i, 0);
		else
			group_table_del(t, &key);
		group_write(t, rig_random(random) % N_STEADY, step);
		if (step % 16 == 0)
			retire_poll(race->rig.retire);
	}
}

static void write_tables(struct race *race)
{
	uint64_t random = 7;

	for (unsigned int i = 0; i < N_TABLES; i++) {
		bool collide = i % 4 == 3;
		struct group_table *old = race->table, *now = table_begin(&race->rig, collide);

		__atomic_store_n(&race->table, now, __ATOMIC_RELEASE);
		group_table_destroy(old);
		table_work(race, now, &random, collide ? N_STEPS / 10 : N_STEPS);
	}
}

static void readers_never_miss_and_never_see_the_dead(void **state)
{
	struct race race = {.rig = rig_open()};
	struct reader reader[N_READERS] = {0};
	pthread_t thread[N_READERS];

	race.table = table_begin(&race.rig, false);
	for (unsigned int i = 0; i < N_READERS; i++) {
		reader[i] = (struct reader){.race = &race, .id = i};
		assert_int_equal(rte_rcu_qsbr_thread_register(race.rig.qsbr, i), 0);
		assert_int_equal(
			pthread_create(&thread[i], NULL, read_all_the_time, &reader[i]), 0);
	}
	write_tables(&race);
	__atomic_store_n(&race.stop, 1, __ATOMIC_RELEASE);
	for (unsigned int i = 0; i < N_READERS; i++) {
		pthread_join(thread[i], NULL);
		rte_rcu_qsbr_thread_unregister(race.rig.qsbr, i);
		print_message("reader %u: %lu bursts, %lu found, %lu not there\n", i,
			reader[i].n_bursts, reader[i].n_found, reader[i].n_gone);
		assert_int_equal(reader[i].n_missed, 0);
		assert_int_equal(reader[i].n_wrong_key, 0);
		assert_int_equal(reader[i].n_wrong_set, 0);
		assert_int_equal(reader[i].n_died, 0);
		assert_true(reader[i].n_bursts > 0);
	}
	group_table_destroy(race.table);
	rig_close(&race.rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(readers_never_miss_and_never_see_the_dead),
	};

	return cmocka_run_group_tests_name("fwd_race", tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include "fwd_rig.h"

#include <errno.h>

#include "fwd/group_index.h"

/*
 * The group table and what it stands on, by one thread: retirement, shared sets, and the table
 * against a model too simple to be wrong, also when keys collide.
 */
static char order[16];

static void note(void *object)
{
	strncat(order, object, sizeof(order) - strlen(order) - 1);
}

static void objects_die_in_order_after_their_grace_period(void **state)
{
	struct rig r = rig_open();
	char a[] = "a", b[] = "b", c[] = "c";

	order[0] = '\0';
	rig_reader_start(&r, 0);
	rig_reader_start(&r, 1);
	retire_later(r.retire, a, note);
	retire_later(r.retire, b, note);
	assert_int_equal(retire_poll(r.retire), 2);
	rte_rcu_qsbr_quiescent(r.qsbr, 0);
	assert_int_equal(retire_poll(r.retire), 2); /* one of two readers is not enough */
	rte_rcu_qsbr_quiescent(r.qsbr, 1);
	retire_later(r.retire, c, note); /* too late for what the readers have reported */
	assert_int_equal(retire_poll(r.retire), 1);
	assert_string_equal(order, "ab");
	rig_reader_stop(&r, 0);
	rig_reader_stop(&r, 1);
	assert_int_equal(retire_poll(r.retire), 0);
	assert_string_equal(order, "abc");
	rig_close(&r);
}

static struct rig *again_rig;

static void die_and_retire(void *object)
{
	char *rest = (char *)object + 1;

	strncat(order, object, 1);
	if (*rest != '\0')
		retire_later(again_rig->retire, rest, die_and_retire);
}

static void what_dies_may_retire_more(void **state)
{
	struct rig r = rig_open();
	char text[] = "xyz";

	order[0] = '\0';
	again_rig = &r;
	retire_later(r.retire, text, die_and_retire);
	for (unsigned int i = 0; i < 1000; i++) { /* past a chunk, and into one anew */
		retire_later(r.retire, malloc(1), free);
		if (i % 300 == 299)
			assert_int_equal(retire_poll(r.retire), 0);
	}
	assert_int_equal(retire_poll(r.retire), 0);
	assert_string_equal(order, "xyz");
	rig_close(&r);
}

static void equal_sets_are_one(void **state)
{
	struct rig r = rig_open();
	struct bitset ports = rig_ports(0xf00d);
	const struct portset *a = portset_get(r.sets, &ports), *b, *many[1000];

	b = portset_get(r.sets, &ports);
	assert_ptr_equal(a, b);
	assert_int_equal((uintptr_t)a % 64, 0);
	assert_int_equal(portset_pool_count(r.sets), 1);
	for (unsigned int i = 0; i < 1000; i++) {
		ports = rig_ports(i + 1ULL);
		many[i] = portset_get(r.sets, &ports);
		assert_true(bitset_equal(&many[i]->ports, &ports));
	}
	assert_int_equal(portset_pool_count(r.sets), 1001);
	portset_put(r.sets, a);
	ports = rig_ports(0xf00d);
	assert_ptr_equal(portset_get(r.sets, &ports), b);
	for (unsigned int i = 0; i < 1000; i++)
		portset_put(r.sets, many[i]);
	portset_put(r.sets, b);
	portset_put(r.sets, b);
	portset_put(r.sets, NULL);
	assert_int_equal(portset_pool_count(r.sets), 0);
	rig_close(&r);
}

static void a_set_outlives_its_last_reference_by_a_grace_period(void **state)
{
	struct rig r = rig_open();
	struct bitset ports = rig_ports(7);
	const struct portset *s = portset_get(r.sets, &ports);

	rig_reader_start(&r, 0);
	portset_put(r.sets, s);
	assert_int_equal(retire_poll(r.retire), 1);
	assert_true(bitset_equal(&s->ports, &ports)); /* ASan would tell */
	rig_reader_stop(&r, 0);
	assert_int_equal(retire_poll(r.retire), 0);
	rig_close(&r);
}

static void groups_with_the_same_members_share_a_set(void **state)
{
	struct rig r = rig_open();
	struct bitset ports = rig_ports(0xff);
	struct group_key a = rig_key(1), b = rig_key(2);

	assert_int_equal(group_table_set(r.table, &a, &ports, NULL, 0), 0);
	assert_int_equal(group_table_set(r.table, &b, &ports, NULL, 0), 0);
	assert_ptr_equal(group_table_find(r.table, &a)->set, group_table_find(r.table, &b)->set);
	assert_int_not_equal(
		group_table_find(r.table, &a)->counter, group_table_find(r.table, &b)->counter);
	assert_int_equal(portset_pool_count(r.sets), 1);
	rig_close(&r);
}

static void an_entry_is_replaced_and_not_changed(void **state)
{
	struct rig r = rig_open();
	struct bitset one = rig_ports(1), two = rig_ports(2);
	struct group_key key = rig_key(9);
	const struct group_entry *before, *after;
	uint32_t counter;

	rig_reader_start(&r, 0);
	group_table_set(r.table, &key, &one, NULL, 0);
	before = group_table_find(r.table, &key);
	counter = before->counter;
	group_table_set(r.table, &key, &one, NULL, 0);
	assert_ptr_equal(group_table_find(r.table, &key), before); /* nothing new: left alone */
	group_table_set(r.table, &key, &two, NULL, 0);
	after = group_table_find(r.table, &key);
	assert_ptr_not_equal(after, before);
	assert_int_equal(after->counter, counter);
	assert_true(bitset_equal(&before->set->ports, &one));
	rte_rcu_qsbr_quiescent(r.qsbr, 0);
	assert_int_equal(retire_poll(r.retire), 0);
	assert_int_equal(group_table_find(r.table, &key)->counter, counter);
	rig_reader_stop(&r, 0);
	rig_close(&r);
}

static void a_counter_is_free_only_after_the_grace_period(void **state)
{
	struct rig r = rig_open();
	struct bitset ports = rig_ports(1);
	struct group_key a = rig_key(1), b = rig_key(2), c = rig_key(5);
	uint32_t counter;

	rig_reader_start(&r, 0);
	group_table_set(r.table, &a, &ports, NULL, 0);
	counter = group_table_find(r.table, &a)->counter;
	assert_int_equal(group_table_del(r.table, &a), 0);
	assert_int_equal(group_table_del(r.table, &a), -ENOENT);
	group_table_set(r.table, &b, &ports, NULL, 0);
	assert_int_not_equal(group_table_find(r.table, &b)->counter, counter);
	rte_rcu_qsbr_quiescent(r.qsbr, 0);
	retire_poll(r.retire);
	group_table_set(r.table, &c, &ports, NULL, 0);
	assert_int_equal(group_table_find(r.table, &c)->counter, counter);
	rig_reader_stop(&r, 0);
	rig_close(&r);
}

static void exceptions_go_by_source(void **state)
{
	struct rig r = rig_open();
	struct bitset members = rig_ports(0xff);
	struct group_source_ports x[40];
	struct group_key key = rig_key(4);
	const struct group_entry *e;
	struct ip_addr other = ip_from_v4(__builtin_bswap32(0x0a0000ff));

	for (unsigned int i = 0; i < 40; i++) { /* given in no order */
		x[i].source = ip_from_v4(__builtin_bswap32(0x0a000000 | (i * 17 % 40)));
		x[i].ports = rig_ports(i * 17 % 40 + 1);
	}
	assert_int_equal(group_table_set(r.table, &key, &members, x, 40), 0);
	e = group_table_find(r.table, &key);
	for (uint32_t i = 0; i < 40; i++) {
		struct ip_addr source = ip_from_v4(__builtin_bswap32(0x0a000000 | i));
		struct bitset ports = rig_ports(i + 1);

		assert_true(bitset_equal(&group_entry_set(e, &source)->ports, &ports));
	}
	assert_ptr_equal(group_entry_set(e, &other), e->set);
	group_table_set(r.table, &key, &members, x, 40);
	assert_ptr_equal(group_table_find(r.table, &key), e);
	group_table_set(r.table, &key, &members, x, 39);
	assert_int_equal(group_table_find(r.table, &key)->exceptions->n, 39);
	group_table_set(r.table, &key, &members, NULL, 0);
	assert_null(group_table_find(r.table, &key)->exceptions);
	assert_int_equal(portset_pool_count(r.sets), 1);
	rig_close(&r);
}

/* --- against a model --- */

#define MODEL_KEYS 3000

struct model {
	bool there[MODEL_KEYS];
	uint32_t ports[MODEL_KEYS];
	unsigned int n;
};

static bool count_in_model(const struct group_entry *e, void *ctx)
{
	(*(unsigned int *)ctx)++;
	return true;
}

static void counter_is_unique(struct rig *r, unsigned int n_keys)
{
	uint8_t *seen = calloc(1, n_keys * 4);

	for (uint32_t i = 0; i < n_keys; i++) {
		struct group_key key = rig_key(i);
		const struct group_entry *e = group_table_find(r->table, &key);

		if (e == NULL)
			continue;
		assert_true(e->counter < n_keys * 4);
		assert_int_equal(seen[e->counter]++, 0);
	}
	free(seen);
}

static void check_against(struct rig *r, const struct model *m, unsigned int n_keys)
{
	const struct group_entry *out[GROUP_TABLE_BURST];
	struct group_key keys[GROUP_TABLE_BURST];
	unsigned int walked = 0;

	for (uint32_t i = 0; i < n_keys; i += GROUP_TABLE_BURST) {
		unsigned int n = n_keys - i < GROUP_TABLE_BURST ? n_keys - i : GROUP_TABLE_BURST;

		for (uint32_t k = 0; k < n; k++)
			keys[k] = rig_key(i + k);
		group_table_lookup_bulk(r->table, keys, n, out);
		for (uint32_t k = 0; k < n; k++) {
			struct bitset ports = rig_ports(m->ports[i + k]);

			assert_ptr_equal(out[k], group_table_find(r->table, &keys[k]));
			assert_int_equal(out[k] != NULL, m->there[i + k]);
			if (out[k] != NULL)
				assert_true(bitset_equal(&out[k]->set->ports, &ports));
		}
	}
	assert_int_equal(group_table_count(r->table), m->n);
	group_table_walk(r->table, count_in_model, &walked);
	assert_int_equal(walked, m->n);
	counter_is_unique(r, n_keys);
}

static void random_step(struct rig *r, struct model *m, uint32_t i, uint32_t dice)
{
	struct group_key key = rig_key(i);
	struct bitset ports = rig_ports(dice % 50 + 1);

	if (dice % 5 < 3) {
		assert_int_equal(group_table_set(r->table, &key, &ports, NULL, 0), 0);
		m->n += !m->there[i];
		m->there[i] = true;
		m->ports[i] = dice % 50 + 1;
	} else {
		assert_int_equal(group_table_del(r->table, &key), m->there[i] ? 0 : -ENOENT);
		m->n -= m->there[i];
		m->there[i] = false;
	}
}

static void run_model(const uint64_t *seed, unsigned int n_keys, unsigned int n_steps)
{
	struct rig r = rig_open();
	struct model *m = calloc(1, sizeof(*m));
	uint64_t random = 42;

	if (seed != NULL)
		group_table_set_seed(r.table, seed);
	for (unsigned int step = 0; step < n_steps; step++) {
		uint32_t i = rig_random(&random) % n_keys;

		random_step(&r, m, i, rig_random(&random));
		if (step % 64 == 0)
			retire_poll(r.retire);
		if (step % (n_steps / 20) == 0)
			check_against(&r, m, n_keys);
	}
	check_against(&r, m, n_keys);
	free(m);
	rig_close(&r);
}

static void random_operations_match_the_model(void **state)
{
	run_model(NULL, MODEL_KEYS, 200000);
}

static void keys_that_all_collide_match_the_model(void **state)
{
	static const uint64_t all_hash_to_0[4];

	run_model(all_hash_to_0, 600, 20000);
}

static void keys_that_partly_collide_match_the_model(void **state)
{
	static const uint64_t ipv4_hashes_to_0[4] = {0, 0, 0, 0x9e3779b97f4a7c15};

	run_model(ipv4_hashes_to_0, 1500, 50000);
}

static void a_deletion_leaves_nothing_behind(void **state)
{
	const struct group_buckets *empty;
	struct rig r = rig_open();
	struct group_entry e[200] = {0};
	struct group_index x;

	assert_int_equal(group_index_init(&x, r.retire), 0);
	empty = x.buckets;
	for (uint32_t i = 0; i < 200; i++) { /* crowded around four buckets */
		e[i].key = rig_key(i);
		e[i].hash = i << 16 | i % 4;
		assert_int_equal(group_index_reserve(&x), 0);
		group_index_insert(&x, &e[i]);
	}
	assert_true(empty->bucket[0].tags[1] >> 32 != 0);
	for (uint32_t i = 0; i < 200; i++)
		group_index_remove(&x, &e[i * 37 % 200]);
	assert_ptr_equal(x.buckets, empty);
	for (uint32_t b = 0; b <= empty->mask; b++) {
		assert_int_equal(empty->bucket[b].tags[0], 0);
		assert_int_equal(empty->bucket[b].tags[1], 0);
	}
	group_index_fini(&x);
	rig_close(&r);
}

static void it_grows_and_loses_nothing(void **state)
{
	struct rig r = rig_open();
	struct bitset ports = rig_ports(3);

	for (uint32_t i = 0; i < 100000; i++) {
		struct group_key key = rig_key(i);

		assert_int_equal(group_table_set(r.table, &key, &ports, NULL, 0), 0);
	}
	assert_int_equal(group_table_count(r.table), 100000);
	for (uint32_t i = 0; i < 200000; i++) {
		struct group_key key = rig_key(i);

		assert_int_equal(group_table_find(r.table, &key) != NULL, i < 100000);
	}
	for (uint32_t i = 0; i < 100000; i++) {
		struct group_key key = rig_key(i);

		assert_int_equal(group_table_del(r.table, &key), 0);
	}
	assert_int_equal(group_table_count(r.table), 0);
	rig_close(&r);
}

static void nothing_is_fine(void **state)
{
	struct rig r = rig_open();

	group_table_lookup_bulk(r.table, NULL, 0, NULL);
	group_table_destroy(NULL);
	portset_pool_destroy(NULL);
	retire_destroy(NULL);
	rig_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(objects_die_in_order_after_their_grace_period),
		cmocka_unit_test(what_dies_may_retire_more),
		cmocka_unit_test(equal_sets_are_one),
		cmocka_unit_test(a_set_outlives_its_last_reference_by_a_grace_period),
		cmocka_unit_test(groups_with_the_same_members_share_a_set),
		cmocka_unit_test(an_entry_is_replaced_and_not_changed),
		cmocka_unit_test(a_counter_is_free_only_after_the_grace_period),
		cmocka_unit_test(exceptions_go_by_source),
		cmocka_unit_test(random_operations_match_the_model),
		cmocka_unit_test(keys_that_all_collide_match_the_model),
		cmocka_unit_test(keys_that_partly_collide_match_the_model),
		cmocka_unit_test(a_deletion_leaves_nothing_behind),
		cmocka_unit_test(it_grows_and_loses_nothing),
		cmocka_unit_test(nothing_is_fine),
	};

	return cmocka_run_group_tests_name("fwd_table", tests, NULL, NULL);
}

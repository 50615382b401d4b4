/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TESTS_UNIT_FWD_RIG_H
#define TESTS_UNIT_FWD_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <rte_rcu_qsbr.h>

#include "base/bitset.h"
#include "fwd/group_table.h"
#include "fwd/portset.h"
#include "fwd/retire.h"

/*
 * What the tests of lib/fwd stand on: a quiescent state variable in plain memory (no EAL), a
 * retire list, a pool and a table.
 */
#define RIG_READERS 4

struct rig {
	struct rte_rcu_qsbr *qsbr;
	struct retire *retire;
	struct portset_pool *sets;
	struct group_table *table;
};

static inline struct rig rig_open(void)
{
	struct rig r;
	size_t size = (rte_rcu_qsbr_get_memsize(RIG_READERS) + 63) / 64 * 64;

	r.qsbr = aligned_alloc(64, size);
	assert_non_null(r.qsbr);
	assert_int_equal(rte_rcu_qsbr_init(r.qsbr, RIG_READERS), 0);
	r.retire = retire_create(r.qsbr);
	assert_non_null(r.retire);
	r.sets = portset_pool_create(r.retire);
	assert_non_null(r.sets);
	r.table = group_table_create(r.sets, r.retire);
	assert_non_null(r.table);
	return r;
}

/* Every set must have been given back. */
static inline void rig_close(struct rig *r)
{
	group_table_destroy(r->table);
	assert_int_equal(portset_pool_count(r->sets), 0);
	portset_pool_destroy(r->sets);
	retire_destroy(r->retire);
	free(r->qsbr);
}

static inline void rig_reader_start(struct rig *r, unsigned int id)
{
	assert_int_equal(rte_rcu_qsbr_thread_register(r->qsbr, id), 0);
	rte_rcu_qsbr_thread_online(r->qsbr, id);
}

static inline void rig_reader_stop(struct rig *r, unsigned int id)
{
	rte_rcu_qsbr_thread_offline(r->qsbr, id);
	assert_int_equal(rte_rcu_qsbr_thread_unregister(r->qsbr, id), 0);
}

/* The same numbers in every run. */
static inline uint32_t rig_random(uint64_t *state)
{
	*state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)(*state >> 33);
}

/* Key number i: IPv4 groups, IPv6 groups and MACs in turn, in a few VLANs. */
static inline struct group_key rig_key(uint32_t i)
{
	struct ip_addr group = {.b = {0xff, 0x0e, [12] = i >> 24, i >> 16, i >> 8, i}};
	struct mac_addr mac = {{0x01, 0x00, 0x5e, i >> 16, i >> 8, i}};
	uint16_t vlan = (uint16_t)(i % 5 * 10);

	if (i % 4 == 3)
		return group_key_mac(vlan, &mac);
	if (i % 4 == 2)
		return group_key_ip(vlan, &group);
	group = ip_from_v4(__builtin_bswap32(0xef000000 | i));
	return group_key_ip(vlan, &group);
}

static inline struct bitset rig_ports(uint64_t bits)
{
	return (struct bitset){.w = {bits, 0, 0, bits >> 60}};
}

#endif

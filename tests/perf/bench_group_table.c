/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the group table costs by itself: bytes a group, cycles a look-up in bursts of 32, and a
 * change, from one group to a million. No EAL, no ports; not part of any build:
 *
 *    cc -O3 -D_GNU_SOURCE -Ilib $(pkg-config --cflags libdpdk) tests/perf/bench_group_table.c \
 *        lib/fwd/{entry_pool,group_index,group_table,portset,retire}.c \
 *        $(pkg-config --libs libdpdk) -o /tmp/bench_group_table && taskset -c 1 /tmp/bench_group_table
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#include <rte_cycles.h>
#include <rte_rcu_qsbr.h>

#include "fwd/group_table.h"
#include "fwd/retire.h"

#define BURST    32
#define N_BURSTS 8192 /* of random keys, more than the caches hold of a big table */
#define N_ROUNDS 21

struct bench {
	struct rte_rcu_qsbr *qsbr;
	struct retire *retire;
	struct portset_pool *sets;
	struct group_table *table;
	struct group_key *keys; /* [N_BURSTS * BURST] */
};

static struct group_key key_of(uint32_t i)
{
	struct ip_addr group = ip_from_v4(__builtin_bswap32(0xe8000000 + i));

	return group_key_ip(20, &group);
}

static void bench_open(struct bench *b)
{
	b->qsbr = aligned_alloc(64, (rte_rcu_qsbr_get_memsize(1) + 63) / 64 * 64);
	rte_rcu_qsbr_init(b->qsbr, 1);
	b->retire = retire_create(b->qsbr);
	b->sets = portset_pool_create(b->retire);
	b->table = group_table_create(b->sets, b->retire);
}

static void bench_close(struct bench *b)
{
	group_table_destroy(b->table);
	portset_pool_destroy(b->sets);
	retire_destroy(b->retire);
	free(b->qsbr);
}

static size_t bytes_in_use(void)
{
	struct mallinfo2 m = mallinfo2();

	return m.uordblks + m.hblkhd;
}

static void join(struct bench *b, uint32_t i)
{
	struct group_key key = key_of(i);
	struct bitset members = {{0xff << (i % 4)}};

	group_table_set(b->table, &key, &members, NULL, 0);
	retire_poll(b->retire);
}

static int order(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Median of rounds, of keys spread over `of` numbers from `first` on. */
static double cycles_per_lookup(struct bench *b, uint32_t first, uint32_t of, uint64_t *n_found)
{
	const struct group_entry *out[BURST];
	double cycles[N_ROUNDS];
	uint64_t random = 1;

	for (uint32_t i = 0; i < N_BURSTS * BURST; i++) {
		random = random * 6364136223846793005ULL + 1442695040888963407ULL;
		b->keys[i] = key_of(first + (uint32_t)(random >> 33) % of);
	}
	*n_found = 0;
	for (unsigned int round = 0; round < N_ROUNDS; round++) {
		uint64_t begin = rte_rdtsc_precise();

		for (uint32_t i = 0; i < N_BURSTS; i++) {
			group_table_lookup_bulk(b->table, b->keys + i * BURST, BURST, out);
			for (unsigned int k = 0; k < BURST; k++)
				*n_found += out[k] != NULL;
		}
		cycles[round] = (double)(rte_rdtsc_precise() - begin) / (N_BURSTS * BURST);
	}
	qsort(cycles, N_ROUNDS, sizeof(cycles[0]), order);
	return cycles[N_ROUNDS / 2];
}

static double cycles_per_change(struct bench *b, uint32_t n)
{
	struct group_key key;
	uint64_t begin = rte_rdtsc_precise();

	for (uint32_t i = 0; i < 10000; i++) {
		key = key_of(i * 2654435761u % n);
		group_table_del(b->table, &key);
		join(b, i * 2654435761u % n);
	}
	return (double)(rte_rdtsc_precise() - begin) / 20000;
}

int main(void)
{
	static const uint32_t sizes[] = {1, 256, 1000, 10000, 65536, 1000000};
	struct bench b;

	b.keys = malloc(N_BURSTS * BURST * sizeof(*b.keys));
	printf("%10s %12s %8s %8s %8s\n", "groups", "bytes/group", "hit", "miss", "change");
	for (unsigned int s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
		size_t before = bytes_in_use();
		uint64_t hits, misses;
		double bytes, hit, miss;

		bench_open(&b);
		for (uint32_t i = 0; i < sizes[s]; i++)
			join(&b, i);
		bytes = (double)(bytes_in_use() - before) / sizes[s];
		hit = cycles_per_lookup(&b, 0, sizes[s], &hits);
		miss = cycles_per_lookup(&b, 1 << 25, 1 << 20, &misses);
		if (hits != (uint64_t)N_ROUNDS * N_BURSTS * BURST || misses != 0)
			return 1;
		printf("%10u %12.1f %8.1f %8.1f %8.0f\n", sizes[s], bytes, hit, miss,
			cycles_per_change(&b, sizes[s]));
		bench_close(&b);
	}
	free(b.keys);
	return 0;
}

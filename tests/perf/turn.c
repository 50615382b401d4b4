/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a turn of the worker costs, in instructions: one port that always has a full burst, FANOUT ports that want all of it,
 * and nothing of a driver in between. The ports are devices that take everything, or guests whose rings are away, so that
 * what is counted ends where the copy into a ring would begin. The burst is for GROUPS groups with the same members.
 *
 *     valgrind --tool=callgrind --toggle-collect=worker_turn --callgrind-out-file=/dev/null \
 *         build/tests/perf/turn FANOUT TURNS [devices|guests [GROUPS]]
 *
 * prints "Collected : N"; N / (32 x TURNS) is instructions a frame. Without valgrind it prints time stamp counter cycles a frame.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_lcore.h>
#include <rte_malloc.h>
#include <rte_rcu_qsbr.h>

#include "datapath/worker.h"
#include "fwd/retire.h"
#include "port/port_private.h"

#define MAX_FANOUT 250
#define N_MBUFS    4095
#define N_EAL      10

static struct rte_mempool *pool;
static uint8_t frame[64];
static unsigned int n_groups = 1;
static bool guests;

static uint16_t full_burst(void *queue, struct rte_mbuf **mbufs, uint16_t n)
{
	if (rte_pktmbuf_alloc_bulk(pool, mbufs, n) != 0)
		return 0;
	for (uint16_t i = 0; i < n; i++)
		mbufs[i]->data_len = mbufs[i]->pkt_len = sizeof(frame);
	return n;
}

static uint16_t take_all(void *queue, struct rte_mbuf **mbufs, uint16_t n)
{
	rte_pktmbuf_free_bulk(mbufs, n);
	return n;
}

static uint16_t nothing(void *queue, struct rte_mbuf **mbufs, uint16_t n)
{
	return 0;
}

/* In the place of drivers: what rte_eth_rx_burst and rte_eth_tx_burst look at, and nothing else.
 * Device 0 is the source, device 1 everybody else. */
static void devices_fake(void)
{
	static void *data[1], *callbacks[1];

	data[0] = data;
	for (unsigned int i = 0; i < 2; i++) {
		struct rte_eth_fp_ops *ops = &rte_eth_fp_ops[i];

		ops->rx_pkt_burst = i == 0 ? full_burst : nothing;
		ops->tx_pkt_burst = take_all;
		ops->rxq.data = ops->txq.data = data;
		ops->rxq.clbk = ops->txq.clbk = callbacks;
	}
}

/* 239.1.1.0 and on, UDP, into every buffer: it stays there whoever frees it. */
static void frame_write(struct rte_mempool *mp, void *opaque, void *object, unsigned int i)
{
	static const uint8_t head[] = {0x01, 0x00, 0x5e, 0x01, 0x01, 0x01, 2, 0, 0, 0, 0, 9, 8, 0,
		0x45, 0, 0, 50, 0, 0, 0, 0, 8, 17, 0, 0, 10, 0, 0, 9, 239, 1, 1, 1};
	struct rte_mbuf *m = object;

	uint8_t *data = (uint8_t *)m->buf_addr + RTE_PKTMBUF_HEADROOM;

	memcpy(data, head, sizeof(head));
	data[5] = data[33] = (uint8_t)(i % n_groups);
}

static const struct plane *plane_make(struct portset_pool *sets, unsigned int fanout)
{
	static struct plane_port ports[1 + MAX_FANOUT];
	static uint16_t carrier[BITSET_SIZE];
	static const uint16_t uplinks[] = {0};
	const struct plane_team team = {.uplinks = uplinks, .n_uplinks = 1, .carrier = carrier};
	const struct plane_vlan_policy vlan = {.id = 0};
	const struct plane_input in = {.ports = ports,
		.n_ports = 1 + fanout,
		.teams = &team,
		.n_teams = 1,
		.vlans = &vlan,
		.n_vlans = 1};

	for (unsigned int i = 0; i <= fanout; i++)
		ports[i] = (struct plane_port){.id = (uint16_t)i,
			.flags = i > 0 ? PLANE_GUEST : 0,
			.copies = guests && i > 0,
			.up = true,
			.mac = {{2, 0, 0, 0, 1, (uint8_t)i}}};
	return plane_build(&in, sets);
}

static struct worker *rig(struct forwarding *fwd, unsigned int fanout)
{
	static struct port ports[1 + MAX_FANOUT];
	struct retire *retire;
	struct portset_pool *sets;
	struct bitset members = {{0}};

	fwd->qsbr = rte_zmalloc("qsbr", rte_rcu_qsbr_get_memsize(1), RTE_CACHE_LINE_SIZE);
	rte_rcu_qsbr_init(fwd->qsbr, 1);
	retire = retire_create(fwd->qsbr);
	sets = portset_pool_create(retire);
	fwd->groups = group_table_create(sets, retire);
	for (unsigned int i = 0; i <= fanout; i++) {
		ports[i] = (struct port){.kind = guests && i > 0 ? PORT_VHOST : PORT_ETHDEV,
			.id = (uint16_t)i,
			.ethdev = i > 0,
			.vid = -1,
			.own_rings = true};
		atomic_store(&fwd->ports[i], &ports[i]);
		if (i > 0)
			bitset_set(&members, i);
	}
	for (unsigned int i = 0; i < n_groups; i++) {
		const uint8_t octets[4] = {239, 1, 1, (uint8_t)i};
		struct ip_addr group = ip_from_octets(octets, false);
		struct group_key key = group_key_ip(0, &group);

		group_table_set(fwd->groups, &key, &members, NULL, 0);
	}
	atomic_store(&fwd->plane, plane_make(sets, fanout));
	devices_fake();
	fwd->n_workers = 1;
	fwd->worker[0] = NULL;
	return worker_create(fwd, 0, rte_lcore_id());
}

int main(int argc, char **argv)
{
	static struct forwarding fwd;
	static const char *const eal[] = {"turn", "--no-huge", "-m", "128", "--no-pci",
		"--no-telemetry", "--no-shconf", "-l", "0", "--log-level=1"};
	char *args[N_EAL];
	unsigned int fanout = argc > 1 ? (unsigned int)atoi(argv[1]) : 4,
		     turns = argc > 2 ? (unsigned int)atoi(argv[2]) : 1000;
	struct worker *w;
	uint64_t begin;

	for (unsigned int i = 0; i < N_EAL; i++)
		args[i] = strdup(eal[i]);
	guests = argc > 3 && strcmp(argv[3], "guests") == 0;
	n_groups = argc > 4 ? (unsigned int)atoi(argv[4]) : 1;
	if (n_groups < 1 || n_groups > 256 || fanout > MAX_FANOUT || rte_eal_init(N_EAL, args) < 0)
		return 1;
	pool = rte_pktmbuf_pool_create("frames", N_MBUFS, 256,
		RTE_ALIGN_CEIL(sizeof(struct frame_meta), RTE_MBUF_PRIV_ALIGN), 512,
		(int)rte_socket_id());
	if (pool == NULL)
		return 1;
	rte_mempool_obj_iter(pool, frame_write, NULL);
	fwd.pool = pool;
	w = rig(&fwd, fanout);
	rte_rcu_qsbr_thread_register(fwd.qsbr, 0);
	rte_rcu_qsbr_thread_online(fwd.qsbr, 0);
	begin = rte_rdtsc();
	for (unsigned int i = 0; i < turns; i++)
		worker_turn(w);
	printf("%llu frames in, %llu out, %.1f cycles a frame\n",
		(unsigned long long)w->x.counters.rx, (unsigned long long)w->x.counters.tx,
		(double)(rte_rdtsc() - begin) / (double)w->x.counters.rx);
	return 0;
}

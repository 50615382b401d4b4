/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames for the worker. The input is a list: an octet for the port it comes in by, two for its
 * length, then the frame. Two uplinks, a guest of a VLAN and a guest with a trunk stand round a real worker;
 * drivers are functions here. What lies behind a frame in its buffer is poisoned for
 * AddressSanitizer. Whatever comes: the law holds, no frame comes back to its port or passes from
 * uplink to uplink, none is shorter than its header, a tag is where it is due, and no buffer is lost.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_lcore.h>
#include <rte_malloc.h>
#include <rte_rcu_qsbr.h>
#include <rte_ring.h>
#include <sanitizer/asan_interface.h>

#include "datapath/worker.h"
#include "fwd/retire.h"
#include "pkt/eth.h"
#include "pkt/group_msg.h"
#include "port/port_private.h"

#define N_PORTS  4u
#define UP0      0u
#define UP1      1u
#define ACCESS   2u /* a guest of VLAN 20 */
#define TRUNK    3u /* a guest of VLANs 20 and 30, and of what is untagged */
#define N_MBUFS  1023u
#define N_EAL    9
#define DATA_MAX 2048u

#define CHECK(condition)                                                                \
	do {                                                                            \
		if (!(condition)) {                                                     \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
			abort();                                                        \
		}                                                                       \
	} while (0)

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__lsan_default_suppressions(void);

struct device {
	struct rte_mbuf *waiting[WORKER_BURST];
	uint16_t n;
	uint16_t n_given; /* of those, since the last turn */
};

static struct rte_mempool *pool;
static struct forwarding fwd;
static struct worker *worker;
static struct device device[N_PORTS];
static unsigned int from; /* the port whose frames are on their way */

/* What EAL makes once. */
const char *__lsan_default_suppressions(void)
{
	return "leak:librte_";
}

static uint16_t device_rx(void *queue, struct rte_mbuf **mbufs, uint16_t n)
{
	struct device *d = queue;
	uint16_t taken = d->n;

	CHECK(taken <= n);
	memcpy(mbufs, d->waiting, taken * sizeof(mbufs[0]));
	d->n = 0;
	return taken;
}

/* The VLAN in the frame's own tag; 0: none. */
static uint16_t tag_of(const uint8_t *frame, uint16_t size)
{
	if (eth_type(frame) != ETHERTYPE_VLAN || size < ETH_HEADER_SIZE + ETH_VLAN_SIZE)
		return 0;
	return get_be16(frame + ETH_HEADER_SIZE) & 0xfff;
}

static void frame_check(const struct rte_mbuf *m, unsigned int to)
{
	const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);

	CHECK(m->data_len >= ETH_HEADER_SIZE && m->data_len == m->pkt_len);
	CHECK(to != from);
	CHECK(to >= ACCESS || from >= ACCESS);
	if (from == ACCESS)
		CHECK(tag_of(frame, m->data_len) == 20);
	if (to == ACCESS)
		CHECK((m->vlan_tci & 0xfff) == 20);
}

static uint16_t device_tx(void *queue, struct rte_mbuf **mbufs, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++) {
		frame_check(mbufs[i], (unsigned int)((struct device *)queue - device));
		rte_pktmbuf_free(mbufs[i]);
	}
	return n;
}

static void devices_fake(void)
{
	static void *queue[N_PORTS][1], *callbacks[1];

	for (unsigned int i = 0; i < N_PORTS; i++) {
		struct rte_eth_fp_ops *ops = &rte_eth_fp_ops[i];

		queue[i][0] = &device[i];
		ops->rx_pkt_burst = device_rx;
		ops->tx_pkt_burst = device_tx;
		ops->rxq.data = ops->txq.data = queue[i];
		ops->rxq.clbk = ops->txq.clbk = callbacks;
	}
}

static const struct plane *plane_make(struct portset_pool *sets)
{
	static const uint16_t trunk[] = {0, 20, 30}, uplinks[] = {UP0, UP1};
	static uint16_t carrier[BITSET_SIZE];
	const struct plane_port ports[N_PORTS] = {
		{.id = UP0, .flags = PLANE_BEACON, .up = true},
		{.id = UP1, .up = true},
		{.id = ACCESS, .flags = PLANE_GUEST, .vlan = 20, .up = true, .mac = {{2, [5] = 2}}},
		{.id = TRUNK,
			.flags = PLANE_GUEST | PLANE_TRUNK | PLANE_LEARN,
			.trunk_vlans = trunk,
			.n_trunk_vlans = 3,
			.up = true,
			.mac = {{2, [5] = 3}}},
	};
	const struct plane_team team = {.uplinks = uplinks, .n_uplinks = 2, .carrier = carrier};
	const struct plane_vlan_policy vlans[] = {
		{.id = 0, .flood_unregistered = true, .flood_unregistered6 = true}, {.id = 20},
		{.id = 30, .flood_unregistered6 = true}};
	const struct plane_input in = {.ports = ports,
		.n_ports = N_PORTS,
		.teams = &team,
		.n_teams = 1,
		.vlans = vlans,
		.n_vlans = 3};

	carrier[ACCESS] = UP0;
	carrier[TRUNK] = UP1;
	return plane_build(&in, sets);
}

static void groups_make(struct group_table *groups)
{
	struct bitset access = {0}, trunk = {0}, both = {0};
	struct group_source_ports only = {.source = ip_from_v4(0x0900000a)};
	struct group_key key;
	struct ip_addr group;

	bitset_set(&access, ACCESS);
	bitset_set(&trunk, TRUNK);
	bitset_set(&both, ACCESS);
	bitset_set(&both, TRUNK);
	only.ports = access;
	ip_parse("239.1.1.1", &group);
	key = group_key_ip(20, &group);
	CHECK(group_table_set(groups, &key, &both, &only, 1) == 0);
	ip_parse("ff15::1", &group);
	key = group_key_ip(20, &group);
	CHECK(group_table_set(groups, &key, &both, NULL, 0) == 0);
	key = group_key_mac(30, &(struct mac_addr){{1, 0, 0x5e, 1, 1, 1}});
	CHECK(group_table_set(groups, &key, &trunk, NULL, 0) == 0);
}

static void rig_make(void)
{
	static struct port ports[N_PORTS];
	struct portset_pool *sets;
	struct retire *retire;

	fwd.qsbr = rte_zmalloc("qsbr", rte_rcu_qsbr_get_memsize(1), RTE_CACHE_LINE_SIZE);
	rte_rcu_qsbr_init(fwd.qsbr, 1);
	retire = retire_create(fwd.qsbr);
	sets = portset_pool_create(retire);
	fwd.groups = group_table_create(sets, retire);
	for (unsigned int i = 0; i < N_PORTS; i++) {
		ports[i] = (struct port){
			.kind = PORT_ETHDEV, .id = (uint16_t)i, .ethdev = (uint16_t)i};
		atomic_store(&fwd.ports[i], &ports[i]);
	}
	groups_make(fwd.groups);
	atomic_store(&fwd.plane, plane_make(sets));
	devices_fake();
	fwd.n_workers = 1;
	fwd.pool = pool;
	worker = worker_create(&fwd, 0, rte_lcore_id());
	CHECK(worker != NULL);
	rte_rcu_qsbr_thread_register(fwd.qsbr, 0);
	rte_rcu_qsbr_thread_online(fwd.qsbr, 0);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static char eal[N_EAL][16] = {"frame", "--no-huge", "-m", "64", "--no-pci",
		"--no-telemetry", "--no-shconf", "-l", "0"};
	char *args[N_EAL];

	for (unsigned int i = 0; i < N_EAL; i++)
		args[i] = eal[i];
	CHECK(rte_eal_init(N_EAL, args) >= 0);
	pool = rte_pktmbuf_pool_create("frames", N_MBUFS, 0,
		RTE_ALIGN_CEIL(sizeof(struct frame_meta), RTE_MBUF_PRIV_ALIGN),
		RTE_PKTMBUF_HEADROOM + DATA_MAX, (int)rte_socket_id());
	CHECK(pool != NULL);
	rig_make();
	return 0;
}

static void frame_give(struct device *d, const uint8_t *data, uint16_t size)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

	CHECK(m != NULL);
	memcpy(rte_pktmbuf_mtod(m, void *), data, size);
	m->data_len = size;
	m->pkt_len = size;
	ASAN_POISON_MEMORY_REGION(rte_pktmbuf_mtod(m, uint8_t *) + size, rte_pktmbuf_tailroom(m));
	d->waiting[d->n++] = m;
	d->n_given = d->n;
}

/* As control does: what classify calls membership, the parser takes or says why not. */
static void punts_take(void)
{
	struct rte_mbuf *m;

	while (rte_ring_sc_dequeue(worker->x.punt, (void **)&m) == 0) {
		const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);
		struct group_msg msg;

		CHECK(m->data_len >= ETH_HEADER_SIZE);
		CHECK(frame_meta(m)->port == from);
		if (frame_meta(m)->punt == PUNT_MEMBERSHIP)
			group_msg_parse(
				frame + ETH_HEADER_SIZE, m->data_len - ETH_HEADER_SIZE, &msg);
		else if (frame_meta(m)->punt == PUNT_BEACON)
			CHECK(from == UP0);
		rte_pktmbuf_free(m);
	}
}

static void law_check(void)
{
	const struct worker_counters *c = &worker->x.counters;
	uint64_t out = c->tx + c->punted + c->handed_out;

	for (unsigned int i = 0; i < DROP_N_REASONS; i++)
		out += c->drops[i];
	CHECK(c->rx + c->injected + c->handed_in + c->references == out);
	CHECK(rte_mempool_avail_count(pool) == N_MBUFS);
}

/* The pool is a queue without a cache: what was freed in this turn is not taken again in it. */
static void turn(struct device *d)
{
	worker_turn(worker);
	CHECK(d->n == 0);
	punts_take();
	for (uint16_t i = 0; i < d->n_given; i++)
		ASAN_UNPOISON_MEMORY_REGION(d->waiting[i]->buf_addr, d->waiting[i]->buf_len);
	law_check();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct device *d = NULL;

	while (size >= 3) {
		uint16_t n = get_be16(data + 1) % (DATA_MAX + 1);

		if (d != NULL && (d != &device[data[0] % N_PORTS] || d->n == WORKER_BURST))
			turn(d);
		from = data[0] % N_PORTS;
		d = &device[from];
		data += 3;
		size -= 3;
		if (n > size)
			n = (uint16_t)size;
		frame_give(d, data, n);
		data += n;
		size -= n;
	}
	if (d != NULL)
		turn(d);
	return 0;
}

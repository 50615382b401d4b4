/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What one copy into a guest's ring costs, in cycles, by each way of writing it: the library's
 * enqueue, the burst written by hand (limits.c's M), and lib/port's rings with each kind of stores.
 * All write the same burst into the same rings of the same null guests, in this process, in turn;
 * the best of many short runs counts, so that a busy machine does less harm.
 *
 *     bench_ring --no-huge -m 512 -l 0 -- [N,N... [SIZE,SIZE...]]
 *
 * Not a test, and not tools/bench: guests run on the same core here, so no line travels between
 * cores.
 */
#include "frame.h"
#include "guest.h"
#include "handwrite.h"

#include "port/ring.h"
#include "port/ring_copy.h"

#include <errno.h>
#include <pthread.h>
#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_mbuf.h>
#include <rte_vhost.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	GUESTS_MAX = 32,
	BURST = HANDWRITE_BURST,
	ROUNDS = 15,      /* of each way; the best counts */
	WARM_SWEEPS = 64, /* twice round a ring */
	SWEEPS = 64,      /* over all guests, a round */
	WAYS_MAX = 16,
	LIST_MAX = 8,
};

struct target {
	char path[108];
	struct guest *guest;
	int vid;
	struct rte_vhost_vring vring;
	struct ring_memory memory;
	struct ring ring;
	struct handwrite_ring hand;
};

struct burst {
	struct rte_mbuf *mbufs[BURST];
	struct handwrite_image images[BURST];
	struct ring_frame frames[BURST];
};

struct way {
	char name[32];
	enum { LIBRARY, HAND, OWN } kind;
	handwrite_fn *hand;
	const struct ring_copier *copier;
	bool stream;
};

static struct target targets[GUESTS_MAX];
static struct rte_mempool *pool;

/* --- the guests --- */

static int on_new_device(int vid)
{
	char path[108];

	rte_vhost_get_ifname(vid, path, sizeof(path));
	for (unsigned int i = 0; i < GUESTS_MAX; i++) {
		if (strcmp(targets[i].path, path) == 0)
			__atomic_store_n(&targets[i].vid, vid, __ATOMIC_RELEASE);
	}
	return 0;
}

static void on_destroy_device(int vid)
{
	(void)vid;
}

static const struct rte_vhost_device_ops device_ops = {
	.new_device = on_new_device,
	.destroy_device = on_destroy_device,
};

static int target_create(struct target *t, const char *directory, unsigned int number)
{
	struct rte_vhost_memory *memory;

	snprintf(t->path, sizeof(t->path), "%s/%u", directory, number);
	t->vid = -1;
	if (rte_vhost_driver_register(t->path, 0) < 0 ||
		rte_vhost_driver_callback_register(t->path, &device_ops) < 0 ||
		rte_vhost_driver_start(t->path) < 0)
		return -EIO;
	t->guest = guest_create(t->path, false);
	if (t->guest == NULL)
		return -errno;
	while (__atomic_load_n(&t->vid, __ATOMIC_ACQUIRE) < 0)
		usleep(1000);
	if (rte_vhost_get_vhost_vring(t->vid, 0, &t->vring) < 0 ||
		rte_vhost_get_mem_table(t->vid, &memory) < 0)
		return -ENODEV;
	ring_memory_init(&t->memory,
		&(struct ring_region){memory->regions[0].guest_phys_addr, memory->regions[0].size,
			(uint8_t *)(uintptr_t)memory->regions[0].host_user_addr},
		1);
	t->hand = (struct handwrite_ring){
		.desc = t->vring.desc,
		.avail = t->vring.avail,
		.used = t->vring.used,
		.base = t->memory.region[0].host,
		.guest_addr = t->memory.region[0].guest,
		.n_entries = t->vring.size,
	};
	free(memory);
	return 0;
}

static int burst_create(struct burst *b, unsigned int size)
{
	for (unsigned int i = 0; i < BURST; i++) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(pool), *image = rte_pktmbuf_alloc(pool);
		uint8_t *bytes;

		if (m == NULL || image == NULL)
			return -ENOMEM;
		frame_stream_build((uint8_t *)rte_pktmbuf_append(m, (uint16_t)size), size, i);
		bytes = RTE_PTR_ALIGN_CEIL(rte_pktmbuf_mtod(image, uint8_t *), HANDWRITE_LINE);
		memset(bytes, 0, HANDWRITE_HEADER);
		bytes[HANDWRITE_HEADER - 2] = 1;
		frame_stream_build(bytes + HANDWRITE_HEADER, size, i);
		b->mbufs[i] = m;
		b->frames[i] = (struct ring_frame){rte_pktmbuf_mtod(m, uint8_t *), size};
		b->images[i] = (struct handwrite_image){bytes, HANDWRITE_HEADER + size,
			(HANDWRITE_HEADER + size + HANDWRITE_LINE - 1) / HANDWRITE_LINE};
	}
	return 0;
}

/* --- the ways --- */

static unsigned int ways_list(struct way *ways)
{
	const struct ring_copier *const *copiers;
	unsigned int n = 0, n_copiers = ring_copiers(&copiers);
	const char *name;

	ways[n++] = (struct way){.name = "library", .kind = LIBRARY};
	for (int stream = 0; stream < 2; stream++) {
		ways[n] = (struct way){.kind = HAND, .hand = handwrite_select(stream, &name)};
		snprintf(
			ways[n++].name, sizeof(ways->name), "hand %s%s", name, stream ? " nt" : "");
	}
	for (unsigned int i = 0; i < n_copiers; i++) {
		for (int stream = 0; stream < 2; stream++) {
			ways[n] = (struct way){.kind = OWN, .copier = copiers[i], .stream = stream};
			snprintf(ways[n++].name, sizeof(ways->name), "own %s%s", copiers[i]->name,
				stream ? " nt" : "");
		}
	}
	return n;
}

/* Go on where the way before stopped. */
static void way_begin(const struct way *way, struct target *t)
{
	uint16_t next = t->vring.used->idx;

	switch (way->kind) {
	case LIBRARY:
		rte_vhost_set_vring_base(t->vid, 0, next, next);
		break;
	case HAND:
		t->hand.next = next;
		break;
	case OWN:
		ring_open(&t->ring, &(struct ring_setup){
					    .memory = &t->memory,
					    .descriptors = t->vring.desc,
					    .driver = t->vring.avail,
					    .device = t->vring.used,
					    .size = t->vring.size,
					    .next = next,
					    .mergeable = true,
					    .copier = way->copier,
				    });
		break;
	}
}

static unsigned int burst_write(const struct way *way, struct target *t, struct burst *b)
{
	switch (way->kind) {
	case LIBRARY:
		return rte_vhost_enqueue_burst(t->vid, 0, b->mbufs, BURST);
	case HAND:
		return way->hand(&t->hand, b->images) ? BURST : 0;
	default:
		return ring_enqueue(&t->ring, b->frames, BURST, way->stream).n;
	}
}

static void fence_and_kick(const struct way *way, unsigned int n)
{
	if (way->kind != OWN)
		return;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	for (unsigned int i = 0; i < n; i++)
		ring_kick_wanted(&targets[i].ring);
}

/* The first turns of a ring are not counted: they find the caches as another way left them. */
static double round_run(const struct way *way, unsigned int n, struct burst *b)
{
	static const struct guest_verify no_verify;
	uint64_t cycles = 0, copies = 0, begin;

	for (unsigned int i = 0; i < n; i++)
		way_begin(way, &targets[i]);
	for (unsigned int sweep = 0; sweep < WARM_SWEEPS + SWEEPS; sweep++) {
		unsigned int k = 0;

		begin = rte_rdtsc_precise();
		for (unsigned int i = 0; i < n; i++)
			k += burst_write(way, &targets[i], b);
		fence_and_kick(way, n);
		if (sweep >= WARM_SWEEPS) {
			cycles += rte_rdtsc_precise() - begin;
			copies += k;
		}
		for (unsigned int i = 0; i < n && sweep % 4 == 3; i++)
			guest_poll(targets[i].guest, 0, 0, &no_verify);
	}
	return copies > 0 ? (double)cycles / (double)copies : 0;
}

static int case_run(unsigned int n, unsigned int size)
{
	struct way ways[WAYS_MAX];
	unsigned int n_ways = ways_list(ways);
	double best[WAYS_MAX];
	struct burst b;

	if (burst_create(&b, size) < 0)
		return -ENOMEM;
	for (unsigned int round = 0; round < ROUNDS; round++) {
		for (unsigned int w = 0; w < n_ways; w++) {
			double cycles = round_run(&ways[w], n, &b);

			if (round == 0 || cycles < best[w])
				best[w] = cycles;
		}
	}
	for (unsigned int w = 0; w < n_ways; w++)
		printf("n=%-2u %4u B  %-16s %7.1f cycles a copy  %5.2f x library\n", n, size,
			ways[w].name, best[w], best[0] / best[w]);
	fflush(stdout);
	for (unsigned int i = 0; i < BURST; i++)
		rte_pktmbuf_free(b.mbufs[i]);
	return 0;
}

static unsigned int list_parse(const char *text, unsigned int *list)
{
	unsigned int n = 0;

	while (n < LIST_MAX && *text != '\0') {
		char *end;

		list[n++] = (unsigned int)strtoul(text, &end, 10);
		text = *end == ',' ? end + 1 : end;
	}
	return n;
}

static int cases_run(const char *ns, const char *sizes)
{
	char directory[] = "/tmp/bench-ring-XXXXXX";
	unsigned int n[LIST_MAX], size[LIST_MAX], made = 0;
	unsigned int n_n = list_parse(ns, n), n_sizes = list_parse(sizes, size);
	int rc = mkdtemp(directory) != NULL ? 0 : -errno;

	for (unsigned int i = 0; i < n_n && rc == 0; i++) {
		for (; made < n[i] && made < GUESTS_MAX && rc == 0; made++)
			rc = target_create(&targets[made], directory, made);
		for (unsigned int j = 0; j < n_sizes && rc == 0; j++)
			rc = case_run(n[i] < GUESTS_MAX ? n[i] : GUESTS_MAX, size[j]);
	}
	for (unsigned int i = 0; i < made; i++) {
		guest_destroy(targets[i].guest);
		rte_vhost_driver_unregister(targets[i].path);
	}
	rmdir(directory);
	return rc;
}

int main(int argc, char **argv)
{
	int n_eal = rte_eal_init(argc, argv), rc;

	if (n_eal < 0)
		return 2;
	pool = rte_pktmbuf_pool_create("bench", 8191, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, 0);
	if (pool == NULL)
		return 2;
	rc = cases_run(argc - n_eal > 1 ? argv[n_eal + 1] : "1,4,8,16,32",
		argc - n_eal > 2 ? argv[n_eal + 2] : "64,512,1500");
	if (rc < 0)
		fprintf(stderr, "bench_ring: %s\n", strerror(-rc));
	return rc < 0 ? 2 : 0;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The two limits that a switch is compared with, see README.md. A vhost-user server with N sockets
 * whose main lcore writes one ready burst of 32 frames to each guest in turn, for ever: no
 * receive, no look-up, no allocation.
 *   L, the library's: rte_vhost_enqueue_burst.
 *   M, the machine's: the same burst written by hand (handwrite.h), with ordinary or
 *     non-temporal stores.
 */
#include "frame.h"
#include "handwrite.h"

#include <errno.h>
#include <getopt.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>
#include <rte_vhost.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	GUESTS_MAX = 64,
	RX_RING = 0, /* the ring into which the guest receives */
	PATH_SIZE = 108,
};

enum method { METHOD_LIBRARY, METHOD_ORDINARY, METHOD_NONTEMPORAL };

struct options {
	const char *sockets;
	unsigned int n_guests;
	unsigned int size;
	enum method method;
};

/* Written by the vhost thread: vid + 1, and 0 while the guest is away. Read by the main lcore. */
struct server {
	char path[PATH_SIZE];
	int vid_plus_1;
};

struct burst {
	struct rte_mbuf *mbufs[HANDWRITE_BURST];
	struct handwrite_image images[HANDWRITE_BURST];
};

/* The library's callbacks carry no argument but the vid. */
static struct server servers[GUESTS_MAX];
static unsigned int n_servers;
static volatile sig_atomic_t stop_asked;

static void on_signal(int signal)
{
	(void)signal;
	stop_asked = 1;
}

static struct server *server_find(int vid)
{
	char path[PATH_SIZE];

	if (rte_vhost_get_ifname(vid, path, sizeof(path)) < 0)
		return NULL;
	for (unsigned int i = 0; i < n_servers; i++) {
		if (strcmp(servers[i].path, path) == 0)
			return &servers[i];
	}
	return NULL;
}

static int on_new_device(int vid)
{
	struct server *server = server_find(vid);

	if (!server)
		return -1;
	rte_vhost_enable_guest_notification(vid, 1, 0);
	__atomic_store_n(&server->vid_plus_1, vid + 1, __ATOMIC_RELEASE);
	return 0;
}

static void on_destroy_device(int vid)
{
	struct server *server = server_find(vid);

	if (server)
		__atomic_store_n(&server->vid_plus_1, 0, __ATOMIC_RELEASE);
	/*
	 * The guests leave only when the measurement is over. What the main lcore still writes
	 * must not be unmapped under it.
	 */
	stop_asked = 1;
	usleep(100 * 1000);
}

static const struct rte_vhost_device_ops device_ops = {
	.new_device = on_new_device,
	.destroy_device = on_destroy_device,
};

static int servers_start(const struct options *opt)
{
	for (unsigned int i = 0; i < opt->n_guests; i++) {
		char *path = servers[i].path;

		snprintf(path, PATH_SIZE, "%s%u", opt->sockets, i);
		n_servers = i + 1;
		if (rte_vhost_driver_register(path, 0) < 0 ||
			rte_vhost_driver_callback_register(path, &device_ops) < 0 ||
			rte_vhost_driver_start(path) < 0) {
			fprintf(stderr, "limits: cannot serve %s\n", path);
			return -EIO;
		}
	}
	return 0;
}

static void servers_stop(void)
{
	for (unsigned int i = 0; i < n_servers; i++)
		rte_vhost_driver_unregister(servers[i].path);
}

static bool all_are_there(void)
{
	for (unsigned int i = 0; i < n_servers; i++) {
		if (__atomic_load_n(&servers[i].vid_plus_1, __ATOMIC_ACQUIRE) == 0)
			return false;
	}
	return true;
}

/* Both forms of the burst: mbufs for the library, images in the mbufs' own room for the hand. */
static int burst_create(struct burst *burst, unsigned int size)
{
	struct rte_mempool *pool = rte_pktmbuf_pool_create(
		"burst", 255, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, (int)rte_socket_id());
	struct rte_mempool *images = rte_pktmbuf_pool_create(
		"images", 255, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, (int)rte_socket_id());

	if (!pool || !images)
		return -rte_errno;
	for (unsigned int i = 0; i < HANDWRITE_BURST; i++) {
		struct rte_mbuf *mbuf = rte_pktmbuf_alloc(pool), *image = rte_pktmbuf_alloc(images);
		uint8_t *bytes;

		if (!mbuf || !image)
			return -ENOMEM;
		frame_stream_build((uint8_t *)rte_pktmbuf_append(mbuf, size), size, i);
		burst->mbufs[i] = mbuf;

		bytes = RTE_PTR_ALIGN_CEIL(rte_pktmbuf_mtod(image, uint8_t *), HANDWRITE_LINE);
		memset(bytes, 0, HANDWRITE_HEADER);
		bytes[HANDWRITE_HEADER - 2] = 1; /* num_buffers, little-endian */
		frame_stream_build(bytes + HANDWRITE_HEADER, size, i);
		burst->images[i] = (struct handwrite_image){
			.bytes = bytes,
			.size = HANDWRITE_HEADER + size,
			.n_lines = (HANDWRITE_HEADER + size + HANDWRITE_LINE - 1) / HANDWRITE_LINE,
		};
	}
	return 0;
}

static void library_run(struct burst *burst)
{
	int vids[GUESTS_MAX];

	for (unsigned int i = 0; i < n_servers; i++)
		vids[i] = servers[i].vid_plus_1 - 1;
	while (!stop_asked) {
		for (unsigned int i = 0; i < n_servers; i++)
			rte_vhost_enqueue_burst(vids[i], RX_RING, burst->mbufs, HANDWRITE_BURST);
	}
}

static int ring_open(struct handwrite_ring *ring, int vid)
{
	struct rte_vhost_memory *memory;
	struct rte_vhost_vring vring;

	if (rte_vhost_get_vhost_vring(vid, RX_RING, &vring) < 0 ||
		rte_vhost_get_mem_table(vid, &memory) < 0)
		return -ENODEV;
	if (memory->nregions != 1) {
		free(memory);
		return -ENOTSUP;
	}
	*ring = (struct handwrite_ring){
		.desc = vring.desc,
		.avail = vring.avail,
		.used = vring.used,
		.base = (uint8_t *)(uintptr_t)memory->regions[0].host_user_addr,
		.guest_addr = memory->regions[0].guest_phys_addr,
		.n_entries = vring.size,
	};
	free(memory);
	return 0;
}

static int hand_run(const struct burst *burst, bool nontemporal)
{
	static struct handwrite_ring rings[GUESTS_MAX];
	const char *name;
	handwrite_fn *write_burst = handwrite_select(nontemporal, &name);

	for (unsigned int i = 0; i < n_servers; i++) {
		int ret = ring_open(&rings[i], servers[i].vid_plus_1 - 1);

		if (ret < 0)
			return ret;
	}
	printf("limits: %s stores\n", name);
	fflush(stdout);
	while (!stop_asked) {
		for (unsigned int i = 0; i < n_servers; i++)
			write_burst(&rings[i], burst->images);
	}
	return 0;
}

static int run(const struct options *opt)
{
	struct burst burst;
	int ret = burst_create(&burst, opt->size);

	if (ret == 0)
		ret = servers_start(opt);
	if (ret < 0)
		return ret;
	printf("limits: ready\n");
	fflush(stdout);
	while (!stop_asked && !all_are_there())
		usleep(1000);
	if (stop_asked)
		return 0;
	if (opt->method != METHOD_LIBRARY)
		return hand_run(&burst, opt->method == METHOD_NONTEMPORAL);
	library_run(&burst);
	return 0;
}

static int usage(void)
{
	fprintf(stderr, "usage: limits [EAL option...] -- --sockets PREFIX --method "
			"library|ordinary|nontemporal [-n GUESTS] [--size BYTES]\n"
			"Runs on the main lcore until SIGTERM, or until a guest leaves.\n");
	return 1;
}

static bool method_parse(const char *name, enum method *method)
{
	static const char *const names[] = {"library", "ordinary", "nontemporal"};

	for (int i = 0; i < 3; i++) {
		if (strcmp(name, names[i]) == 0) {
			*method = (enum method)i;
			return true;
		}
	}
	return false;
}

static bool options_parse(struct options *opt, int argc, char **argv)
{
	static const struct option long_options[] = {
		{"sockets", required_argument, NULL, 's'},
		{"guests", required_argument, NULL, 'n'},
		{"size", required_argument, NULL, 'z'},
		{"method", required_argument, NULL, 'm'},
		{NULL, 0, NULL, 0},
	};
	bool has_method = false;
	int c;

	*opt = (struct options){.n_guests = 1, .size = FRAME_MIN_SIZE};
	while ((c = getopt_long(argc, argv, "n:", long_options, NULL)) != -1) {
		switch (c) {
		case 's':
			opt->sockets = optarg;
			break;
		case 'n':
			opt->n_guests = strtoul(optarg, NULL, 10);
			break;
		case 'z':
			opt->size = strtoul(optarg, NULL, 10);
			break;
		case 'm':
			has_method = method_parse(optarg, &opt->method);
			break;
		default:
			return false;
		}
	}
	return opt->sockets && has_method && optind == argc && opt->n_guests >= 1 &&
	       opt->n_guests <= GUESTS_MAX && opt->size >= FRAME_MIN_SIZE &&
	       opt->size <= FRAME_MAX_SIZE;
}

int main(int argc, char **argv)
{
	struct options opt;
	int n_eal = rte_eal_init(argc, argv);
	int ret;

	if (n_eal < 0) {
		fprintf(stderr, "limits: EAL: %s\n", rte_strerror(rte_errno));
		return 2;
	}
	if (!options_parse(&opt, argc - n_eal, argv + n_eal))
		return usage();
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	ret = run(&opt);
	if (ret < 0)
		fprintf(stderr, "limits: %s\n", strerror(-ret));
	servers_stop();
	rte_eal_cleanup();
	return ret < 0 ? 2 : 0;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vguest: a guest without a machine. The front end of one vhost-user port, in one sleeping process.
 *
 *   test (python) <= SOCK_SEQPACKET => vguest <= vhost-user socket, split rings => switch
 *        tests/lab/vguest.py   link.c         frontend.c, rings.c
 *
 * It sleeps in poll(2) until the switch calls, so a dozen of them cost nothing. It stalls when
 * stopped (SIGSTOP), dies when killed, and loses no frame by itself: when the test does not read,
 * the receive ring fills, which is what a slow guest looks like.
 *
 * Messages on the link, the first byte names the kind:
 *   from the test:
 *     F frame | H virtio header (12) frame | S (status) | Q (end)
 *     K 0/1 (sink: count received frames, do not deliver them)
 *     M request:u32 flags:u32 payload (any vhost-user message)
 *     W offset:u64 bytes (any byte of guest memory)
 *     D queue:u8 pad:u8 head:u16 { index:u16 descriptor }... (any descriptors)
 *   to the test:
 *     F time_ns:u64 frame | S json | E json (events: up, down, fault)
 *     M request:u32 flags:u32 payload
 * M, W and D are for tests of what a hostile guest may do. Integers are little endian, time is
 * CLOCK_MONOTONIC.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>

#include "frontend.h"
#include "link.h"
#include "rings.h"

#define RETRY_MS    20
#define TX_FULL_MS  1
#define UNKICKED_MS 10 /* how often the ring is looked at although the switch did not call */
#define IDLE_MS     1000

static struct rings rings;
static struct frontend frontend = {.conn = -1, .listener = -1, .reconnects = true, .rings = &rings};
static uint64_t n_unkicked; /* frames found in the ring without a call */
static bool quit;
static volatile sig_atomic_t stopped;

/* ---- commands of the test ---- */

static void status(void)
{
	link_text('S',
		"{\"connected\": %s, \"up\": %s, \"offered\": %" PRIu64 ", \"features\": %" PRIu64
		", \"protocol\": %" PRIu64 ", \"rx\": %" PRIu64 ", \"tx\": %" PRIu64
		", \"tx_in_ring\": %u, \"unkicked\": %" PRIu64 ", \"connections\": %" PRIu64
		", \"guest_base\": %" PRIu64 ", \"memory_size\": %zu}",
		frontend.conn >= 0 ? "true" : "false", frontend.up ? "true" : "false",
		frontend.offered, frontend.features, frontend.protocol, rings.n_rx, rings.n_tx,
		RING_SIZE - rings.n_tx_free, n_unkicked, frontend.n_connections,
		(uint64_t)MEMORY_GUEST, MEMORY_SIZE);
}

static void memory_write(const uint8_t *body, size_t size)
{
	uint64_t offset;

	if (size < sizeof(offset))
		return;
	memcpy(&offset, body, sizeof(offset));
	size -= sizeof(offset);
	if (offset <= MEMORY_SIZE && size <= MEMORY_SIZE - offset)
		memcpy(rings.memory + offset, body + sizeof(offset), size);
}

static void descriptors_offer(const uint8_t *body, size_t size)
{
	uint16_t head;

	if (size < 4 || body[0] >= N_QUEUES)
		return;
	memcpy(&head, body + 2, 2);
	rings_offer_raw(&rings, body[0], head, body + 4, size - 4);
}

static void command(const uint8_t *text, size_t size)
{
	const uint8_t *body = text + 1;

	size--;
	switch (text[0]) {
	case 'F':
		rings_transmit(&rings, NULL, body, size);
		break;
	case 'H':
		if (size >= HDR_SIZE)
			rings_transmit(&rings, body, body + HDR_SIZE, size - HDR_SIZE);
		break;
	case 'S':
		status();
		break;
	case 'K':
		rings.sink = size > 0 && body[0];
		break;
	case 'M':
		frontend_say_raw(&frontend, body, size);
		break;
	case 'W':
		memory_write(body, size);
		break;
	case 'D':
		descriptors_offer(body, size);
		break;
	case 'Q':
		quit = true;
		break;
	default:
		link_fault("unknown command", text[0]);
	}
}

/* Read while there is room to transmit: the test is held up by a stalled switch, not deceived. */
static void commands_run(void)
{
	static uint8_t text[65536];

	for (int i = 0; i < RING_SIZE && rings.n_tx_free && !quit; i++) {
		int size = link_command(text, sizeof(text));
		if (size < 0)
			quit = true;
		if (size <= 0)
			return;
		command(text, size);
		rings_reclaim(&rings);
	}
}

/* ---- the loop ---- */

static void on_signal(int number)
{
	stopped = number;
}

static int wait_ms(bool tx_full)
{
	if (tx_full)
		return TX_FULL_MS;
	if (frontend.up)
		return UNKICKED_MS;
	return frontend_fd(&frontend) >= 0 ? IDLE_MS : RETRY_MS;
}

static void turn(void)
{
	static bool open = true; /* the test reads */
	bool tx_full = rings.n_tx_free == 0, was_open = open;
	struct pollfd fds[] = {
		{.fd = link_fd(), .events = (tx_full ? 0 : POLLIN) | (open ? 0 : POLLOUT)},
		{.fd = frontend_fd(&frontend), .events = POLLIN},
		{.fd = frontend.up && open ? rings.queue[RX].call : -1, .events = POLLIN},
	};
	eventfd_t calls;

	if (poll(fds, 3, wait_ms(tx_full)) < 0) {
		if (errno == EINTR)
			return;
		die("poll");
	}
	bool called = eventfd_read(rings.queue[RX].call, &calls) == 0;
	frontend_run(&frontend, fds[1].revents);
	rings_reclaim(&rings);
	unsigned n_frames = rings_receive(&rings, &open);
	if (!called && was_open)
		n_unkicked += n_frames;
	if (fds[0].revents & (POLLHUP | POLLERR))
		quit = true;
	commands_run();
}

static void usage(void)
{
	fprintf(stderr,
		"usage: vguest --link FD (--connect | --listen) PATH [OPTION...]\n"
		"  --link FD       a SOCK_SEQPACKET socket, one message a frame; see vguest.c\n"
		"  --connect PATH  the switch owns the vhost-user socket\n"
		"  --listen PATH   this guest owns it\n"
		"  --features HEX  acknowledge these where offered (default: VERSION_1,\n"
		"                  MRG_RXBUF, PROTOCOL_FEATURES)\n"
		"  --rx-size N     size of each receive buffer, at most %d (default 2048)\n"
		"  --once          end when the connection ends, instead of trying again\n",
		RX_SLOT_MAX);
	exit(2);
}

/* Returns the size of a receive buffer. */
static uint32_t arguments(int argc, char **argv)
{
	static const struct option options[] = {
		{"link", required_argument, NULL, 'l'},
		{"connect", required_argument, NULL, 'c'},
		{"listen", required_argument, NULL, 's'},
		{"features", required_argument, NULL, 'f'},
		{"rx-size", required_argument, NULL, 'r'},
		{"once", no_argument, NULL, 'o'},
		{NULL, 0, NULL, 0},
	};
	int option, link = -1, rx_size = 2048;

	frontend.want_features = frontend_default_features();
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'l':
			link = atoi(optarg);
			break;
		case 's':
			frontend.listens = true; /* fall through */
		case 'c':
			frontend.path = optarg;
			break;
		case 'f':
			frontend.want_features = strtoull(optarg, NULL, 16);
			break;
		case 'r':
			rx_size = atoi(optarg);
			break;
		case 'o':
			frontend.reconnects = false;
			break;
		default:
			usage();
		}
	}
	if (link < 0 || !frontend.path || optind != argc || rx_size < 1 || rx_size > RX_SLOT_MAX)
		usage();
	link_open(link);
	return rx_size;
}

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = on_signal};

	rings_init(&rings, arguments(argc, argv));
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigaction(SIGTERM, &action, NULL);
	signal(SIGINT, SIG_IGN); /* Ctrl-C is the test's to handle: it ends us in its order */
	frontend_open(&frontend);
	while (!quit && !stopped && !frontend.finished)
		turn();
	frontend_close(&frontend);
	return 0;
}

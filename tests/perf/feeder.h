/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A feeder: a virtio network device's driver that sends, and looks at nothing that it gets. Frame
 * k always sits in slot k of its transmit ring, so to send is one store to the available index. On
 * an uplink (DPDK's net_vhost) it is a source with a pace; on a guest's socket it is a guest that
 * sends.
 *
 * One thread owns a feeder.
 */
#ifndef PERF_FEEDER_H
#define PERF_FEEDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	FEEDER_RING = 1024, /* slots; the number of different frames divides it */
	FEEDER_TO_GROUPS = -1,
};

struct feeder;

/* What is sent: n_frames stream frames of `size` bytes, numbers 0, stride, 2 x stride ... */
struct feeder_load {
	size_t size;           /* bytes, FRAME_MIN_SIZE to FRAME_MAX_SIZE */
	unsigned int n_frames; /* a power of two, up to FEEDER_RING */
	unsigned int stride;
	int to; /* a guest's number, or FEEDER_TO_GROUPS */
};

/* Connects, fills the transmit ring and starts both rings. NULL and errno on failure. */
struct feeder *feeder_create(const char *path, const struct feeder_load *load, bool hugetlb);
void feeder_destroy(struct feeder *feeder);

/* Offers up to `max` frames more, as far as there is room; returns how many. */
unsigned int feeder_send(struct feeder *feeder, unsigned int max);

/* The number of the last frame offered. */
unsigned int feeder_last(const struct feeder *feeder);

/* Hands back what the feeder was sent, unread. */
void feeder_drain(struct feeder *feeder);

/* Frames that the switch has taken, and that it still has to take. */
uint64_t feeder_taken(struct feeder *feeder);
unsigned int feeder_waiting(struct feeder *feeder);

#endif

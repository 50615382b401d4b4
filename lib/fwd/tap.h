/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef FWD_TAP_H
#define FWD_TAP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/bitset.h"
#include "fwd/plane.h"

/*
 * A listener to frames: what of them workers copy for control, and where to. Control publishes a tap in
 * struct forwarding, and retires it; without one, a burst costs a worker the look at a pointer. A ring a
 * worker, of plain memory: no frame buffer is held, and a full ring loses the copy and counts it.
 */
#define TAP_SNAP       2048u /* octets of a frame that are kept */
#define TAP_RING_SLOTS 1024u

struct tap_filter {
	struct bitset ports;
	enum { TAP_ANY_GROUP, TAP_IP_GROUP, TAP_MAC_GROUP } by;
	struct ip_addr ip;   /* TAP_IP_GROUP; membership messages of all groups are taken too */
	struct mac_addr mac; /* TAP_MAC_GROUP */
};

struct tap_frame {
	uint64_t tsc;
	uint32_t size;  /* of the whole frame */
	uint16_t taken; /* octets in data */
	uint16_t port;
	bool out; /* it left by port; else it came in */
	uint8_t data[TAP_SNAP];
};

struct tap_ring;

struct tap {
	struct tap_filter filter;
	unsigned int n_workers;
	struct tap_ring *ring[PLANE_MAX_WORKERS];
};

struct tap *tap_create(
	unsigned int n_workers, const struct tap_filter *filter); /* NULL: no memory */
void tap_destroy(void *tap);                                      /* a retire_fn; NULL is fine */

/* A worker's: the place for its next frame, counted as lost and NULL when its ring is full; then make it
 * seen. */
struct tap_frame *tap_slot(struct tap *t, unsigned int worker);
void tap_commit(struct tap *t, unsigned int worker);

/* Control's: the oldest frame of all rings, NULL when they are empty, until it is released. */
const struct tap_frame *tap_oldest(const struct tap *t, unsigned int *worker);
void tap_release(struct tap *t, unsigned int worker);
uint64_t tap_lost(const struct tap *t);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef UNIT_RING_GUEST_H
#define UNIT_RING_GUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "port/ring.h"

/*
 * A guest's half of a ring, in malloc'ed memory: what a driver does, written from virtio 1.2 without
 * a look at the device's half. A test may reach into everything.
 *
 *     guest address   0x100000           +LOW                +LOW+HIGH      0x80000000
 *                     | ring, tables ... buffers | buffers ... |   nothing    | buffers |
 *     region            low                       high                          far
 *
 * low and high follow each other for the guest and are two blocks for the host, so a buffer may lie
 * across them.
 */
#define GUEST_BASE      0x100000ULL
#define GUEST_LOW       (1u << 20)
#define GUEST_HIGH      (1u << 18)
#define GUEST_FAR_BASE  0x80000000ULL
#define GUEST_FAR       (1u << 16)
#define GUEST_TABLES    (GUEST_BASE + 0x40000) /* room for indirect tables */
#define GUEST_BUFFERS   (GUEST_BASE + 0x80000)
#define GUEST_CHAIN_MAX 64
#define GUEST_RING_MAX  4096

struct guest_options {
	bool packed;
	uint16_t size;
	uint16_t
		start; /* split: the index to begin at; packed: slot, with bit 15 the wrap counter */
	bool one_block; /* mergeable off */
	bool event_index;
	bool indirect;
	bool short_header;
	bool log;
	const struct ring_copier *copier;
};

/* One descriptor to be. */
struct guest_buffer {
	uint64_t at; /* guest address */
	uint32_t size;
};

/* What was offered under an id. */
struct guest_chain {
	struct guest_buffer buffers[GUEST_CHAIN_MAX];
	uint16_t n;
	uint16_t n_slots;
};

struct ring_guest {
	struct guest_options opt;
	uint8_t *low, *high, *far;
	struct ring_memory memory;
	uint8_t *bits; /* of the log */
	struct ring ring;
	/* driver's state */
	uint16_t avail, used; /* split: indices; packed: slots */
	bool avail_wrap, used_wrap;
	uint16_t next_free; /* split: the descriptor to fill next */
	uint16_t next_id;
	uint64_t next_table;
	struct guest_chain chains[GUEST_RING_MAX]; /* by id */
};

/* Opens g->ring; its fault is for the test to look at. */
struct ring_guest *ring_guest_create(const struct guest_options *opt);
void ring_guest_destroy(struct ring_guest *g);

/* Host address of a guest's; the test knows that it is mapped. */
uint8_t *guest_at(const struct ring_guest *g, uint64_t at);

/* Octets of guest memory, wherever regions end. */
void guest_read(const struct ring_guest *g, uint64_t at, void *to, uint32_t size);
void guest_write(const struct ring_guest *g, uint64_t at, const void *from, uint32_t size);

/* Write a descriptor as it comes: where, what, and split: flags, next; packed: flags, id. */
void guest_descriptor(const struct ring_guest *g, uint8_t *table, uint16_t at,
	struct guest_buffer buffer, uint16_t flags, uint16_t other);

/* Offer a chain of n buffers. The id under which it will be used. */
uint16_t guest_offer(struct ring_guest *g, const struct guest_buffer *buffers, uint16_t n,
	bool write, bool indirect);

/* Make `head` available, whatever it is (split). */
void guest_offer_head(struct ring_guest *g, uint16_t head);

/* The next used element. False: none. */
bool guest_used(struct ring_guest *g, uint16_t *id, uint32_t *size);

/* Take the next frame out of used receive buffers: its size without header, or -1. Checks what a
 * driver can: ids, lengths, num_buffers. frame may be as long as room. */
int guest_receive(struct ring_guest *g, uint8_t *frame, uint32_t room);

/* Ask to be interrupted: not at all, always, or (event index) when the used index passes event. */
void guest_want(struct ring_guest *g, bool want);
void guest_want_event(struct ring_guest *g, uint16_t event, bool wrap);

/* Is the page of a guest address in the dirty log? */
bool guest_is_logged(const struct ring_guest *g, uint64_t at);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PORT_RING_CHAIN_H
#define PORT_RING_CHAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "port/ring_fault.h"

struct ring;

/*
 * The one iterator over a chain of descriptors, split or packed, direct or indirect. It reads each
 * descriptor once, checks the whole of it, and hands out the mapped pieces of its buffer.
 */
struct ring_chain {
	const struct ring *ring;
	enum ring_fault fault;
	const uint8_t *table;
	uint32_t n_table; /* entries */
	uint32_t next;    /* the entry to read */
	uint32_t n_read;
	uint32_t budget; /* entries that may still be read */
	bool more, indirect;
	bool write;  /* we are to write into it */
	bool wrap;   /* packed: of the next slot */
	uint16_t id; /* what the driver knows the buffer by; packed: known at the end */
	uint16_t n_slots;
	uint64_t guest; /* of the current buffer, what is not handed out yet */
	uint32_t left;
};

struct ring_piece {
	uint8_t *at;
	uint64_t guest;
	uint32_t size; /* octets, never 0 */
};

/* The chain that begins at entry head of the ring's own table. wrap: packed, of that slot. */
void ring_chain_begin(
	struct ring_chain *c, const struct ring *r, uint16_t head, bool wrap, bool write);

/* The next piece. False at the end, and on c->fault. */
bool ring_chain_next(struct ring_chain *c, struct ring_piece *piece);

/* Nothing more is wanted of the chain: learn its id and n_slots. False on c->fault. */
bool ring_chain_finish(struct ring_chain *c);

#endif

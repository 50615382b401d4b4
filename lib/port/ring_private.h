/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PORT_RING_PRIVATE_H
#define PORT_RING_PRIVATE_H

#include <endian.h>
#include <string.h>

#include "port/ring.h"
#include "port/ring_chain.h"
#include "port/ring_copy.h"

/*
 * What the files of a ring share: single reads of guest memory, the burst under way, and what a
 * layout, split or packed, has to know.
 */
#define RING_BURST 64   /* frames translated ahead of their copies */
#define RING_WORK  4096 /* descriptors read the long way, after which a burst is cut short */

/* struct vring_desc and vring_packed_desc, 2.7.5 and 2.8.13: address, then one word of the rest. */
#define RING_DESCRIPTOR 16

#define DESC_F_NEXT     1
#define DESC_F_WRITE    2
#define DESC_F_INDIRECT 4
#define DESC_F_AVAIL    (1 << 7)  /* packed */
#define DESC_F_USED     (1 << 15) /* packed */

struct ring_word16 {
	uint16_t v;
} __attribute__((packed, may_alias));
struct ring_word64 {
	uint64_t v;
} __attribute__((packed, may_alias));

/* Once, whatever the compiler thinks of it; aligned or not. Little-endian, as virtio 1 is. */
static inline uint16_t ring_load16(const uint8_t *at)
{
	return le16toh(((const volatile struct ring_word16 *)at)->v);
}

static inline uint64_t ring_load64(const uint8_t *at)
{
	return le64toh(((const volatile struct ring_word64 *)at)->v);
}

static inline void ring_store16(uint8_t *at, uint16_t v)
{
	((volatile struct ring_word16 *)at)->v = htole16(v);
}

static inline void ring_store64(uint8_t *at, uint64_t v)
{
	((volatile struct ring_word64 *)at)->v = htole64(v);
}

/* A burst under way: the position after the buffers used so far, not public yet. */
struct ring_burst {
	uint16_t next;
	bool wrap;           /* packed */
	uint16_t left;       /* split: buffers offered and not used */
	uint32_t work;       /* descriptors read the long way */
	bool holds;          /* packed: the first used element waits for the others */
	uint32_t first;      /* its slot */
	uint64_t first_word; /* and what goes there */
};

/* A buffer given back: a chain of n_slots descriptors, of which size octets were written. */
struct ring_used {
	uint16_t id;
	uint16_t n_slots;
	uint32_t size;
};

struct ring_layout {
	/* Begin a burst. False: nothing is offered, or r->fault. */
	bool (*begin)(struct ring *r, struct ring_burst *b);
	/* The short way: take buffers of one descriptor each, for as many frames as it goes well,
	 * and fetch their first lines unless they are to be written past the caches.
	 * They count as used. Returns how many; what comes after is for chain_open to look at. */
	uint16_t (*targets)(struct ring *r, struct ring_burst *b, const struct ring_frame *frames,
		struct ring_target *targets, uint16_t n, bool stream);
	/* The same of a transmit ring: frames of one descriptor each, of at most size octets. */
	uint16_t (*sources)(struct ring *r, struct ring_burst *b, const struct ring_room *rooms,
		struct ring_frame *frames, uint16_t n);
	/* The chain at the burst's position. False: none, or r->fault. */
	bool (*chain_open)(
		struct ring *r, const struct ring_burst *b, bool write, struct ring_chain *c);
	void (*advance)(const struct ring *r, struct ring_burst *b, uint16_t n_slots);
	/* Give back the buffer at the burst's position, and advance. */
	void (*use)(struct ring *r, struct ring_burst *b, const struct ring_used *used);
	/* Publish. */
	void (*end)(struct ring *r, const struct ring_burst *b);
	bool (*kick_wanted)(struct ring *r);
	void (*quiet)(struct ring *r);
	uint16_t (*waiting)(const struct ring *r, uint16_t max);
};

extern const struct ring_layout ring_layout_split, ring_layout_packed;

/* A buffer's first lines, for writing: the guest's core has them, and has to give them up. */
static inline void ring_prefetch(const uint8_t *to)
{
#ifdef __x86_64__
	__asm__ volatile("prefetchw %0\n\tprefetchw %1" : : "m"(*to), "m"(*(to + 64)));
#else
	__builtin_prefetch(to, 1, 3);
	__builtin_prefetch(to + 64, 1, 3);
#endif
}

/* Look into the region that holds [guest, guest + size) from now on. False: there is none. */
static inline bool ring_window_move(struct ring *r, uint64_t guest, uint64_t size)
{
	const struct ring_region *region = ring_memory_find(r->memory, guest);

	if (region == NULL || !ring_region_holds(region, guest, size))
		return false;
	r->window = *region;
	return true;
}

/* 2.7.10.1: was event passed on the way from before to now? */
static inline bool ring_event_passed(uint16_t event, uint16_t now, uint16_t before)
{
	return (uint16_t)(now - event - 1) < (uint16_t)(now - before);
}

#endif

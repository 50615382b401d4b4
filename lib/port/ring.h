/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PORT_RING_H
#define PORT_RING_H

#include <stdbool.h>
#include <stdint.h>

#include "port/ring_fault.h"
#include "port/ring_log.h"
#include "port/ring_memory.h"

/*
 * The device's half of a virtqueue of a guest's network card (virtio 1.2, 2.7 split, 2.8 packed,
 * 5.1.6 network), in memory that the guest may change at any moment. No word of it is read twice:
 * each index, length and address is taken once, held against the ring and the memory table, and
 * then used. What is wrong breaks the ring, under a name, until it is opened again; nothing outside
 * the memory table is ever touched.
 *
 * Buffers are used in the order in which they are offered and given back within the call that took
 * them, so one position says both what is available next and what is used next.
 *
 * One thread at a time owns a ring. It knows nothing of mbufs, vhost and DPDK.
 */
struct ring_copier;
struct ring_layout;

/* One frame in one piece. An array of them is prepared once and written to many rings. */
struct ring_frame {
	const uint8_t *data;
	uint32_t size; /* octets, 1 or more */
};

/* Room for one frame. */
struct ring_room {
	uint8_t *data;
	uint32_t size; /* octets of room; ring_dequeue leaves the frame's there */
};

/* Where a ring is and what was negotiated. Areas by their host addresses: 2.7's descriptor table,
 * available and used ring, or 2.8's descriptor ring, driver and device event suppression. */
struct ring_setup {
	const struct ring_memory *memory; /* outlives the open ring */
	void *descriptors, *driver, *device;
	uint32_t size;     /* entries; split: a power of two; at most 32768 */
	uint16_t next;     /* position to go on at; packed: a slot */
	bool wrap;         /* packed: the wrap counter there, at first true */
	bool packed;       /* VIRTIO_F_RING_PACKED */
	bool mergeable;    /* VIRTIO_NET_F_MRG_RXBUF */
	bool event_index;  /* VIRTIO_F_EVENT_IDX */
	bool indirect;     /* VIRTIO_F_INDIRECT_DESC */
	bool short_header; /* neither VIRTIO_F_VERSION_1 nor MRG_RXBUF: 10 octets, not 12 */
	struct ring_log log;
	const struct ring_copier *copier; /* NULL: the best that this processor runs */
};

struct ring {
	const struct ring_layout *layout;
	const struct ring_copier *copier;
	uint8_t *descriptors, *driver, *device;
	struct ring_region window; /* of memory, where the last buffer was */
	uint32_t size;
	uint16_t next;
	bool wrap;
	bool simple; /* no log, whole header: frames may go the short way */
	bool mergeable, event_index, indirect, packed;
	uint8_t header_size;
	enum ring_fault fault;
	/* notification */
	bool unsignalled; /* buffers were used since the last look */
	bool signalled_once;
	uint16_t signalled; /* position at the last look */
	const struct ring_memory *memory;
	struct ring_log log;
	uint64_t descriptors_guest, device_guest; /* guest addresses, for the log */
	/* frames consumed without being delivered */
	uint64_t n_unfit; /* to the guest: longer than the buffers that one may span */
	uint64_t n_bad;   /* from the guest: empty, or longer than the room */
};

/* RING_OK, or what is wrong with the setup; then the ring is broken and stays safe to call. */
enum ring_fault ring_open(struct ring *r, const struct ring_setup *setup);

/* Tell the driver that it need not notify us: we poll. */
void ring_quiet(struct ring *r);

struct ring_done {
	uint16_t n;      /* frames that the guest has got */
	uint32_t octets; /* of them */
};

/*
 * Write frames into a receive ring, in order, until one finds no buffers. A frame that no number of
 * buffers can hold is left out and counted. stream: store past the caches, for frames that are
 * many and large. The used index is published once, at the end.
 */
struct ring_done ring_enqueue(
	struct ring *r, const struct ring_frame *frames, uint16_t n, bool stream);

/* How many frames wait in a transmit ring, max or fewer. A hint: a packed ring is counted by
 * descriptors, and the guest may lie. */
uint16_t ring_waiting(const struct ring *r, uint16_t max);

/* Gather frames from a transmit ring, one a room. Returns how many; rooms[i].size is the size of
 * frame i. Frames that are empty or do not fit are given back to the guest, and counted. */
uint16_t ring_dequeue(struct ring *r, struct ring_room *rooms, uint16_t n);

/*
 * Does the guest want to be interrupted for what was used since the last look? A full barrier must
 * stand between the enqueue or dequeue and this; one does for many rings.
 */
bool ring_kick_wanted(struct ring *r);

#endif

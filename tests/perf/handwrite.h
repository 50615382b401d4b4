/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The machine's limit M: a burst written into a split ring by hand, with no checks beyond "is
 * there room". What any switch must at least do to give a guest its copy: read the available
 * element and the descriptor, store the 12-octet header and the payload, store the used element,
 * and once a burst the used index.
 *
 * A frame is kept as an image: header and payload as one block, aligned to and padded to cache
 * lines. Whole lines are stored, so a copy may overwrite up to 63 octets behind the frame, within
 * the guest's buffer.
 *
 * One thread owns a ring.
 */
#ifndef PERF_HANDWRITE_H
#define PERF_HANDWRITE_H

#include <linux/virtio_ring.h>
#include <stdbool.h>
#include <stdint.h>

enum {
	HANDWRITE_BURST = 32,
	HANDWRITE_HEADER = 12,
	HANDWRITE_LINE = 64,
};

struct handwrite_ring {
	struct vring_desc *desc;
	struct vring_avail *avail;
	struct vring_used *used;
	uint8_t *base; /* where guest address `guest_addr` is mapped; one region */
	uint64_t guest_addr;
	uint16_t n_entries; /* a power of two */
	uint16_t next;      /* the available element to use next */
};

struct handwrite_image {
	const uint8_t *bytes; /* aligned to HANDWRITE_LINE */
	uint32_t size;        /* header and payload, bytes */
	uint32_t n_lines;
};

/*
 * Writes HANDWRITE_BURST images into the ring; false, and nothing written, if it has not room for
 * all.
 */
typedef bool handwrite_fn(
	struct handwrite_ring *ring, const struct handwrite_image images[HANDWRITE_BURST]);

/*
 * The widest stores that this processor has: ordinary, or non-temporal ones that do not read a
 * line before writing it.
 */
handwrite_fn *handwrite_select(bool nontemporal, const char **name);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PORT_RING_COPY_H
#define PORT_RING_COPY_H

#include <stdint.h>

#include "port/ring.h"

/*
 * The innermost loop: a burst of frames into as many buffers, each frame behind its header. Chosen
 * once by what the processor can, called once a burst.
 *
 * Whole lines are stored where the buffer has room for them, as virtio allows (2.7.8.2): behind the
 * frame up to 63 octets of the buffer may become zero, but never anything else.
 */
#define RING_HEADER 12 /* struct virtio_net_hdr_v1, 5.1.6 */

/* A buffer that holds header and frame. */
struct ring_target {
	uint8_t *to;
	uint32_t room; /* octets, RING_HEADER and the frame's size or more */
};

typedef void ring_copy_fn(
	const struct ring_frame *frames, const struct ring_target *targets, uint16_t n);

struct ring_copier {
	const char *name; /* "AVX-512", "AVX2", "C" */
	ring_copy_fn *ordinary;
	ring_copy_fn *stream; /* past the caches, with a fence behind; NULL: it cannot */
};

/* Those that this processor runs, the best first. */
unsigned int ring_copiers(const struct ring_copier *const **all);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATAPATH_TAPPING_H
#define DATAPATH_TAPPING_H

#include "datapath/worker.h"

/*
 * Copies for who listens (fwd/tap.h): frames as they came in, before anything was decided, and as they left,
 * tags in place. Not on anybody's way but the listener's: a frame that is dropped was heard coming in.
 */
struct tap;

static inline struct tap *tapping(const struct worker *w)
{
	return atomic_load_explicit(&w->fwd->tap, memory_order_acquire);
}

/* Frames are read, not kept. */
void tap_frames(struct worker *w, struct tap *t, unsigned int port, bool out,
	struct rte_mbuf *const *frames, uint16_t n);

#endif

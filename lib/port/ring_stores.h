/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PORT_RING_STORES_H
#define PORT_RING_STORES_H

#include <stdint.h>

/*
 * Ordinary stores or such past the caches? As long as what is written stays in a cache until the
 * same buffers come round again, ordinary ones are cheaper; beyond that they read every line before
 * they write it. Where that is depends on the machine, so it is measured.
 */

/* The octets in rings from which on copies past the caches are cheaper here; UINT64_MAX: they never
 * are. Takes about a tenth of a second and 64 MiB that it gives back. */
uint64_t ring_stores_measure(void);

#endif

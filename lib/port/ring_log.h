/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PORT_RING_LOG_H
#define PORT_RING_LOG_H

#include <stdint.h>

/*
 * The dirty log of a live migration (VHOST_F_LOG_ALL): one bit for each page of 4 KiB of guest
 * addresses, set by whoever writes there and cleared by the front-end that sends the page. Set bits
 * after the writes they stand for.
 */
#define RING_LOG_PAGE 4096

struct ring_log {
	uint8_t *bits; /* NULL: nobody wants to know */
	uint64_t size; /* octets of it */
};

/* [guest, guest + size) was written. What lies beyond the bitmap is not logged. Any thread. */
void ring_log_write(const struct ring_log *log, uint64_t guest, uint64_t size);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#include "port/ring_log.h"

void ring_log_write(const struct ring_log *log, uint64_t guest, uint64_t size)
{
	uint64_t page = guest / RING_LOG_PAGE, last;

	if (size == 0 || guest + (size - 1) < guest)
		return;
	last = (guest + (size - 1)) / RING_LOG_PAGE;
	/* The front-end exchanges octets for zero meanwhile. Full order: the write above first. */
	for (; page <= last && page / 8 < log->size; page++)
		__atomic_fetch_or(
			&log->bits[page / 8], (uint8_t)(1u << page % 8), __ATOMIC_SEQ_CST);
}

/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

/*
 * Time is an argument. The control loop reads CLOCK_MONOTONIC once a turn and passes it down;
 * no room below it asks what time it is.
 */
typedef uint64_t nsec; /* nanoseconds, monotonic, never 0 in a running switch */

#define NSEC_PER_SEC 1000000000ULL
#define NSEC_PER_MS  1000000ULL
#define NSEC_PER_US  1000ULL

#define NSEC_NEVER UINT64_MAX /* a deadline that does not come */

static inline nsec nsec_from_ms(uint64_t ms)
{
	return ms * NSEC_PER_MS;
}

static inline uint64_t nsec_to_ms(nsec t)
{
	return t / NSEC_PER_MS;
}

#endif

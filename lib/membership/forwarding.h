/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MEMBERSHIP_FORWARDING_H
#define MEMBERSHIP_FORWARDING_H

#include <stdint.h>

struct group;

/* A digest of what membership_forwarding answers for g; 0 when that is -ENOENT. Two answers that
 * differ have different digests but for one chance in 2^64. */
uint64_t forwarding_digest(const struct group *g);

#endif

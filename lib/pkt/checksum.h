/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PKT_CHECKSUM_H
#define PKT_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"

/*
 * The sum of RFC 1071 in parts. Every part but the last has an even size. The result is 0 over data
 * that includes a right checksum. Pure; inet_checksum, the whole in one call, is in eth.h.
 */
uint32_t checksum_add(uint32_t sum, const uint8_t *data, size_t size);
uint16_t checksum_finish(uint32_t sum);

/* Of size octets of a protocol that IPv6 carries, pseudo-header included (RFC 8200 8.1). */
uint16_t checksum_ipv6(const struct ip_addr *source, const struct ip_addr *destination,
	uint8_t protocol, const uint8_t *data, size_t size);

#endif

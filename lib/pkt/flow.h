/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PKT_FLOW_H
#define PKT_FLOW_H

#include <stddef.h>
#include <stdint.h>

/* What an ip-hash team spreads by (paper, "IP-Hash"): source and destination address, MACs where
 * the frame is not IP. frame: untagged, at least ETH_HEADER_SIZE of size octets. */
uint64_t flow_hash(const uint8_t *frame, size_t size);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PKT_BEACON_H
#define PKT_BEACON_H

#include "pkt/eth.h"

/*
 * The probe that uplinks of a team send each other through the physical network: a local
 * experimental EtherType (IEEE 802 clause 9.2) to a multicast MAC of our own, which is no IP group, so
 * that snooping switches flood it.
 *
 *   octets  0-3   "mcsw"      4  version 1     5  0
 *           6-11  the switch: an address that it has made up
 *           12-13 the uplink's port id
 */
#define ETHERTYPE_BEACON 0x88b5

struct beacon_frame {
	struct mac_addr sender; /* switch */
	uint16_t uplink;
};

struct mac_addr beacon_destination(void);

/* Is it addressed as a probe? The frame is untagged and holds its Ethernet header. */
static inline bool beacon_is(const uint8_t *frame)
{
	return eth_type(frame) == ETHERTYPE_BEACON && frame[0] == 0x03 && frame[1] == 'm' &&
	       frame[2] == 'c' && frame[3] == 's' && frame[4] == 'w' && frame[5] == 0;
}

/* The Ethernet source is the sender's address with the uplink's number in it: a switch that hears one
 * address on two ports would take it to move. ETH_MIN_SIZE, or -ENOSPC. */
int beacon_build(const struct beacon_frame *b, uint8_t *frame, size_t size);
/* 0, or -EINVAL for what is none of ours. */
int beacon_parse(const uint8_t *frame, size_t size, struct beacon_frame *out);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PKT_GROUP_FRAME_H
#define PKT_GROUP_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"

/* Ethernet and IP around a message that we send (RFC 3376 4, RFC 3810 5). Private to this room. */
struct group_frame {
	struct mac_addr eth_source;
	struct mac_addr eth_destination; /* all zero: the group's */
	struct ip_addr source;           /* its family is the packet's */
	struct ip_addr destination;
	bool router_alert;   /* IPv4; IPv6 always has it */
	size_t message_size; /* of IGMP or MLD */
	size_t min_size;     /* of the frame, padded with zeros */
};

/* Write all headers, zero the rest. The place of the message, NULL when the frame does not fit. */
uint8_t *group_frame_open(const struct group_frame *f, uint8_t *frame, size_t size);
/* Put the checksum into the message (both families have it at offset 2). The frame's length. */
int group_frame_close(const struct group_frame *f, uint8_t *message);

#endif

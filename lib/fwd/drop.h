/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef FWD_DROP_H
#define FWD_DROP_H

/*
 * Every reason for which a worker lets a frame go, symbol and sentence together. The list is the
 * documentation: `mcctl show drops` prints it.
 */
#define DROP_REASONS(X)                                                                            \
	X(RUNT, "runt", "frame shorter than its Ethernet header, or longer than one buffer")       \
	X(VLAN, "vlan", "tag that the port may not use")                                           \
	X(BAD_SOURCE, "bad_source", "source address that is a multicast address or zero")          \
	X(FORGED_SOURCE, "forged_source", "source address that is not the guest's own")            \
	X(REFLECTED, "reflected", "a guest's own frame come back by another uplink")               \
	X(RESERVED_MAC, "reserved_mac", "destination that no bridge forwards (01:80:c2:00:00:0x)") \
	X(BAD_IP, "bad_ip", "IP header cut short or of the wrong version")                         \
	X(GUEST_PIM, "guest_pim", "PIM of a guest that may not be a router")                       \
	X(REPORT_RATE, "report_rate", "membership message over the guest's rate")                  \
	X(UNKNOWN_UNICAST, "unknown_unicast", "unicast from an uplink to nobody here")             \
	X(NO_MEMBER, "no_member", "multicast that no port behind this switch asked for")           \
	X(NO_CARRIER, "no_carrier", "frame with nowhere to go: no other port or no live uplink")   \
	X(GUEST_RING_FULL, "guest_ring_full", "the guest's receive ring had no room")              \
	X(GUEST_GONE, "guest_gone", "the guest was not connected")                                 \
	X(DEVICE_FULL, "device_full", "the device's transmit queue had no room")                   \
	X(PUNT_FULL, "punt_full", "the ring to the control lcore had no room")                     \
	X(HAND_OVER_FULL, "hand_over_full", "the ring to another worker had no room")              \
	X(NO_MBUF, "no_mbuf", "no buffer for a private copy")                                      \
	X(STALE, "stale", "frame for a port or VLAN that went away meanwhile")

enum drop_reason {
#define X(symbol, name, sentence) DROP_##symbol,
	DROP_REASONS(X)
#undef X
		DROP_N_REASONS,
};

const char *drop_name(enum drop_reason r);
const char *drop_sentence(enum drop_reason r);

#endif

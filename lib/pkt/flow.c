/* SPDX-License-Identifier: BSD-3-Clause */
#include "pkt/flow.h"

#include "base/addr.h"
#include "pkt/eth.h"

#define IPV4_HEADER_SIZE 20u
#define IPV6_HEADER_SIZE 40u

uint64_t flow_hash(const uint8_t *frame, size_t size)
{
	const uint8_t *l3 = frame + ETH_HEADER_SIZE;
	size_t l3_size = size - ETH_HEADER_SIZE;
	uint16_t type = eth_type(frame);
	uint64_t from, to;

	if (type == ETHERTYPE_IPV4 && l3_size >= IPV4_HEADER_SIZE) {
		from = get_be32(l3 + 12);
		to = get_be32(l3 + 16);
	} else if (type == ETHERTYPE_IPV6 && l3_size >= IPV6_HEADER_SIZE) {
		struct ip_addr a = ip_from_octets(l3 + 8, true), d = ip_from_octets(l3 + 24, true);

		from = ip_hash(&a, 0);
		to = ip_hash(&d, 0);
	} else {
		struct mac_addr a = eth_source(frame), d = eth_destination(frame);

		from = mac_to_u64(&a);
		to = mac_to_u64(&d);
	}
	return hash_mix(from ^ hash_mix(to));
}

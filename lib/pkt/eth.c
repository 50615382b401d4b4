/* SPDX-License-Identifier: BSD-3-Clause */
#include "pkt/eth.h"

#include <errno.h>

#define ADDRESSES_SIZE 12u /* the tag stands between the addresses and the type, 802.1Q 9.3 */

int eth_tag_insert(uint8_t *frame, size_t *size, size_t capacity, uint16_t tci)
{
	if (*size < ETH_HEADER_SIZE)
		return -EINVAL;
	if (capacity < ETH_VLAN_SIZE || *size > capacity - ETH_VLAN_SIZE)
		return -ENOSPC;
	memmove(frame + ADDRESSES_SIZE + ETH_VLAN_SIZE, frame + ADDRESSES_SIZE,
		*size - ADDRESSES_SIZE);
	put_be16(frame + ADDRESSES_SIZE, ETHERTYPE_VLAN);
	put_be16(frame + ADDRESSES_SIZE + 2, tci);
	*size += ETH_VLAN_SIZE;
	return 0;
}

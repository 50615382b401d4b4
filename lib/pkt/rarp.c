/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "pkt/eth.h"

#define HARDWARE_ETHERNET  1
#define OP_REQUEST_REVERSE 3 /* RFC 903 */

int rarp_build(const struct mac_addr *mac, uint8_t *frame, size_t size)
{
	uint8_t *arp = frame + ETH_HEADER_SIZE;

	if (size < ETH_MIN_SIZE)
		return -ENOSPC;
	memset(frame, 0, ETH_MIN_SIZE);
	memset(frame, 0xff, 6);
	memcpy(frame + 6, mac, 6);
	put_be16(frame + 12, ETHERTYPE_RARP);

	put_be16(arp, HARDWARE_ETHERNET);
	put_be16(arp + 2, ETHERTYPE_IPV4);
	arp[4] = 6;
	arp[5] = 4;
	put_be16(arp + 6, OP_REQUEST_REVERSE);
	memcpy(arp + 8, mac, 6);  /* of the sender, whose IP address is not known: 0 */
	memcpy(arp + 18, mac, 6); /* of the target: itself */
	return ETH_MIN_SIZE;
}

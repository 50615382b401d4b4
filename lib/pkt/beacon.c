/* SPDX-License-Identifier: BSD-3-Clause */
#include "pkt/beacon.h"

#include <errno.h>

#define VERSION     1
#define SENDER_AT   6u
#define UPLINK_AT   12u
#define BEACON_SIZE 14u

static const uint8_t magic[4] = {'m', 'c', 's', 'w'};

struct mac_addr beacon_destination(void)
{
	return (struct mac_addr){{0x03, 'm', 'c', 's', 'w', 0}};
}

int beacon_build(const struct beacon_frame *b, uint8_t *frame, size_t size)
{
	const struct mac_addr to = beacon_destination();
	uint8_t *p = frame + ETH_HEADER_SIZE;

	if (size < ETH_MIN_SIZE)
		return -ENOSPC;
	memset(frame, 0, ETH_MIN_SIZE);
	memcpy(frame, to.b, sizeof(to.b));
	memcpy(frame + 6, b->sender.b, sizeof(b->sender.b));
	frame[10] ^= (uint8_t)((b->uplink + 1) >> 8);
	frame[11] ^= (uint8_t)(b->uplink + 1);
	put_be16(frame + 12, ETHERTYPE_BEACON);
	memcpy(p, magic, sizeof(magic));
	p[4] = VERSION;
	memcpy(p + SENDER_AT, b->sender.b, sizeof(b->sender.b));
	put_be16(p + UPLINK_AT, b->uplink);
	return (int)ETH_MIN_SIZE;
}

int beacon_parse(const uint8_t *frame, size_t size, struct beacon_frame *out)
{
	const uint8_t *p = frame + ETH_HEADER_SIZE;

	if (size < ETH_HEADER_SIZE + BEACON_SIZE || !beacon_is(frame) ||
		memcmp(p, magic, sizeof(magic)) != 0 || p[4] != VERSION)
		return -EINVAL;
	memcpy(out->sender.b, p + SENDER_AT, sizeof(out->sender.b));
	out->uplink = get_be16(p + UPLINK_AT);
	return 0;
}

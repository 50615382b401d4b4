/* SPDX-License-Identifier: BSD-3-Clause */
#include "pkt/checksum.h"

#include "pkt/eth.h"

/* Folded at each step: 64 KiB of 0xffff would overflow 32 bits. */
static uint32_t fold(uint64_t sum)
{
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint32_t)sum;
}

uint32_t checksum_add(uint32_t sum, const uint8_t *data, size_t size)
{
	uint64_t total = sum;
	size_t i;

	for (i = 0; i + 1 < size; i += 2)
		total += get_be16(data + i);
	if (i < size)
		total += (uint32_t)data[i] << 8;
	return fold(total);
}

uint16_t checksum_finish(uint32_t sum)
{
	return (uint16_t)~fold(sum);
}

uint16_t checksum_ipv6(const struct ip_addr *source, const struct ip_addr *destination,
	uint8_t protocol, const uint8_t *data, size_t size)
{
	uint8_t tail[8] = {[7] = protocol};
	uint32_t sum;

	put_be32(tail, (uint32_t)size);
	sum = checksum_add(0, source->b, sizeof(source->b));
	sum = checksum_add(sum, destination->b, sizeof(destination->b));
	sum = checksum_add(sum, tail, sizeof(tail));
	return checksum_finish(checksum_add(sum, data, size));
}

uint16_t inet_checksum(const uint8_t *data, size_t size)
{
	return checksum_finish(checksum_add(0, data, size));
}

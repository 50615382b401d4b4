/* SPDX-License-Identifier: BSD-3-Clause */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <time.h>

#include "net.h"

int address_parse(struct address *address, const char *text)
{
	memset(address, 0, sizeof(*address));
	address->family = strchr(text, ':') ? AF_INET6 : AF_INET;
	return inet_pton(address->family, text, address->bytes) == 1 ? 0 : -EINVAL;
}

const char *address_text(const struct address *address, char text[46])
{
	return inet_ntop(address->family, address->bytes, text, 46);
}

int address_same(const struct address *a, const struct address *b)
{
	return a->family == b->family && memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

int address_is_multicast(const struct address *address)
{
	return address->family == AF_INET ? (address->bytes[0] & 0xf0) == 0xe0
					  : address->bytes[0] == 0xff;
}

socklen_t address_sockaddr(const struct address *address, uint16_t port, unsigned ifindex,
	struct sockaddr_storage *sockaddr)
{
	memset(sockaddr, 0, sizeof(*sockaddr));
	sockaddr->ss_family = address->family;
	if (address->family == AF_INET) {
		struct sockaddr_in *in = (void *)sockaddr;
		memcpy(&in->sin_addr, address->bytes, 4);
		in->sin_port = htons(port);
		return sizeof(*in);
	}
	struct sockaddr_in6 *in6 = (void *)sockaddr;
	memcpy(&in6->sin6_addr, address->bytes, 16);
	in6->sin6_port = htons(port);
	in6->sin6_scope_id = ifindex;
	return sizeof(*in6);
}

uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

unsigned default_ifindex(void)
{
	struct if_nameindex *all = if_nameindex();
	unsigned index = 0;

	for (struct if_nameindex *one = all; one && one->if_index && !index; one++)
		if (strcmp(one->if_name, "lo") != 0)
			index = one->if_index;
	if (all)
		if_freenameindex(all);
	return index;
}

static uint8_t data_octet(uint64_t sequence, unsigned at)
{
	uint64_t mixed = (sequence + at / 8 + 1) * 0x9e3779b97f4a7c15; /* 2^64 / golden ratio */

	return (uint8_t)(mixed >> (8 + at % 8 * 7));
}

void data_fill(uint8_t *rest, unsigned size, uint64_t sequence)
{
	for (unsigned at = 0; at < size; at++)
		rest[at] = data_octet(sequence, at);
}

int data_is_whole(const uint8_t *rest, unsigned size, uint64_t sequence)
{
	for (unsigned at = 0; at < size; at++)
		if (rest[at] != data_octet(sequence, at))
			return 0;
	return 1;
}

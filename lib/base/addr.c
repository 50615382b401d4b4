/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>

bool ip_is_unspecified(const struct ip_addr *a)
{
	static const struct ip_addr any6;

	return ip_is_v4(a) ? ip_to_v4(a) == 0 : ip_equal(a, &any6);
}

bool ip_is_multicast(const struct ip_addr *a)
{
	return ip_is_v4(a) ? (a->b[12] & 0xf0) == 0xe0 : a->b[0] == 0xff;
}

bool ip_is_link_local_group(const struct ip_addr *a)
{
	static const struct ip_addr all_nodes = {.b = {0xff, 0x02, [15] = 1}};

	if (ip_is_v4(a))
		return a->b[12] == 224 && a->b[13] == 0 && a->b[14] == 0;
	if (a->b[0] != 0xff)
		return false;
	return (a->b[1] & 0x0f) <= 1 || ip_equal(a, &all_nodes);
}

int ip_compare(const struct ip_addr *a, const struct ip_addr *b)
{
	return memcmp(a->b, b->b, sizeof(a->b));
}

struct mac_addr mac_from_group(const struct ip_addr *group)
{
	const uint8_t *g = group->b;

	if (ip_is_v4(group))
		return (struct mac_addr){{0x01, 0x00, 0x5e, g[13] & 0x7f, g[14], g[15]}};
	return (struct mac_addr){{0x33, 0x33, g[12], g[13], g[14], g[15]}};
}

/* By hand: scanf would take blanks, signs and 0x for digits. */
static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int mac_parse(const char *text, struct mac_addr *out)
{
	struct mac_addr m;

	if (strlen(text) != MAC_STR_SIZE - 1)
		return -EINVAL;
	for (unsigned int i = 0; i < 6; i++, text += 3) {
		int high = hex_value(text[0]), low = hex_value(text[1]);

		if (high < 0 || low < 0 || text[2] != (i < 5 ? ':' : '\0'))
			return -EINVAL;
		m.b[i] = (uint8_t)(high << 4 | low);
	}
	*out = m;
	return 0;
}

int ip_parse(const char *text, struct ip_addr *out)
{
	uint32_t v4_be;

	if (inet_pton(AF_INET, text, &v4_be) == 1) {
		*out = ip_from_v4(v4_be);
		return 0;
	}
	return inet_pton(AF_INET6, text, out->b) == 1 ? 0 : -EINVAL;
}

const char *mac_format(const struct mac_addr *m, char *buf)
{
	snprintf(buf, MAC_STR_SIZE, "%02x:%02x:%02x:%02x:%02x:%02x", m->b[0], m->b[1], m->b[2],
		m->b[3], m->b[4], m->b[5]);
	return buf;
}

const char *ip_format(const struct ip_addr *a, char *buf)
{
	if (ip_is_v4(a))
		inet_ntop(AF_INET, &a->b[12], buf, IP_STR_SIZE);
	else
		inet_ntop(AF_INET6, a->b, buf, IP_STR_SIZE);
	return buf;
}

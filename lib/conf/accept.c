/* SPDX-License-Identifier: BSD-3-Clause */
#include "conf/accept.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/addr.h"

/* Decimal digits alone: no sign, no hexadecimal, no surprise octal. */
bool accept_number(const char *text, uint32_t min, uint32_t max, uint32_t *out)
{
	uint64_t value = 0;

	if (text[0] == '\0')
		return false;
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9')
			return false;
		value = value * 10 + (uint64_t)(*text - '0');
		if (value > UINT32_MAX)
			return false;
	}
	*out = (uint32_t)value;
	return value >= min && value <= max;
}

bool accept_name(const void *v)
{
	static const char *const alnum = "abcdefghijklmnopqrstuvwxyz"
					 "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
	const char *s = v;

	return s[strspn(s, alnum)] == '\0' && s[0] != '\0' && strchr("_.-", s[0]) == NULL;
}

bool accept_printable(const void *v)
{
	const char *s = v;

	if (*s == '\0')
		return false;
	for (; *s != '\0'; s++)
		if (*s < ' ' || *s > '~')
			return false;
	return true;
}

/* A user or group: its name or number. */
bool accept_account(const void *v)
{
	const char *s = v;

	return accept_printable(s) && s[0] != '-' && strpbrk(s, " :,/\"'") == NULL;
}

/* "127.0.0.1:9464", "[::1]:9464" */
static bool is_address_port(const char *s)
{
	bool v6 = s[0] == '[';
	const char *end = strrchr(s, ':');
	char host[INET6_ADDRSTRLEN + 2];
	struct in6_addr address;
	size_t size;
	uint32_t port;

	if (end == NULL || !accept_number(end + 1, 1, UINT16_MAX, &port))
		return false;
	size = (size_t)(end - s);
	if (size >= sizeof(host) || (v6 && (size < 2 || end[-1] != ']')))
		return false;
	memcpy(host, s + v6, size - 2 * v6);
	host[size - 2 * v6] = '\0';
	return inet_pton(v6 ? AF_INET6 : AF_INET, host, &address) == 1;
}

bool accept_listen(const void *v)
{
	const char *s = v;

	return s[0] == '/' ? accept_printable(s) : is_address_port(s);
}

bool accept_host_or_any(const void *v)
{
	const struct ip_addr *ip = v;

	return ip_is_v4(ip) && !ip_is_multicast(ip) && ip_to_v4(ip) != UINT32_MAX;
}

bool accept_host(const void *v)
{
	return accept_host_or_any(v) && !ip_is_unspecified(v);
}

bool accept_group(const void *v)
{
	return ip_is_multicast(v) && !ip_is_link_local_group(v);
}

bool accept_source(const void *v)
{
	const struct ip_addr *ip = v;

	return !ip_is_multicast(ip) && !ip_is_unspecified(ip) &&
	       !(ip_is_v4(ip) && ip_to_v4(ip) == UINT32_MAX);
}

bool accept_station(const void *v)
{
	return !mac_is_multicast(v) && !mac_is_zero(v);
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include "pkt_raw.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static unsigned int digit(char c)
{
	return isdigit((unsigned char)c) ? (unsigned int)(c - '0') : (unsigned int)(c - 'a' + 10);
}

size_t raw_hex(const char *hex, uint8_t *out)
{
	size_t n = 0;

	for (; *hex != '\0'; hex++) {
		if (*hex == ' ')
			continue;
		assert_true(isxdigit((unsigned char)hex[0]) && isxdigit((unsigned char)hex[1]));
		out[n++] = (uint8_t)(digit(hex[0]) << 4 | digit(hex[1]));
		hex++;
	}
	return n;
}

struct ip_addr raw_ip(const char *text)
{
	struct ip_addr ip;

	assert_int_equal(ip_parse(text, &ip), 0);
	return ip;
}

struct mac_addr raw_mac(const char *text)
{
	struct mac_addr m;

	assert_int_equal(mac_parse(text, &m), 0);
	return m;
}

/* RFC 1071 as its text has it: add words, fold, complement. */
static uint16_t sum(uint64_t total, const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < size; i++)
		total += i % 2 == 0 ? (uint64_t)data[i] << 8 : data[i];
	while (total > 0xffff)
		total = (total & 0xffff) + (total >> 16);
	return (uint16_t)(0xffff - total);
}

static void put16(uint8_t *p, unsigned int v)
{
	p[0] = (uint8_t)(v >> 8 & 0xff);
	p[1] = (uint8_t)(v & 0xff);
}

static size_t packet_v4(const struct raw *r, uint8_t *out)
{
	struct ip_addr from = raw_ip(r->source), to = raw_ip(r->destination);
	const char *options = r->options != NULL ? r->options : "94040000";
	size_t header, size;

	memset(out, 0, 20);
	header = 20 + (r->wrong & RAW_NO_ALERT ? 0 : raw_hex(options, out + 20));
	size = raw_hex(r->message, out + header);
	out[0] = (uint8_t)(0x40 | header / 4);
	put16(out + 2, (unsigned int)((int)(header + size) + r->length_off));
	put16(out + 6, r->fragment);
	out[8] = r->ttl != 0 ? r->ttl : 1;
	out[9] = r->protocol != 0 ? r->protocol : 2;
	memcpy(out + 12, from.b + 12, 4);
	memcpy(out + 16, to.b + 12, 4);
	put16(out + 10, sum(r->wrong & RAW_IP_SUM, out, header));
	if (size >= 4)
		put16(out + header + 2, sum(r->wrong & RAW_SUM, out + header, size));
	return header + size;
}

static size_t packet_v6(const struct raw *r, uint8_t *out)
{
	struct ip_addr from = raw_ip(r->source), to = raw_ip(r->destination);
	uint8_t protocol = r->protocol != 0 ? r->protocol : 58;
	size_t chain = 0, size;

	memset(out, 0, 40);
	out[0] = 0x60;
	out[6] = r->chain != NULL ? r->chain_first : 0;
	out[7] = r->ttl != 0 ? r->ttl : 1;
	memcpy(out + 8, from.b, 16);
	memcpy(out + 24, to.b, 16);
	if (r->chain != NULL) {
		chain = raw_hex(r->chain, out + 40);
	} else {
		chain = raw_hex(r->wrong & RAW_NO_ALERT ? "0000010400000000" : "0000050200000100",
			out + 40);
		out[40] = protocol;
	}
	size = raw_hex(r->message, out + 40 + chain);
	put16(out + 4, (unsigned int)((int)(chain + size) + r->length_off));
	if (size >= 4) {
		uint64_t pseudo = (r->wrong & RAW_SUM) + protocol + size;

		for (unsigned int i = 0; i < 16; i++)
			pseudo += (uint64_t)(from.b[i] + to.b[i]) << (i % 2 == 0 ? 8 : 0);
		put16(out + 40 + chain + 2, sum(pseudo, out + 40 + chain, size));
	}
	return 40 + chain + size;
}

size_t raw_packet(const struct raw *r, uint8_t *out)
{
	bool v6 = strchr(r->source, ':') != NULL;
	size_t size = v6 ? packet_v6(r, out) : packet_v4(r, out);

	memset(out + size, 0xa5, r->pad);
	return size + r->pad - r->cut;
}

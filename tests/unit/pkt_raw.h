/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TESTS_PKT_RAW_H
#define TESTS_PKT_RAW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"

/*
 * IP packets out of hexadecimal text, right or wrong as a test wants them. Shares no line with
 * lib/pkt: lengths and checksums are reckoned here a second time.
 */
#define RAW_SIZE 65536

/* Beginnings of messages, and addresses within them. */
#define REPORT_V3   "22 00 0000 0000 "
#define REPORT_MLD2 "8f 00 0000 0000 "
#define FF3E        "ff3e0000000000000000000000008001 "
#define LL6         "fe800000000000000000000000000001 "
#define ANY6        "00000000000000000000000000000000 "

#define REPORT4            "10.0.0.9", "224.5.5.5", "16 00 0000 e0050505"
#define REPORT6            "fe80::9", "ff3e::8001", "83 00 0000 0000 0000" FF3E
#define HBH_THEN(next)     next "00 05020000 0100"
#define PADDING_THEN(next) next "00 0104 00000000"
#define PADDING_X2         PADDING_THEN("3c") PADDING_THEN("3c")
#define PADDING_X8         PADDING_X2 PADDING_X2 PADDING_X2 PADDING_X2

enum raw_wrong {
	RAW_IP_SUM = 1 << 0,  /* IPv4 header checksum */
	RAW_SUM = 1 << 1,     /* checksum of the message */
	RAW_NO_ALERT = 1 << 2 /* no router alert: IPv4 without options, IPv6 with padding instead */
};

struct raw {
	const char *source, *destination; /* text; its family is the packet's */
	const char *message;              /* hex; its checksum (octets 2 and 3) is put in */
	unsigned int wrong;
	uint8_t protocol;      /* 0: IGMP or ICMPv6 */
	uint8_t ttl;           /* 0: 1 */
	uint16_t fragment;     /* IPv4 flags and offset */
	const char *options;   /* IPv4, hex, instead of router alert */
	const char *chain;     /* IPv6, hex, instead of hop-by-hop with router alert; the last next
	                          header in it is in place */
	uint8_t chain_first;   /* the type of the first header of chain */
	int length_off;        /* added to the length that the IP header tells */
	unsigned int cut, pad; /* octets taken from the end or put behind it */
};

size_t raw_hex(const char *hex, uint8_t *out);
size_t raw_packet(const struct raw *r, uint8_t *out);
struct ip_addr raw_ip(const char *text);
struct mac_addr raw_mac(const char *text);

#endif

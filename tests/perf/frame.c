/* SPDX-License-Identifier: BSD-3-Clause */
#include "frame.h"

#include <arpa/inet.h>
#include <string.h>

/*
 * Stream frame: Ethernet, IPv4 without options, UDP without a checksum, then the payload: the
 * magic number, the frame's own number, and bytes that count up from it. The pattern makes a
 * shifted, cut or mixed copy visible.
 */
enum {
	ETH_SIZE = 14,
	IP_OFFSET = ETH_SIZE,
	IP_SIZE = 20,
	UDP_OFFSET = IP_OFFSET + IP_SIZE,
	UDP_SIZE = 8,
	PAYLOAD_OFFSET = UDP_OFFSET + UDP_SIZE,
	PATTERN_OFFSET = PAYLOAD_OFFSET + 8,
	UDP_PORT = 5000,
	MAGIC = 0x4d435357,         /* MCSW */
	GUEST_ADDRESS = 0x0a090001, /* of guest 0 */
	ROUTER_ALERT_SIZE = 4,
	IGMP_OFFSET = IP_OFFSET + IP_SIZE + ROUTER_ALERT_SIZE,
	IGMP_SIZE = 8,
	RECORD_SIZE = 8,
	SOURCE_SIZE = 4,
	TAG_OFFSET = 12,
	TAG_SIZE = 4,
};

static void put16(uint8_t *p, unsigned int v)
{
	p[0] = v >> 8;
	p[1] = v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v & 0xffff);
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* RFC 1071; `size` is even. */
static unsigned int checksum(const uint8_t *p, size_t size)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < size; i += 2)
		sum += (unsigned int)(p[i] << 8 | p[i + 1]);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum & 0xffff;
}

static void eth_write(uint8_t *frame, uint32_t dst, const uint8_t src[6])
{
	/* RFC 1112, 6.4: the low 23 bits of the group. */
	memcpy(frame, (const uint8_t[]){0x01, 0x00, 0x5e, dst >> 16 & 0x7f, dst >> 8, dst}, 6);
	memcpy(frame + 6, src, 6);
	put16(frame + 12, 0x0800);
}

static void ip_write(uint8_t *ip, size_t header_size, size_t size, unsigned int ttl,
	unsigned int proto, uint32_t src, uint32_t dst)
{
	memset(ip, 0, header_size);
	ip[0] = 0x40 | header_size / 4;
	put16(ip + 2, size);
	ip[8] = ttl;
	ip[9] = proto;
	put32(ip + 12, src);
	put32(ip + 16, dst);
	if (header_size > IP_SIZE) {
		ip[1] = 0xc0; /* RFC 3376, 4: internetwork control, and the router alert option */
		memcpy(ip + IP_SIZE, (const uint8_t[]){0x94, 0x04, 0x00, 0x00}, ROUTER_ALERT_SIZE);
	}
	put16(ip + 10, checksum(ip, header_size));
}

uint32_t frame_group(unsigned int i)
{
	return 0xef010000u + i;
}

void frame_stream_build(uint8_t *frame, size_t size, unsigned int i)
{
	static const uint8_t src[6] = {0x02, 0x00, 0x00, 0xff, 0x00, 0x01};

	eth_write(frame, frame_group(i), src);
	ip_write(frame + IP_OFFSET, IP_SIZE, size - ETH_SIZE, 16, 17, FRAME_SOURCE, frame_group(i));
	put16(frame + UDP_OFFSET, UDP_PORT);
	put16(frame + UDP_OFFSET + 2, UDP_PORT);
	put16(frame + UDP_OFFSET + 4, size - UDP_OFFSET);
	put16(frame + UDP_OFFSET + 6, 0);
	put32(frame + PAYLOAD_OFFSET, MAGIC);
	put32(frame + PAYLOAD_OFFSET + 4, i);
	for (size_t at = PATTERN_OFFSET; at < size; at++)
		frame[at] = i + at;
}

enum frame_kind frame_stream_check(const uint8_t *frame, size_t size, unsigned int *i)
{
	uint8_t want[FRAME_MAX_SIZE];

	if (size < FRAME_MIN_SIZE || size > FRAME_MAX_SIZE)
		return FRAME_OTHER;
	if (get32(frame + PAYLOAD_OFFSET) != MAGIC)
		/* Only the benchmark's source speaks UDP: what lost its magic number was harmed on the way. */
		return frame[IP_OFFSET + 9] == 17 ? FRAME_BAD : FRAME_OTHER;
	*i = get32(frame + PAYLOAD_OFFSET + 4);
	if (*i >= FRAME_GROUPS_MAX)
		return FRAME_BAD;
	if (frame[0] & 1)
		frame_stream_build(want, size, *i);
	else
		frame_unicast_build(want, size, *i, (unsigned int)(frame[4] << 8 | frame[5]));
	return memcmp(frame, want, size) == 0 ? FRAME_STREAM : FRAME_BAD;
}

void frame_unicast_build(uint8_t *frame, size_t size, unsigned int i, unsigned int to)
{
	frame_stream_build(frame, size, i);
	memcpy(frame, (const uint8_t[]){0x02, 0, 0, 0, to >> 8, to}, 6);
	ip_write(frame + IP_OFFSET, IP_SIZE, size - ETH_SIZE, 16, 17, FRAME_SOURCE,
		GUEST_ADDRESS + to);
}

long frame_number(const uint8_t *frame)
{
	if (frame[TAG_OFFSET] == 0x81)
		frame += TAG_SIZE;
	if (get32(frame + PAYLOAD_OFFSET) != MAGIC)
		return -1;
	return get32(frame + PAYLOAD_OFFSET + 4);
}

static size_t tag_insert(uint8_t *frame, size_t size, uint16_t vlan)
{
	memmove(frame + TAG_OFFSET + TAG_SIZE, frame + TAG_OFFSET, size - TAG_OFFSET);
	put16(frame + TAG_OFFSET, 0x8100);
	put16(frame + TAG_OFFSET + 2, vlan);
	return size + TAG_SIZE;
}

size_t frame_report_build(uint8_t *frame, const struct frame_report *report)
{
	const uint8_t src[6] = {0x02, 0x00, 0x00, 0x00, report->guest >> 8, report->guest};
	const uint32_t all_v3_routers = 0xe0000016;
	size_t record_size = RECORD_SIZE + (report->source ? SOURCE_SIZE : 0);
	size_t igmp_size = IGMP_SIZE + report->n * record_size;
	uint8_t *igmp = frame + IGMP_OFFSET;
	size_t size = IGMP_OFFSET + igmp_size;

	eth_write(frame, all_v3_routers, src);
	ip_write(frame + IP_OFFSET, IP_SIZE + ROUTER_ALERT_SIZE,
		IGMP_OFFSET - IP_OFFSET + igmp_size, 1, 2, GUEST_ADDRESS + report->guest,
		all_v3_routers);
	memset(igmp, 0, igmp_size);
	igmp[0] = 0x22;
	put16(igmp + 6, report->n);
	for (unsigned int i = 0; i < report->n; i++) {
		uint8_t *record = igmp + IGMP_SIZE + i * record_size;

		record[0] = report->type;
		put32(record + 4, frame_group(report->first + i));
		if (report->source) {
			put16(record + 2, 1);
			put32(record + RECORD_SIZE, report->source);
		}
	}
	put16(igmp + 2, checksum(igmp, igmp_size));
	return report->vlan ? tag_insert(frame, size, report->vlan) : size;
}

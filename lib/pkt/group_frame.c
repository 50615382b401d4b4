/* SPDX-License-Identifier: BSD-3-Clause */
#include "pkt/group_frame.h"

#include "pkt/checksum.h"
#include "pkt/eth.h"

#define IPV4_HEADER_SIZE   20u
#define IPV4_ALERT_SIZE    4u
#define IPV4_TOS           0xc0 /* internetwork control, RFC 3376 4 */
#define IPV4_DONT_FRAGMENT 0x4000
#define IPV6_HEADER_SIZE   40u
#define IPV6_ALERT_SIZE    8u

static size_t header_size(const struct group_frame *f)
{
	if (!ip_is_v4(&f->source))
		return IPV6_HEADER_SIZE + IPV6_ALERT_SIZE;
	return IPV4_HEADER_SIZE + (f->router_alert ? IPV4_ALERT_SIZE : 0);
}

static size_t frame_size(const struct group_frame *f)
{
	size_t size = ETH_HEADER_SIZE + header_size(f) + f->message_size;

	return size < f->min_size ? f->min_size : size;
}

static void eth_write(const struct group_frame *f, uint8_t *p)
{
	struct mac_addr to = f->eth_destination;

	if (mac_is_zero(&to))
		to = mac_from_group(&f->destination);
	memcpy(p, to.b, sizeof(to.b));
	memcpy(p + 6, f->eth_source.b, sizeof(f->eth_source.b));
	put_be16(p + 12, ip_is_v4(&f->source) ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6);
}

/* Identification 0 with DF: an atomic datagram, RFC 6864 4.1. */
static void ipv4_write(const struct group_frame *f, uint8_t *p)
{
	static const uint8_t alert[IPV4_ALERT_SIZE] = {0x94, 0x04, 0, 0};
	size_t size = header_size(f);

	p[0] = (uint8_t)(0x40 | size / 4);
	p[1] = IPV4_TOS;
	put_be16(p + 2, (uint16_t)(size + f->message_size));
	put_be16(p + 6, IPV4_DONT_FRAGMENT);
	p[8] = 1;
	p[9] = IPPROTO_NR_IGMP;
	memcpy(p + 12, &f->source.b[12], 4);
	memcpy(p + 16, &f->destination.b[12], 4);
	if (f->router_alert)
		memcpy(p + IPV4_HEADER_SIZE, alert, sizeof(alert));
	put_be16(p + 10, inet_checksum(p, size));
}

static void ipv6_write(const struct group_frame *f, uint8_t *p)
{
	static const uint8_t alert[IPV6_ALERT_SIZE] = {
		IPPROTO_NR_ICMPV6, 0, 0x05, 0x02, 0, 0, /* router alert: MLD, RFC 2711 2.1 */
		0x01, 0,                                /* PadN */
	};

	p[0] = 0x60;
	put_be16(p + 4, (uint16_t)(IPV6_ALERT_SIZE + f->message_size));
	p[6] = 0; /* hop-by-hop options come next */
	p[7] = 1;
	memcpy(p + 8, f->source.b, 16);
	memcpy(p + 24, f->destination.b, 16);
	memcpy(p + IPV6_HEADER_SIZE, alert, sizeof(alert));
}

uint8_t *group_frame_open(const struct group_frame *f, uint8_t *frame, size_t size)
{
	uint8_t *l3 = frame + ETH_HEADER_SIZE;

	if (header_size(f) + f->message_size > UINT16_MAX || frame_size(f) > size)
		return NULL;
	memset(frame, 0, frame_size(f));
	eth_write(f, frame);
	if (ip_is_v4(&f->source))
		ipv4_write(f, l3);
	else
		ipv6_write(f, l3);
	return l3 + header_size(f);
}

int group_frame_close(const struct group_frame *f, uint8_t *message)
{
	uint16_t sum;

	if (ip_is_v4(&f->source))
		sum = inet_checksum(message, f->message_size);
	else
		sum = checksum_ipv6(
			&f->source, &f->destination, IPPROTO_NR_ICMPV6, message, f->message_size);
	put_be16(message + 2, sum);
	return (int)frame_size(f);
}

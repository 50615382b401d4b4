/* SPDX-License-Identifier: BSD-3-Clause */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "net.h"
#include "seen.h"

#define MAX_ROWS 256

static struct row {
	int ifindex;
	uint16_t vlan;
	uint8_t proto;
	struct address to;
	uint64_t n_packets, last_ns;
} rows[MAX_ROWS];
static int n_rows;
static uint64_t n_not_counted; /* destinations beyond MAX_ROWS */
static int packet_fd = -1;

int seen_open(void)
{
	int on = 1, size = 8 << 20;

	packet_fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, htons(ETH_P_ALL));
	if (packet_fd < 0)
		return -errno;
	setsockopt(packet_fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	setsockopt(packet_fd, SOL_PACKET, PACKET_AUXDATA, &on, sizeof(on));
	setsockopt(packet_fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on));
	return 0;
}

int seen_fd(void)
{
	return packet_fd;
}

static void row_count(const struct row *key)
{
	int i = 0;

	while (i < n_rows &&
		!(rows[i].ifindex == key->ifindex && rows[i].vlan == key->vlan &&
			rows[i].proto == key->proto && address_same(&rows[i].to, &key->to)))
		i++;
	if (i == MAX_ROWS) {
		n_not_counted++;
		return;
	}
	if (i == n_rows)
		rows[n_rows++] = *key;
	rows[i].n_packets++;
	rows[i].last_ns = now_ns();
}

/* `data` starts at the Ethernet header; the kernel took the outer tag out and told it: `vlan`. */
static void frame_seen(int ifindex, uint16_t vlan, const uint8_t *data, size_t size)
{
	struct row key = {.ifindex = ifindex, .vlan = vlan};
	size_t at = 14;

	if (size < at)
		return;
	unsigned type = data[12] << 8 | data[13];
	if (type == ETHERTYPE_VLAN && size >= at + 4) {
		key.vlan = (data[14] << 8 | data[15]) & 0xfff;
		type = data[16] << 8 | data[17];
		at += 4;
	}
	if (type == ETHERTYPE_IP && size >= at + 20) {
		key.to.family = AF_INET;
		key.proto = data[at + 9];
		memcpy(key.to.bytes, data + at + 16, 4);
	} else if (type == ETHERTYPE_IPV6 && size >= at + 40) {
		key.to.family = AF_INET6;
		key.proto = data[at + 6];
		memcpy(key.to.bytes, data + at + 24, 16);
	} else {
		return;
	}
	if (address_is_multicast(&key.to))
		row_count(&key);
}

void seen_run(void)
{
	uint8_t data[128], control[128];
	struct sockaddr_ll from;

	for (int i = 0; i < 1024 && packet_fd >= 0; i++) {
		struct iovec iov = {data, sizeof(data)};
		struct msghdr msg = {.msg_name = &from,
			.msg_namelen = sizeof(from),
			.msg_iov = &iov,
			.msg_iovlen = 1,
			.msg_control = control,
			.msg_controllen = sizeof(control)};
		ssize_t size = recvmsg(packet_fd, &msg, 0);
		if (size < 0)
			return;
		uint16_t vlan = 0;
		for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c)) {
			const struct tpacket_auxdata *aux = (const void *)CMSG_DATA(c);
			if (c->cmsg_level == SOL_PACKET && c->cmsg_type == PACKET_AUXDATA &&
				aux->tp_status & TP_STATUS_VLAN_VALID)
				vlan = aux->tp_vlan_tci & 0xfff;
		}
		frame_seen(from.sll_ifindex, vlan, data, size);
	}
}

void seen_reset(void)
{
	n_rows = 0;
	n_not_counted = 0;
}

void seen_stats(FILE *out)
{
	char to[46], dev[IF_NAMESIZE];

	fputc('[', out);
	for (int i = 0; i < n_rows; i++) {
		const struct row *r = &rows[i];
		fprintf(out,
			"%s{\"dev\": \"%s\", \"vlan\": %u, \"group\": \"%s\", \"proto\": %u, "
			"\"packets\": %" PRIu64 ", \"last_ns\": %" PRIu64 "}",
			i ? ", " : "", if_indextoname(r->ifindex, dev) ? dev : "?", r->vlan,
			address_text(&r->to, to), r->proto, r->n_packets, r->last_ns);
	}
	if (n_not_counted)
		fprintf(out, "%s{\"not_counted\": %" PRIu64 "}", n_rows ? ", " : "", n_not_counted);
	fputc(']', out);
}

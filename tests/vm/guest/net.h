/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MCGUEST_NET_H
#define MCGUEST_NET_H

#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>

/* Addresses of both families, and time. Everything here is one thread's. */
#define DATA_PORT 5000

/* One numbered datagram: what sender.c writes and receiver.c reads. Big endian on the wire. */
#define DATA_MAGIC 0x6d637377 /* "mcsw" */
#define DATA_SIZE  20         /* magic, sequence from 0, sender's CLOCK_REALTIME in ns */

/* What stands behind these 20 octets: other octets for every sequence and place, so that no part of
 * a datagram can be taken for the same part of another. */
void data_fill(uint8_t *rest, unsigned size, uint64_t sequence);
int data_is_whole(const uint8_t *rest, unsigned size, uint64_t sequence);

struct address {
	int family; /* AF_INET, AF_INET6 */
	uint8_t bytes[16];
};

/* 0 or -EINVAL. */
int address_parse(struct address *address, const char *text);
const char *address_text(const struct address *address, char text[46]);
int address_same(const struct address *a, const struct address *b);
int address_is_multicast(const struct address *address);
socklen_t address_sockaddr(const struct address *address, uint16_t port, unsigned ifindex,
	struct sockaddr_storage *sockaddr);

/* CLOCK_REALTIME: the clock of the kernel's receive time stamps. */
uint64_t now_ns(void);

/* The interface to use where none is named: the first that is not lo. 0 if there is none. */
unsigned default_ifindex(void);

#endif

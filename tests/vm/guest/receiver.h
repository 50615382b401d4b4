/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MCGUEST_RECEIVER_H
#define MCGUEST_RECEIVER_H

#include <stdio.h>

#include "net.h"

/*
 * Memberships and what arrives by them: UDP sockets, and for every (source, group, port) of
 * numbered datagrams how many came, how many came twice or not at all, and the longest pause
 * between two.
 */
enum receiver_change { JOIN, LEAVE, BLOCK, UNBLOCK };

/* Binds one more UDP port, for both families. 0 or -errno. */
int receiver_listen(uint16_t port);

/*
 * source NULL: any source; BLOCK and UNBLOCK need one. ifindex 0: the default interface. 0 or
 * -errno.
 */
int receiver_change(enum receiver_change change, const struct address *group,
	const struct address *source, unsigned ifindex);

struct pollfd;
/* Fills in what to wait for; returns the count, at most `size`. */
int receiver_pollfds(struct pollfd *fds, int size);

/* Reads what has arrived. */
void receiver_run(void);

void receiver_reset(void);

/* A JSON list, one object a stream. */
void receiver_stats(FILE *out);

#endif

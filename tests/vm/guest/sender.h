/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MCGUEST_SENDER_H
#define MCGUEST_SENDER_H

#include <stdio.h>

#include "net.h"

/* Numbered datagrams at a rate, several streams at once, sent from the loop of the caller. */
struct sender_options {
	struct address to;
	uint16_t port;
	unsigned rate;         /* packets a second; 0: as fast as the socket takes them */
	uint64_t count;        /* 0: until stopped */
	uint64_t first;        /* first sequence number */
	unsigned size;         /* of the UDP payload; DATA_SIZE at least */
	unsigned ifindex;      /* 0: the default interface */
	struct address source; /* bound to, if its family is set */
	unsigned ttl;
};

/* 0 or -errno. */
int sender_start(const struct sender_options *options);

/* Ends every stream; their counts stay. */
void sender_stop(void);

/* Sends what is due. Returns how many ns until more is due, -1 if nothing ever is. */
int64_t sender_run(void);

/* A JSON list, one object a stream. */
void sender_stats(FILE *out);

#endif

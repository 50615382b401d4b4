/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PORT_CARRIER_H
#define PORT_CARRIER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/*
 * The carrier of kernel interfaces, for drivers that never report a change: rtnetlink's notices
 * (RTMGRP_LINK), and questions where a notice may have been lost. Used by the control lcore alone;
 * no thread. An interface has a carrier when it is up, plugged in and not dormant; one that is gone
 * has none. The kernel tells of a loss at once, but up to a second late if any link changed in
 * the second before (linkwatch), so ask now and then.
 */
struct carrier;

/* One interface. The caller's, from carrier_watch to carrier_unwatch. */
struct carrier_watch {
	struct carrier_watch *next;
	int ifindex;
	bool up;
	/* The state changed. May be called by carrier_read and carrier_ask, not by carrier_watch. */
	void (*changed)(struct carrier_watch *w);
};

/* NULL with a sentence. */
struct carrier *carrier_create(struct error *err);
/* Nothing is watched any more. NULL is fine. */
void carrier_destroy(struct carrier *c);

/* Readable: call carrier_read, which never waits. */
int carrier_fd(const struct carrier *c);
void carrier_read(struct carrier *c);

/* ifindex and changed are set; up is filled in. */
void carrier_watch(struct carrier *c, struct carrier_watch *w);
void carrier_unwatch(struct carrier *c, struct carrier_watch *w);

/* The state now, as the kernel answers. Waits for the kernel's lock on links (RTNL) and for nothing
 * else. */
bool carrier_ask(struct carrier *c, struct carrier_watch *w);

/*
 * What one datagram of rtnetlink says, for tests too: size bytes from the kernel, of which any may
 * be wrong. Returns how many messages told the state of a watched interface.
 */
unsigned int carrier_datagram_seen(struct carrier *c, const void *datagram, size_t size);

#endif

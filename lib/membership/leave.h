/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MEMBERSHIP_LEAVE_H
#define MEMBERSHIP_LEAVE_H

#include "membership/row.h"

struct host;

/* Last member queries that a row has still to send, RFC 3376 6.6.3. */
struct leave {
	struct timer timer;
	struct row *row;
	uint8_t n_group_queries;
};

/* A host no longer wants any source (group), or the sources that are `asked`. Ends them, asks, or
 * only lowers their timers. The caller sweeps and settles the row. */
void leave_seen(struct membership *m, struct row *r, bool group, const struct host *h);

/* The elected querier asks about a group or its sources: lower what it asks about. */
void leave_query_seen(struct membership *m, struct vlan_state *vlan, const struct group_msg *query);

void leave_timer_expire(struct membership *m, struct timer *t);
void leave_free(struct membership *m, struct row *r);

#endif

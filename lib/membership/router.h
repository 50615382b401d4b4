/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MEMBERSHIP_ROUTER_H
#define MEMBERSHIP_ROUTER_H

#include "membership/machine.h"

struct vlan_port;

/* A port behind which a multicast router was heard, or is configured. */
struct router_port {
	struct timer timer;
	struct ip_addr address; /* who was heard last */
	bool is_static;
};

/* A router said so, and holds for this long; 0: it says goodbye. */
void router_seen(
	struct membership *m, struct vlan_port *vp, const struct ip_addr *address, nsec hold);
void router_static_set(struct membership *m, struct vlan_port *vp, bool is_router);
/* Forget what was heard, and with_static what is configured. */
void router_end(struct membership *m, struct vlan_port *vp, bool with_static);

void router_timer_expire(struct membership *m, struct timer *t);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MEMBERSHIP_MESSAGE_H
#define MEMBERSHIP_MESSAGE_H

#include "membership/machine.h"

/* A parsed message came from a port; vlan or port NULL: unknown, so it leaves no trace. */
enum membership_verdict message_seen(struct membership *m, struct vlan_state *vlan,
	struct port_state *port, const struct mac_addr *reporter, const struct group_msg *msg);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MEMBERSHIP_RECORD_H
#define MEMBERSHIP_RECORD_H

#include "membership/machine.h"

struct host;

/* One record of a report, or what older versions say in other words. Its sources are in the packet
 * (wire) or in a list; with neither there are none. */
struct record {
	enum group_record_type type;
	enum membership_origin origin; /* SNOOPED or RESTORED */
	uint8_t version;               /* of the message; 0: restored */
	struct ip_addr group;
	unsigned int n_sources;
	const struct group_record *wire;
	const struct ip_addr *list;
};

/* MEMBERSHIP_PASS_ROUTERS: done, or nothing to do. Otherwise why it was refused; the state of the
 * row is then what it was. */
enum membership_verdict record_seen(struct membership *m, struct vlan_state *vlan,
	struct port_state *port, const struct record *rec, const struct host *h);

#endif

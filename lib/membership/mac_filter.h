/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MEMBERSHIP_MAC_FILTER_H
#define MEMBERSHIP_MAC_FILTER_H

#include "membership/row.h"

struct port_state;

/* Replace the rows that a guest's NIC filter makes. -ENOMEM: the old ones stand. */
int mac_filter_set(struct membership *m, struct vlan_state *vlan, struct port_state *port,
	const struct mac_addr *macs, unsigned int n, bool all);

/* The port's NIC takes every multicast frame, or no longer. */
void mac_filter_all_set(struct membership *m, struct vlan_state *vlan, uint16_t port, bool all);

/* A row of an IP group became known by snooping, or is no longer: the filter row of the same port
 * behind the same MAC admits less, or more. */
void mac_filter_refine(struct membership *m, const struct row *ip_row, bool snooped);

#endif

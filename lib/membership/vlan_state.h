/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MEMBERSHIP_VLAN_STATE_H
#define MEMBERSHIP_VLAN_STATE_H

#include "membership/machine.h"
#include "membership/querier.h"
#include "membership/router.h"

/* A VLAN: its settings, its ports, who asks and who routes in it, and its groups. */
struct vlan_state {
	struct membership_vlan conf;
	struct bitset ports;
	struct bitset routers;     /* router ports of any kind */
	struct bitset filter_all;  /* ports whose NIC takes every multicast frame */
	struct querier querier[2]; /* by v6 */
	struct group *groups;      /* in no order */
	struct vlan_port *port[BITSET_SIZE];
};

/* What there is to know of a port in a VLAN besides its rows. */
struct vlan_port {
	struct router_port router;
	struct vlan_state *vlan;
	uint16_t port;
	bool has_reporter;
	bool has_several; /* reporters of more than one MAC: one may hide behind another's report */
	struct mac_addr first_reporter;
};

struct vlan_state *vlan_state_find(const struct membership *m, uint16_t vlan);
int vlan_state_set(struct membership *m, const struct membership_vlan *conf);
void vlan_state_free(struct membership *m, struct vlan_state *vlan);
void vlan_state_ports_set(
	struct membership *m, struct vlan_state *vlan, const struct bitset *ports);

/* The port left the VLAN or went down: forget what was learnt. */
void vlan_state_port_end(
	struct membership *m, struct vlan_state *vlan, uint16_t port, bool with_static);

/* Created on first use; NULL: no memory. */
struct vlan_port *vlan_state_port(struct vlan_state *vlan, uint16_t port);
void vlan_state_reporter_seen(
	struct vlan_state *vlan, uint16_t port, const struct mac_addr *reporter);

/* RV x QI + QRI, RFC 3376 8.4, RFC 3810 9.4; also older version host present, 8.13. */
nsec vlan_state_membership_interval(const struct vlan_state *vlan, bool v6);

#endif

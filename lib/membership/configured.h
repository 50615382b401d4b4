/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MEMBERSHIP_CONFIGURED_H
#define MEMBERSHIP_CONFIGURED_H

#include "membership/machine.h"

/* Rows by configuration; source unspecified: any. 0, -ENOMEM, -ENOENT. */
int configured_add(struct membership *m, struct vlan_state *vlan, uint16_t port,
	const struct ip_addr *group, const struct ip_addr *source);
int configured_del(struct membership *m, struct vlan_state *vlan, uint16_t port,
	const struct ip_addr *group, const struct ip_addr *source);

#endif

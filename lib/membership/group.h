/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MEMBERSHIP_GROUP_H
#define MEMBERSHIP_GROUP_H

#include "membership/machine.h"

struct row;

/*
 * A (VLAN, group) and its rows, in order of port. Groups known by IP and groups known only by MAC
 * live in one hash table. A MAC group knows the IP groups behind it, and each of those its MAC
 * group: what one admits depends on the other.
 */
struct group {
	struct group *hash_next;
	struct row *rows;
	struct vlan_state *vlan;
	struct group *vlan_next;
	struct group **vlan_pprev;
	union {
		struct group *mac_group; /* of an IP group; NULL: nobody's filter has its MAC */
		struct group *behind;    /* of a MAC group: its IP groups */
	};
	struct group *behind_next;
	struct group **behind_pprev;
	struct group *dirty_next;
	uint64_t digest;   /* of the forwarding that was told last; 0: none */
	struct ip_addr id; /* a MAC stands in the last six octets */
	bool is_mac;
	bool dirty;
};

/* The table. NULL or -ENOMEM: no memory. */
int group_table_init(struct membership *m);
void group_table_fini(struct membership *m);

struct group *group_find(
	const struct membership *m, uint16_t vlan, const struct ip_addr *id, bool is_mac);
/* Find or create; a created group that gets no row goes with the next flush. */
struct group *group_get(
	struct membership *m, struct vlan_state *vlan, const struct ip_addr *id, bool is_mac);

struct group *group_find_named(
	const struct membership *m, uint16_t vlan, const struct membership_group *name);
struct membership_group group_name(const struct group *g);
struct ip_addr group_id_from_mac(const struct mac_addr *mac);
struct mac_addr group_mac(const struct group *g);

/* What membership_forwarding answers may have changed, for this group and for those that depend
 * on it. */
void group_touch(struct membership *m, struct group *g);
void group_touch_vlan(struct membership *m, struct vlan_state *vlan);

/* The end of every call: tell the sink of the groups whose answer did change, free empty ones. */
void group_flush(struct membership *m);

#endif

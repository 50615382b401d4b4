/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include <stddef.h>

#include "membership/membership.h"

/*
 * A membership machine under a clock that is a number, with one VLAN, and everything it said since
 * somebody asked. Names: p1-p9 guests, u1-u9 uplinks, p1.b host b behind p1 (a when none is named),
 * s1-s9 sources of the family at hand. State is compared as text, which is also what a failure
 * shows.
 */
#define SIM_VLAN   20
#define SIM_UPLINK 10 /* port id of u1, less one */
#define SIM_TEXT   1024u
#define SIM_GROUPS 32u /* a case may name */

struct sim_group {
	struct membership_group name;
	char forwarding[SIM_TEXT]; /* as of the last check */
	unsigned int n_told;
};

struct world {
	struct membership *m;
	nsec now;
	struct membership_vlan vlan;
	struct bitset ports;
	char sent[4 * SIM_TEXT]; /* queries, one a line */
	bool is_mute;            /* general queries are not noted */
	char events[4 * SIM_TEXT];
	enum membership_verdict verdict; /* of the last message */
	int rc;                          /* of the last setting */
	struct sim_group group[SIM_GROUPS];
	unsigned int n_groups;
};

/* Birth is at one hour, so that a time of 0 would show. Printed times are seconds since then. */
#define SIM_BIRTH (3600 * NSEC_PER_SEC)

void world_init(struct world *w);
void world_fini(struct world *w);
void world_vlan_apply(struct world *w);
void world_advance(struct world *w, nsec t);

/* The group's place in the list of groups to watch. */
struct sim_group *world_watch(struct world *w, const struct membership_group *name);

/* group_changed must have been told of the watched groups whose forwarding changed since the last
 * check, and of no other. Returns NULL or what is wrong. */
const char *world_check_told(struct world *w);

/* Text of what is; buf holds SIM_TEXT. */
const char *text_port(uint16_t port, char *buf);
const char *text_ports(const struct bitset *ports, char *buf);
const char *text_source(const struct ip_addr *a, char *buf);
const char *text_group(const struct membership_group *g, char *buf);
const char *text_time(nsec t, char *buf);
const char *text_forwarding(const struct world *w, const struct membership_group *g, char *buf);
const char *text_row(
	const struct world *w, uint16_t port, const struct membership_group *g, char *buf);
const char *text_reporters(const struct world *w, const struct membership_group *g, char *buf);
const char *text_querier(const struct world *w, bool v6, char *buf);
const char *text_query(const struct bitset *ports, const struct group_query *q, char *buf);
const char *text_event(const struct membership_event *e, char *buf);

/* snprintf at the end of buf, which holds size. */
void text_add(char *buf, size_t size, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif

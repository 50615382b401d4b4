/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONF_SCHEMA_H
#define CONF_SCHEMA_H

#include <stddef.h>

#include "conf/lines.h"

/*
 * The configuration as libcyaml reads it. Structure is libcyaml's to judge; scalars stay text,
 * because libcyaml stops at the first wrong one, takes "flase" for true and 010 for 8. fields.c
 * judges them, all of a file at once. A NULL text or part was not given.
 */
struct raw_igmp {
	char *version, *queries, *query_gap_ms, *router_address;
};

struct raw_control {
	char *owner, *group, *read_group;
};

struct raw_metrics {
	char *listen;
};

struct raw_timers {
	char *robustness, *query_interval_ms, *query_response_ms, *last_member_interval_ms;
};

struct raw_static {
	char *group, *source;
	char **ports;
	unsigned int ports_count;
};

struct raw_vlan {
	char *id, *unregistered, *validation, *querier, *querier_address, *fast_leave;
	char **router_ports;
	struct raw_timers *timers;
	struct raw_static *statics;
	unsigned int router_ports_count, statics_count;
};

struct raw_uplink {
	char *name, *device, *link, *poll_ms, *debounce_ms, *multicast;
};

struct raw_team {
	char *name, *policy, *notify_switches, *failback, *replay_memberships;
	char *channel_replay, *beacon_ms;
	char **vlans, **active, **standby;
	unsigned int vlans_count, active_count, standby_count;
};

struct raw_limits {
	char *groups, *sources, *reports_per_s;
};

struct raw_security {
	char *promiscuous, *mac_changes, *forged_transmits;
};

struct raw_guest {
	char *name, *socket, *device, *mode, *vlan, *mac, *qmp, *router;
	char **trunk;
	unsigned int trunk_count;
	struct raw_limits *limits;
	struct raw_security *security;
};

struct raw {
	char *control_socket, *state_file, *vhost_rings, *idle_sleep_us;
	struct raw_control *control;
	struct raw_metrics *metrics;
	struct raw_igmp *igmp;
	struct raw_vlan *vlans;
	struct raw_uplink *uplinks;
	struct raw_team *teams;
	struct raw_guest *guests;
	unsigned int vlans_count, uplinks_count, teams_count, guests_count;
};

/* 0, or -EINVAL after errors were added. *out is NULL for an empty text. */
int raw_load(const char *text, size_t size, const struct site *site, struct raw **out);
void raw_free(struct raw *raw);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef API_METHODS_H
#define API_METHODS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "api/rpc.h"
#include "base/clock.h"

/*
 * What operators may ask. A method is a function here, a row in methods.c and a verb in app/mcctl;
 * each reads control.h and writes JSON, and nothing else.
 *
 * Times in JSON are milliseconds: x_ms is how long ago, expires_ms how long to go.
 */
struct control;
struct control_event;
struct control_group;
struct control_port;

/* The ctx of every method: who asks. */
struct caller {
	struct control *control;
	size_t *snapshots_size; /* of all callers together, at most API_MAX_SNAPSHOTS */
	bool watching;          /* events are sent from now on */
	bool capturing;         /* frames are, until it ends */
};

const struct rpc_method *methods_table(void);

/* show_status.c */
int show_status(struct rpc_call *call);
int show_version(struct rpc_call *call);
int show_cores(struct rpc_call *call);
int show_drops(struct rpc_call *call);
/* show_ports.c */
int show_ports(struct rpc_call *call);
/* "up", "down", "disabled" by an operator, "lost" as probes say */
const char *port_state_name(const struct control_port *p);
void port_tail_add(json_t *row, const struct control_port *p); /* link detection, counters */
/* show_counters.c */
int show_counters(struct rpc_call *call);
/* show_teams.c */
int show_uplinks(struct rpc_call *call);
int show_teams(struct rpc_call *call);
int team_set(struct rpc_call *call);
/* show_groups.c */
int show_groups(struct rpc_call *call);
#define BUSIEST_MAX 100
int show_busiest(struct rpc_call *call);
json_t *control_group_json(const struct control_group *g);
/* show_snooping.c */
int show_snooping(struct rpc_call *call);
int show_queriers(struct rpc_call *call);
/* show_events.c */
int show_events(struct rpc_call *call);
int watch_events(struct rpc_call *call);
json_t *event_json(const struct control_event *e);
/* schema.c */
int show_schema(struct rpc_call *call);
/* capture.c */
int capture_start(struct rpc_call *call);
int capture_stop(struct rpc_call *call);
/* guests.c */
int guest_add(struct rpc_call *call);
int guest_del(struct rpc_call *call);
int guest_show(struct rpc_call *call);
int guest_query(struct rpc_call *call);
/* handover.c */
int guest_migrated(struct rpc_call *call);
int guest_export(struct rpc_call *call);
int guest_import(struct rpc_call *call);
/* settings.c */
int igmp_set(struct rpc_call *call);
int vlan_set(struct rpc_call *call);
int group_add(struct rpc_call *call);
int group_del(struct rpc_call *call);
int reload(struct rpc_call *call);
int show_config(struct rpc_call *call);
int uplink_admin(struct rpc_call *call);

/* Pieces that several of them need; NULL: no memory. */
json_t *json_since(nsec now, nsec then);     /* how long ago; null when then is 0 */
json_t *json_until(nsec now, nsec deadline); /* how long to go; null for NSEC_NEVER */
json_t *json_text_or_null(const char *text); /* null for NULL and "" */

/* An action that went well: an empty object, room for what may be told one day. */
int call_done(struct rpc_call *call, int rc);

#endif

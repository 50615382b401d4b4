/* SPDX-License-Identifier: BSD-3-Clause */
#include "api/methods.h"

#include "api/params.h"
#include "control/control.h"

#define PARAM_VLAN(need)                                                          \
	{                                                                         \
		"vlan", RPC_INTEGER, need, "a VLAN id, 0 to 4094", params_is_vlan \
	}
#define PARAM_GROUP(need)                                                         \
	{                                                                         \
		"group", RPC_STRING, need, "a multicast address", params_is_group \
	}
#define PARAM_PORT(need)                                                       \
	{                                                                      \
		"port", RPC_STRING, need, "the name of a port", params_is_name \
	}
#define PARAM_NAME(need)                                           \
	{                                                          \
		"name", RPC_STRING, need, "a name", params_is_name \
	}

static const struct rpc_param groups_params[] = {
	PARAM_VLAN(false), PARAM_GROUP(false), PARAM_PORT(false), {NULL}};

static const struct rpc_param snooping_params[] = {PARAM_VLAN(false), {NULL}};

static const struct rpc_param busiest_params[] = {
	{"count", RPC_INTEGER, false, "how many, 1 to 100", params_is_top_count}, {NULL}};

static const struct rpc_param events_params[] = {
	{"from", RPC_INTEGER, false, "the number of an event", params_is_count}, {NULL}};

static const struct rpc_param capture_params[] = {PARAM_PORT(false), PARAM_GROUP(false),
	{"count", RPC_INTEGER, false,
		"a number of frames, 1 or more; where it is not given, there is no end",
		params_is_positive},
	{NULL}};

static const struct rpc_param igmp_params[] = {
	{"key", RPC_STRING, true, "version, queries, query_gap_ms or router_address", NULL},
	{"value", RPC_STRING | RPC_INTEGER, true, "a string or number", NULL}, {NULL}};

static const struct rpc_param vlan_params[] = {PARAM_VLAN(true),
	{"key", RPC_STRING, true,
		"unregistered, validation, querier, querier_address, fast_leave, router_ports, "
		"robustness, query_interval_ms, query_response_ms or last_member_interval_ms",
		NULL},
	{"value", RPC_STRING | RPC_INTEGER | RPC_BOOLEAN, true,
		"as in the configuration; router_ports as names with commas, or none", NULL},
	{NULL}};

static const struct rpc_param static_params[] = {PARAM_VLAN(true),
	{"group", RPC_STRING, true, "a multicast IP address", NULL},
	{"source", RPC_STRING, false, "the address of a host; without: any", NULL},
	PARAM_PORT(true), {NULL}};

static const struct rpc_param counters_params[] = {PARAM_PORT(false), {NULL}};

static const struct rpc_param guest_add_params[] = {
	{"guest", RPC_STRING | RPC_OBJECT, true,
		"\"NAME=SOCKET[,key=value...]\" or an object with the keys of the configuration",
		NULL},
	{NULL}};

static const struct rpc_param name_params[] = {PARAM_NAME(true), {NULL}};

static const struct rpc_param import_params[] = {PARAM_NAME(true),
	{"state", RPC_OBJECT, true, "what guest.export told", NULL},
	{"append", RPC_BOOLEAN, false, "true: to what was imported before", NULL}, {NULL}};

static const struct rpc_param maybe_name_params[] = {PARAM_NAME(false), {NULL}};

static const struct rpc_param team_params[] = {PARAM_NAME(true),
	{"key", RPC_STRING, true,
		"policy, active, standby, failback, notify_switches, replay_memberships, "
		"channel_replay or beacon_ms",
		NULL},
	{"value", RPC_STRING | RPC_INTEGER | RPC_BOOLEAN, true,
		"as in the configuration; a list as names with commas, or none", NULL},
	{NULL}};

static const struct rpc_param uplink_params[] = {
	PARAM_NAME(true), {"up", RPC_BOOLEAN, true, "true or false", NULL}, {NULL}};

/* The whole interface; `schema` prints it. */
static const struct rpc_method table[] = {
	{"status", RPC_READ, NULL, show_status,
		"the switch in one object; law_holds and its terms"},
	{"ports", RPC_READ, NULL, show_ports, "every port with state and counters"},
	{"groups", RPC_READ, groups_params, show_groups, "memberships, one object a source"},
	{"busiest", RPC_READ, busiest_params, show_busiest, "groups by rate, the busiest first"},
	{"snooping", RPC_READ, snooping_params, show_snooping, "reporters behind the memberships"},
	{"queriers", RPC_READ, NULL, show_queriers, "the querier of each VLAN and family"},
	{"teams", RPC_READ, NULL, show_teams, "teams of uplinks and their policies"},
	{"uplinks", RPC_READ, NULL, show_uplinks, "uplinks and the guests they carry"},
	{"cores", RPC_READ, NULL, show_cores, "what each core does"},
	{"drops", RPC_READ, NULL, show_drops,
		"frames dropped, by reason, and by port where not zero"},
	{"counters", RPC_READ, counters_params, show_counters,
		"IGMP and MLD messages of each port, by type, version and direction"},
	{"events", RPC_READ, events_params, show_events, "the last events, oldest first"},
	{"watch", RPC_READ, NULL, watch_events, "send each event from now on as a notification"},
	{"capture", RPC_WRITE, capture_params, capture_start,
		"send frames as notifications: frame, and captured at the end; one client at a "
		"time"},
	{"capture.stop", RPC_WRITE, NULL, capture_stop, "end this client's capture"},
	{"guest.show", RPC_READ, maybe_name_params, guest_show, "guests as they are configured"},
	{"guest.add", RPC_WRITE, guest_add_params, guest_add, "add a guest port"},
	{"guest.del", RPC_WRITE, name_params, guest_del, "remove a guest port"},
	{"guest.query", RPC_WRITE, name_params, guest_query, "send a guest a burst of queries"},
	{"guest.migrated", RPC_WRITE, name_params, guest_migrated, "a guest has moved in"},
	{"guest.export", RPC_READ, name_params, guest_export, "a guest's memberships"},
	{"guest.import", RPC_WRITE, import_params, guest_import,
		"memberships from another switch, provisional until the guest reports"},
	{"team.set", RPC_WRITE, team_params, team_set, "set one setting of a team; acts at once"},
	{"uplink.admin", RPC_WRITE, uplink_params, uplink_admin, "take an uplink up or down"},
	{"group.add", RPC_WRITE, static_params, group_add, "make a port a static member"},
	{"group.del", RPC_WRITE, static_params, group_del, "end a static membership"},
	{"vlan.set", RPC_WRITE, vlan_params, vlan_set, "set one setting of a VLAN; acts at once"},
	{"igmp.set", RPC_WRITE, igmp_params, igmp_set, "set one igmp parameter; acts at once"},
	{"reload", RPC_WRITE, NULL, reload,
		"apply the difference between the configuration file and what runs, or nothing"},
	{"config", RPC_READ, NULL, show_config, "what runs, as YAML that loads to the same"},
	{"version", RPC_READ, NULL, show_version,
		"versions of the switch, of DPDK and of this list"},
	{"schema", RPC_READ, NULL, show_schema, "this list"},
	{NULL},
};

const struct rpc_method *methods_table(void)
{
	return table;
}

json_t *json_since(nsec now, nsec then)
{
	if (then == 0)
		return json_null();
	return json_integer((json_int_t)(now > then ? nsec_to_ms(now - then) : 0));
}

json_t *json_until(nsec now, nsec deadline)
{
	if (deadline == NSEC_NEVER)
		return json_null();
	return json_integer((json_int_t)(deadline > now ? nsec_to_ms(deadline - now) : 0));
}

json_t *json_text_or_null(const char *text)
{
	return text == NULL || text[0] == '\0' ? json_null() : rpc_text(text);
}

int call_done(struct rpc_call *call, int rc)
{
	if (rc == 0)
		call->result = json_object();
	return rc;
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include "verbs.h"

#include <errno.h>
#include <string.h>

#include "capture.h"
#include "handover.h"
#include "show.h"
#include "top.h"

static const struct arg vlan_args[] = {
	{"vlan", "N", "vlan", ARG_INTEGER, false, NULL, "only this VLAN; 0 is untagged traffic"},
	{0},
};

static const struct arg groups_args[] = {
	{"vlan", "N", "vlan", ARG_INTEGER, false, NULL, "only this VLAN; 0 is untagged traffic"},
	{"group", "G", "group", ARG_TEXT, false, NULL, "only this group: IPv4, IPv6 or MAC"},
	{"port", "P", "port", ARG_PORT, false, NULL, "only this port"},
	{0},
};

static const struct arg busiest_args[] = {
	{"count", "N", "count", ARG_INTEGER, false, NULL, "how many; 20 where not given"},
	{0},
};

static const struct arg cores_args[] = {
	{"all", NULL, NULL, ARG_TEXT, false, NULL,
		"also how large bursts are and how many ways frames go"},
	{0},
};

static const struct arg drops_args[] = {
	{"all", NULL, NULL, ARG_TEXT, false, NULL, "also the reasons that counted nothing"},
	{0},
};

static const struct arg events_args[] = {
	{"from", "NUMBER", "from", ARG_INTEGER, false, NULL, "from the event of this number on"},
	{0},
};

static const struct arg capture_args[] = {
	{"port", "P", "port", ARG_PORT, false, NULL, "only what comes in and leaves by this port"},
	{"group", "G", "group", ARG_TEXT, false, NULL,
		"only frames to this group, and the IGMP and MLD that concern it"},
	{"count", "N", "count", ARG_INTEGER, false, NULL, "end after so many frames"},
	{0},
};

static const struct arg igmp_args[] = {
	{NULL, "KEY", "key", ARG_TEXT, true, "version queries query_gap_ms router_address",
		"version: of synthetic queries, 2, 3 or auto; queries: how many; query_gap_ms: "
		"between them; router_address: their source"},
	{NULL, "VALUE", "value", ARG_TEXT, true, NULL, "acts on the next burst"},
	{0},
};

static const struct arg vlan_set_args[] = {
	{NULL, "N", "vlan", ARG_INTEGER, true, NULL, "of the VLAN; 0 is untagged traffic"},
	{NULL, "KEY", "key", ARG_TEXT, true,
		"unregistered validation querier querier_address fast_leave router_ports "
		"robustness "
		"query_interval_ms query_response_ms last_member_interval_ms",
		"as in the configuration, vlans and their timers"},
	{NULL, "VALUE", "value", ARG_TEXT, true, NULL,
		"of router_ports: names with commas, or none"},
	{0},
};

static const struct arg static_args[] = {
	{"vlan", "N", "vlan", ARG_INTEGER, true, NULL, "the VLAN; 0 is untagged traffic"},
	{"group", "G", "group", ARG_TEXT, true, NULL, "the group: IPv4 or IPv6"},
	{"source", "S", "source", ARG_TEXT, false, NULL, "only from this source"},
	{"port", "P", "port", ARG_PORT, true, NULL, "who gets it"},
	{0},
};

static const struct arg counters_args[] = {
	{"port", "P", "port", ARG_PORT, false, NULL, "only this port"},
	{0},
};

static const struct arg team_args[] = {
	{NULL, "NAME", "name", ARG_TEXT, true, NULL, "of the team"},
	{NULL, "KEY", "key", ARG_TEXT, true,
		"policy active standby failback notify_switches replay_memberships channel_replay "
		"beacon_ms",
		"as in the configuration; what active leaves out is standby and the other way"},
	{NULL, "VALUE", "value", ARG_TEXT, true, NULL,
		"of active and standby: names with commas, or none"},
	{0},
};

static const struct arg name_args[] = {
	{NULL, "NAME", "name", ARG_PORT, true, NULL, "of the port"},
	{0},
};

static const struct arg maybe_name_args[] = {
	{NULL, "NAME", "name", ARG_PORT, false, NULL, "only this guest"},
	{0},
};

#define ACCEPT "reject accept"

/* The keys of the configuration; the switch checks the values. */
static const struct arg guest_args[] = {
	{NULL, "NAME", "name", ARG_TEXT, true, NULL,
		"of the new port, or all as NAME=SOCKET,vlan=20"},
	{"socket", "PATH", "socket", ARG_TEXT, false, NULL, "of vhost-user"},
	{"device", "DEVICE", "device", ARG_TEXT, false, NULL, "instead of a socket: an ethdev"},
	{"mode", "MODE", "mode", ARG_TEXT, false, "server client", "client: QEMU owns the socket"},
	{"vlan", "N", "vlan", ARG_TEXT, false, NULL, "access VLAN, 0 untagged"},
	{"trunk", "N+N", "trunk", ARG_TEXT, false, NULL, "VLANs that the guest sees tagged"},
	{"mac", "MAC", "mac", ARG_TEXT, false, NULL, "of the guest; else learnt"},
	{"qmp", "PATH", "qmp", ARG_TEXT, false, NULL, "QEMU's monitor socket"},
	{"router", "POLICY", "router", ARG_TEXT, false, "deny allow", "may it be a querier"},
	{"groups", "N", "groups", ARG_TEXT, false, NULL, "limit of groups"},
	{"sources", "N", "sources", ARG_TEXT, false, NULL, "limit of sources a group"},
	{"reports_per_s", "N", "reports_per_s", ARG_TEXT, false, NULL, "limit of reports a second"},
	{"promiscuous", "POLICY", "promiscuous", ARG_TEXT, false, ACCEPT, "all frames of the VLAN"},
	{"mac_changes", "POLICY", "mac_changes", ARG_TEXT, false, ACCEPT, "another address"},
	{"forged_transmits", "POLICY", "forged_transmits", ARG_TEXT, false, ACCEPT,
		"frames from other addresses"},
	{0},
};

/* {"name": ..., "vlan": ...} becomes {"guest": that}, "NAME=..." alone {"guest": "NAME=..."}. */
static int guest_finish(json_t **params, struct error *err)
{
	json_t *name = json_object_get(*params, "name");
	json_t *guest = *params;

	if (strchr(json_string_value(name), '=') != NULL) {
		if (json_object_size(*params) > 1)
			return error_set(err, -EINVAL,
				"'%s': expected NAME=SOCKET,... alone, or NAME and words",
				json_string_value(name));
		guest = name;
	} else if (json_object_get(guest, "socket") == NULL &&
		   json_object_get(guest, "device") == NULL) {
		return error_set(err, -EINVAL,
			"'%s': its socket is missing; expected socket PATH or device DEVICE",
			json_string_value(name));
	}
	guest = json_pack("{s:O}", "guest", guest);
	json_decref(*params);
	*params = guest;
	return 0;
}

#define GUEST_ADD_USAGE "guest add NAME=SOCKET[,KEY=VALUE...] | NAME socket PATH [KEY VALUE]..."

static const struct verb table[] = {
	{"show status", "status", NULL, "the switch on one page", .print = show_status},
	{"show ports", "ports", NULL, "ports, their state and counters", .print = show_ports},
	{"show groups", "groups", groups_args, "who wants which group", .print = show_groups},
	{"show busiest", "busiest", busiest_args, "groups by rate", .print = show_busiest},
	{"show snooping", "snooping", vlan_args, "reporters by VLAN", .print = show_snooping},
	{"show queriers", "queriers", NULL, "who asks, by VLAN", .print = show_queriers},
	{"show teams", "teams", NULL, "teams of uplinks", .print = show_teams},
	{"show uplinks", "uplinks", NULL, "uplinks and what they carry", .print = show_uplinks},
	{"show cores", "cores", cores_args, "how busy each core is", .print = show_cores},
	{"show drops", "drops", drops_args, "frames lost, and why", .print = show_drops},
	{"show counters", "counters", counters_args, "IGMP and MLD messages by port",
		.print = show_counters},
	{"show events", "events", events_args, "what happened lately", .print = show_events},
	{"show config", "config", NULL, "what runs, as YAML that loads to the same",
		.print = show_config},
	{"set igmp", "igmp.set", igmp_args, "synthetic queries; acts at once"},
	{"set vlan", "vlan.set", vlan_set_args, "a VLAN's settings; acts at once"},
	{"group add", "group.add", static_args, "a static membership"},
	{"group del", "group.del", static_args, "end a static membership"},
	{"team set", "team.set", team_args, "policy and order of a team; acts at once"},
	{"guest add", "guest.add", guest_args, "add a guest port", .usage = GUEST_ADD_USAGE,
		.finish = guest_finish},
	{"guest del", "guest.del", name_args, "remove a guest port"},
	{"guest show", "guest.show", maybe_name_args, "guests as configured", .print = show_guests},
	{"guest migrated", "guest.migrated", name_args, "a guest has moved in: see to it"},
	{"query", "guest.query", name_args, "ask a guest for its groups"},
	{"uplink up", "uplink.admin", name_args, "take an uplink into use",
		.fixed = "{\"up\":true}"},
	{"uplink down", "uplink.admin", name_args, "take an uplink out of use",
		.fixed = "{\"up\":false}"},
	{"export", "guest.export", name_args, "memberships, for import elsewhere",
		.print = export_print},
	{"import", "guest.import", name_args, "memberships from standard input", .run = import_run},
	{"reload", "reload", NULL, "apply what the file says now, or nothing"},
	{"watch", "watch", NULL, "events as they happen", .follow = watch_events},
	{"capture", "capture", capture_args, "frames as pcapng; Ctrl-C ends it",
		.usage = "capture [port P] [group G] [count N] > FILE.pcapng", .run = capture_run},
	{"top", "busiest", NULL, "live view; q ends it", .run = top_run},
	{"schema", "schema", NULL, "methods of the API", .print = show_schema},
	{0},
};

const struct verb *verbs_table(void)
{
	return table;
}

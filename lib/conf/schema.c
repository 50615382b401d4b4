/* SPDX-License-Identifier: BSD-3-Clause */
#include "conf/schema.h"

#include "conf/tree.h"

static const cyaml_schema_field_t igmp_keys[] = {
	TEXT(raw_igmp, version),
	TEXT(raw_igmp, queries),
	TEXT(raw_igmp, query_gap_ms),
	TEXT(raw_igmp, router_address),
	TREE_END,
};

static const cyaml_schema_field_t control_keys[] = {
	TEXT(raw_control, owner),
	TEXT(raw_control, group),
	TEXT(raw_control, read_group),
	TREE_END,
};

static const cyaml_schema_field_t metrics_keys[] = {
	TEXT(raw_metrics, listen),
	TREE_END,
};

static const cyaml_schema_field_t timers_keys[] = {
	TEXT(raw_timers, robustness),
	TEXT(raw_timers, query_interval_ms),
	TEXT(raw_timers, query_response_ms),
	TEXT(raw_timers, last_member_interval_ms),
	TREE_END,
};

static const cyaml_schema_field_t static_keys[] = {
	TEXT(raw_static, group),
	TEXT(raw_static, source),
	LIST("ports", raw_static, ports, tree_word, CONF_MAX_PORTS),
	TREE_END,
};
static const cyaml_schema_value_t static_entry = ENTRY(raw_static, static_keys);

static const cyaml_schema_field_t vlan_keys[] = {
	TEXT(raw_vlan, id),
	TEXT(raw_vlan, unregistered),
	TEXT(raw_vlan, validation),
	PART(raw_vlan, timers),
	TEXT(raw_vlan, querier),
	TEXT(raw_vlan, querier_address),
	TEXT(raw_vlan, fast_leave),
	LIST("router_ports", raw_vlan, router_ports, tree_word, CONF_MAX_PORTS),
	LIST("static", raw_vlan, statics, static_entry, CONF_MAX_STATICS),
	TREE_END,
};
static const cyaml_schema_value_t vlan_entry = ENTRY(raw_vlan, vlan_keys);

static const cyaml_schema_field_t uplink_keys[] = {
	TEXT(raw_uplink, name),
	TEXT(raw_uplink, device),
	TEXT(raw_uplink, link),
	TEXT(raw_uplink, poll_ms),
	TEXT(raw_uplink, debounce_ms),
	TEXT(raw_uplink, multicast),
	TREE_END,
};
static const cyaml_schema_value_t uplink_entry = ENTRY(raw_uplink, uplink_keys);

static const cyaml_schema_field_t team_keys[] = {
	TEXT(raw_team, name),
	TEXT(raw_team, policy),
	LIST("vlans", raw_team, vlans, tree_word, CONF_MAX_TRUNK),
	LIST("active", raw_team, active, tree_word, CONF_MAX_UPLINKS),
	LIST("standby", raw_team, standby, tree_word, CONF_MAX_UPLINKS),
	TEXT(raw_team, notify_switches),
	TEXT(raw_team, failback),
	TEXT(raw_team, replay_memberships),
	TEXT(raw_team, channel_replay),
	TEXT(raw_team, beacon_ms),
	TREE_END,
};
static const cyaml_schema_value_t team_entry = ENTRY(raw_team, team_keys);

static const cyaml_schema_field_t limits_keys[] = {
	TEXT(raw_limits, groups),
	TEXT(raw_limits, sources),
	TEXT(raw_limits, reports_per_s),
	TREE_END,
};

static const cyaml_schema_field_t security_keys[] = {
	TEXT(raw_security, promiscuous),
	TEXT(raw_security, mac_changes),
	TEXT(raw_security, forged_transmits),
	TREE_END,
};

static const cyaml_schema_field_t guest_keys[] = {
	TEXT(raw_guest, name),
	TEXT(raw_guest, socket),
	TEXT(raw_guest, device),
	TEXT(raw_guest, mode),
	TEXT(raw_guest, vlan),
	LIST("trunk", raw_guest, trunk, tree_word, CONF_MAX_TRUNK),
	TEXT(raw_guest, mac),
	TEXT(raw_guest, qmp),
	TEXT(raw_guest, router),
	PART(raw_guest, limits),
	PART(raw_guest, security),
	TREE_END,
};
static const cyaml_schema_value_t guest_entry = ENTRY(raw_guest, guest_keys);

static const cyaml_schema_field_t root_keys[] = {
	TEXT(raw, control_socket),
	TEXT(raw, state_file),
	TEXT(raw, vhost_rings),
	TEXT(raw, idle_sleep_us),
	PART(raw, control),
	PART(raw, metrics),
	PART(raw, igmp),
	LIST("vlans", raw, vlans, vlan_entry, CONF_MAX_TRUNK),
	LIST("uplinks", raw, uplinks, uplink_entry, CONF_MAX_UPLINKS),
	LIST("teams", raw, teams, team_entry, CONF_MAX_UPLINKS),
	LIST("guests", raw, guests, guest_entry, CONF_MAX_PORTS),
	TREE_END,
};
static const cyaml_schema_value_t root = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER_NULL, struct raw, root_keys)};

int raw_load(const char *text, size_t size, const struct site *site, struct raw **out)
{
	void *tree;
	int rc = tree_load(&root, text, size, site, &tree);

	*out = tree;
	return rc;
}

void raw_free(struct raw *raw)
{
	tree_free(&root, raw);
}

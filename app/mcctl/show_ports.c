/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>

#include "request.h"
#include "show.h"
#include "table.h"

/* 20, or the VLANs of a trunk as 20+30, or '-' for an uplink */
static void vlan_write(const json_t *row, char *cell)
{
	const json_t *trunk = json_object_get(row, "trunk"), *vlan = json_object_get(row, "vlan");
	const json_t *item;
	size_t i, used = 0;

	snprintf(cell, TABLE_CELL_SIZE, "-");
	if (json_is_integer(vlan))
		snprintf(cell, TABLE_CELL_SIZE, "%lld", (long long)json_integer_value(vlan));
	json_array_foreach (trunk, i, item) {
		used += (size_t)snprintf(cell + used, TABLE_CELL_SIZE - used, "%s%lld",
			i > 0 ? "+" : "", (long long)json_integer_value(item));
		if (used > 32) {
			snprintf(cell + used, TABLE_CELL_SIZE - used, "+...");
			return;
		}
	}
}

/* A guest has either. */
static void socket_write(const json_t *row, char *cell)
{
	const char *socket = json_string_value(json_object_get(row, "socket"));
	const char *device = json_string_value(json_object_get(row, "device"));

	snprintf(cell, TABLE_CELL_SIZE, "%s",
		socket != NULL   ? socket
		: device != NULL ? device
				 : "-");
}

void show_ports(const struct request *r, const json_t *result)
{
	static const struct column columns[] = {
		{"Name", "name", COLUMN_TEXT, NULL},
		{"Kind", "kind", COLUMN_TEXT, NULL},
		{"State", "state", COLUMN_TEXT, NULL},
		{"Since", "since_ms", COLUMN_DURATION, NULL},
		{"VLAN", NULL, COLUMN_TEXT, vlan_write},
		{"MAC", "mac", COLUMN_TEXT, NULL},
		{"Carrier", "carrier", COLUMN_TEXT, NULL},
		{"Worker", "worker", COLUMN_NUMBER, NULL},
		{"Node", "numa_node", COLUMN_NUMBER, NULL},
		{"Rows", "rows", COLUMN_NUMBER, NULL},
		{"Rx-Packets", "rx_packets", COLUMN_NUMBER, NULL},
		{"Rx-Dropped", "rx_dropped", COLUMN_NUMBER, NULL},
		{"Tx-Packets", "tx_packets", COLUMN_NUMBER, NULL},
		{"Tx-Dropped", "tx_dropped", COLUMN_NUMBER, NULL},
		{"Rx-Pps", "rx_pps", COLUMN_NUMBER, NULL},
		{"Tx-Pps", "tx_pps", COLUMN_NUMBER, NULL},
		{"Device", "device", COLUMN_TEXT, NULL},
		{NULL},
	};

	table_print(stdout, columns, result);
}

void show_uplinks(const struct request *r, const json_t *result)
{
	static const struct column columns[] = {
		{"Name", "name", COLUMN_TEXT, NULL},
		{"Device", "device", COLUMN_TEXT, NULL},
		{"Driver", "driver", COLUMN_TEXT, NULL},
		{"State", "state", COLUMN_TEXT, NULL},
		{"Since", "since_ms", COLUMN_DURATION, NULL},
		{"Team", "team", COLUMN_TEXT, NULL},
		{"Role", "role", COLUMN_TEXT, NULL},
		{"In-Use", "in_use", COLUMN_YES_NO, NULL},
		{"Carries", "carries", COLUMN_TEXT, NULL},
		{"Rx-Packets", "rx_packets", COLUMN_NUMBER, NULL},
		{"Rx-Dropped", "rx_dropped", COLUMN_NUMBER, NULL},
		{"Tx-Packets", "tx_packets", COLUMN_NUMBER, NULL},
		{"Tx-Dropped", "tx_dropped", COLUMN_NUMBER, NULL},
		{"Multicast-Filter", "multicast_filter", COLUMN_TEXT, NULL},
		{"Unicast-Filter", "unicast_filter", COLUMN_TEXT, NULL},
		{NULL},
	};

	table_print(stdout, columns, result);
}

void show_teams(const struct request *r, const json_t *result)
{
	static const struct column columns[] = {
		{"Name", "name", COLUMN_TEXT, NULL},
		{"Policy", "policy", COLUMN_TEXT, NULL},
		{"Active", "active", COLUMN_TEXT, NULL},
		{"Standby", "standby", COLUMN_TEXT, NULL},
		{"Guests", "guests", COLUMN_NUMBER, NULL},
		{"Failback", "failback", COLUMN_YES_NO, NULL},
		{"Notify-Switches", "notify_switches", COLUMN_YES_NO, NULL},
		{"Replay", "replay_memberships", COLUMN_YES_NO, NULL},
		{"Channel-Replay", "channel_replay", COLUMN_YES_NO, NULL},
		{"Beacon-ms", "beacon_ms", COLUMN_NUMBER, NULL},
		{"Last-Failover", "last_failover.ago_ms", COLUMN_DURATION, NULL},
		{"Moved", "last_failover.guests", COLUMN_NUMBER, NULL},
		{"Publish-us", "last_failover.to_publish_us", COLUMN_NUMBER, NULL},
		{"Replay-us", "last_failover.to_first_replay_us", COLUMN_NUMBER, NULL},
		{NULL},
	};

	table_print(stdout, columns, result);
}

void show_guests(const struct request *r, const json_t *result)
{
	static const struct column columns[] = {
		{"Name", "name", COLUMN_TEXT, NULL},
		{"VLAN", NULL, COLUMN_TEXT, vlan_write},
		{"Mode", "mode", COLUMN_TEXT, NULL},
		{"MAC", "mac", COLUMN_TEXT, NULL},
		{"Router", "router", COLUMN_TEXT, NULL},
		{"Groups", "limits.groups", COLUMN_NUMBER, NULL},
		{"Sources", "limits.sources", COLUMN_NUMBER, NULL},
		{"Reports/s", "limits.reports_per_s", COLUMN_NUMBER, NULL},
		{"Promiscuous", "security.promiscuous", COLUMN_TEXT, NULL},
		{"MAC-Changes", "security.mac_changes", COLUMN_TEXT, NULL},
		{"Forged", "security.forged_transmits", COLUMN_TEXT, NULL},
		{"Socket", NULL, COLUMN_TEXT, socket_write},
		{NULL},
	};

	table_print(stdout, columns, result);
}

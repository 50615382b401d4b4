/* SPDX-License-Identifier: BSD-3-Clause */
/* Ports of both kinds. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/methods.h"
#include "control/control.h"

const char *port_state_name(const struct control_port *p)
{
	if (!p->admin_up)
		return "disabled";
	if (p->up && p->lost)
		return "lost";
	return p->up ? "up" : "down";
}

void port_tail_add(json_t *row, const struct control_port *p)
{
	json_object_set_new(row, "link_detection", json_text_or_null(p->link_mode));
	json_object_set_new(row, "driver_file", json_text_or_null(p->profile));
	json_object_set_new(row, "rx_packets", json_integer((json_int_t)p->rx_packets));
	json_object_set_new(row, "rx_bytes", json_integer((json_int_t)p->rx_bytes));
	json_object_set_new(row, "rx_dropped", json_integer((json_int_t)p->rx_dropped));
	json_object_set_new(row, "tx_packets", json_integer((json_int_t)p->tx_packets));
	json_object_set_new(row, "tx_bytes", json_integer((json_int_t)p->tx_bytes));
	json_object_set_new(row, "tx_dropped", json_integer((json_int_t)p->tx_dropped));
	json_object_set_new(row, "rx_pps", json_integer((json_int_t)p->rx_pps));
	json_object_set_new(row, "tx_pps", json_integer((json_int_t)p->tx_pps));
	json_object_set_new(row, "rx_bps", json_integer((json_int_t)p->rx_bps));
	json_object_set_new(row, "tx_bps", json_integer((json_int_t)p->tx_bps));
	json_object_set_new(row, "drop_pps", json_integer((json_int_t)p->drop_pps));
}

static json_t *mac_json(const struct mac_addr *mac)
{
	char text[MAC_STR_SIZE];

	return mac_is_zero(mac) ? json_null() : json_string(mac_format(mac, text));
}

static json_t *trunk_json(const struct control_port *p)
{
	json_t *list;

	if (!p->trunk)
		return json_null();
	list = json_array();
	for (size_t i = 0; i < p->n_trunk_vlans; i++)
		json_array_append_new(list, json_integer(p->trunk_vlans[i]));
	return list;
}

struct listing {
	json_t *list;
	nsec now;
};

static bool port_append(const struct control_port *p, void *ctx)
{
	struct listing *l = ctx;
	bool access = !p->is_uplink && !p->trunk;
	json_t *row = json_pack("{s:i, s:o, s:s, s:o, s:o, s:s, s:b, s:b, s:o}", "id", p->id,
		"name", rpc_text(p->name), "role", p->is_uplink ? "uplink" : "guest", "kind",
		rpc_text(p->kind), "device", rpc_text(p->device), "state", port_state_name(p), "up",
		p->up, "admin_up", p->admin_up, "since_ms", json_since(l->now, p->since));

	if (row == NULL)
		return false;
	json_object_set_new(row, "vlan", access ? json_integer(p->vlan) : json_null());
	json_object_set_new(row, "trunk", trunk_json(p));
	json_object_set_new(row, "mac", mac_json(&p->mac));
	json_object_set_new(row, "mac_origin", json_text_or_null(p->mac_origin));
	json_object_set_new(row, "nic_filter", json_text_or_null(p->nic_filter));
	json_object_set_new(row, "worker", json_integer(p->worker));
	json_object_set_new(
		row, "numa_node", p->numa_node >= 0 ? json_integer(p->numa_node) : json_null());
	json_object_set_new(row, "carrier", json_text_or_null(p->carrier));
	json_object_set_new(row, "rows", json_integer(p->n_rows));
	json_object_set_new(row, "ring_faults", json_integer((json_int_t)p->ring_faults));
	port_tail_add(row, p);
	return json_array_append_new(l->list, row) == 0;
}

int show_ports(struct rpc_call *call)
{
	const struct caller *who = call->ctx;
	struct listing l = {json_array(), control_now(who->control)};

	control_ports(who->control, port_append, &l);
	call->result = l.list;
	return 0;
}

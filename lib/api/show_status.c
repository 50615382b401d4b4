/* SPDX-License-Identifier: BSD-3-Clause */
/* The switch as a whole: status, cores, drops, versions. */
#include <errno.h>

#include "api/methods.h"
#include "api/params.h"
#include "control/control.h"

#define API_VERSION 1 /* grows when a field or method changes its meaning, not when one is added */

int show_status(struct rpc_call *call)
{
	const struct caller *who = call->ctx;
	struct control_status s;

	control_status(who->control, &s);
	call->result = json_pack("{s:o, s:o, s:I}", "version", rpc_text(s.version), "dpdk_version",
		rpc_text(s.dpdk_version), "uptime_ms", (json_int_t)nsec_to_ms(s.uptime));
	if (call->result == NULL)
		return -ENOMEM;
	const struct {
		const char *name;
		uint64_t value;
	} numbers[] = {
		{"workers", s.n_workers},
		{"ports", s.n_ports},
		{"guests", s.n_guests},
		{"uplinks", s.n_uplinks},
		{"groups", s.n_groups},
		{"rows", s.n_rows},
		{"mbufs_in_use", s.mbufs_in_use},
		{"mbufs_total", s.mbufs_total},
		{"rx", s.rx},
		{"injected", s.injected},
		{"references", s.references},
		{"tx", s.tx},
		{"punted", s.punted},
		{"dropped", s.dropped},
		{"in_flight", s.in_flight},
		{"punts_handled", s.punts_handled},
		{"punts_waiting", s.punts_waiting},
	};
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		json_object_set_new(
			call->result, numbers[i].name, json_integer((json_int_t)numbers[i].value));
	return json_object_set_new(call->result, "law_holds", json_boolean(s.law_holds)) == 0
		       ? 0
		       : -ENOMEM;
}

int show_version(struct rpc_call *call)
{
	const struct caller *who = call->ctx;
	struct control_status s;

	control_status(who->control, &s);
	call->result = json_pack("{s:o, s:o, s:i}", "version", rpc_text(s.version), "dpdk_version",
		rpc_text(s.dpdk_version), "api", API_VERSION);
	return 0;
}

static json_t *counts_json(const uint64_t *counts, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_integer((json_int_t)counts[i]));
	return list;
}

static bool core_append(const struct control_core *c, void *ctx)
{
	json_t *row = json_pack("{s:i, s:s, s:i, s:I, s:I, s:I, s:I, s:I, s:i, s:i, s:i, s:i}",
		"lcore", (int)c->lcore, "role", c->is_control ? "control" : "worker", "ports",
		(int)c->n_ports, "turns", (json_int_t)c->turns, "busy_turns",
		(json_int_t)c->busy_turns, "rx", (json_int_t)c->rx, "tx", (json_int_t)c->tx,
		"cycles_busy", (json_int_t)c->cycles_busy, "punt_ring_fill", (int)c->punt_ring_fill,
		"punt_ring_size", (int)c->punt_ring_size, "inject_ring_fill",
		(int)c->inject_ring_fill, "inject_ring_size", (int)c->inject_ring_size);

	if (row == NULL)
		return false;
	json_object_set_new(row, "numa_node", json_integer(c->numa_node));
	json_object_set_new(row, "rx_pps", json_integer((json_int_t)c->rx_pps));
	json_object_set_new(row, "tx_pps", json_integer((json_int_t)c->tx_pps));
	json_object_set_new(row, "busy_permille", json_integer(c->busy_permille));
	json_object_set_new(row, "cycles_per_frame",
		c->cycles_per_frame > 0 ? json_integer((json_int_t)c->cycles_per_frame)
					: json_null());
	json_object_set_new(row, "bursts", counts_json(c->bursts, CONTROL_N_BURSTS));
	json_object_set_new(row, "fanouts", counts_json(c->fanouts, CONTROL_N_FANOUTS));
	return json_array_append_new(ctx, row) == 0;
}

int show_cores(struct rpc_call *call)
{
	const struct caller *who = call->ctx;

	call->result = json_array();
	control_cores(who->control, core_append, call->result);
	return 0;
}

/* Reasons always, ports only where they lost something: a full switch has thousands of zeros. */
static bool drop_append(const struct control_drop *d, void *ctx)
{
	json_t *row;

	if (d->port != NULL && d->count == 0)
		return true;
	row = json_pack("{s:o, s:o, s:I, s:o}", "name", rpc_text(d->name), "port",
		json_text_or_null(d->port), "count", (json_int_t)d->count, "sentence",
		rpc_text(d->sentence));
	return json_array_append_new(ctx, row) == 0;
}

int show_drops(struct rpc_call *call)
{
	const struct caller *who = call->ctx;

	call->result = json_array();
	control_drops(who->control, drop_append, call->result);
	return 0;
}

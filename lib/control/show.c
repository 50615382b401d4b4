/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <string.h>

#include <rte_mempool.h>
#include <rte_ring.h>
#include <rte_version.h>

#include "control/control_private.h"
#include "fwd/group_table.h"

/* What can be seen. Counters are read while workers write them: each word is whole, and a sum is
 * as of about now. */
void ctl_port_counters(const struct control *c, uint16_t id, struct port_counters *out)
{
	memset(out, 0, sizeof(*out));
	for (unsigned int i = 0; i < c->fwd->n_workers; i++) {
		const struct port_counters *p = &c->fwd->worker[i]->ports[id];

		out->rx_packets += p->rx_packets;
		out->rx_bytes += p->rx_bytes;
		out->tx_packets += p->tx_packets;
		out->tx_bytes += p->tx_bytes;
		out->rx_dropped += p->rx_dropped;
		out->tx_dropped += p->tx_dropped;
	}
}

void ctl_counters_rebase(struct control *c, uint16_t id)
{
	ctl_port_counters(c, id, &c->counters_base[id]);
}

struct ctl_packets ctl_port_packets(const struct control *c, uint16_t id)
{
	struct port_counters n;

	ctl_port_counters(c, id, &n);
	return (struct ctl_packets){n.rx_packets, n.tx_packets};
}

static uint64_t drops_of(const struct exchange *x)
{
	uint64_t n = 0;

	for (unsigned int r = 0; r < DROP_N_REASONS; r++)
		n += x->counters.drops[r];
	return n;
}

void control_status(const struct control *c, struct control_status *out)
{
	uint64_t handed_in = 0, handed_out = 0;

	memset(out, 0, sizeof(*out));
	out->version = c->wiring.version;
	out->dpdk_version = rte_version();
	out->uptime = c->now - c->started;
	out->n_workers = c->fwd->n_workers;
	for (unsigned int id = 0; id < BITSET_SIZE; id++) {
		out->n_ports += c->ports[id].used;
		out->n_uplinks += c->ports[id].used && c->ports[id].is_uplink;
	}
	out->n_guests = out->n_ports - out->n_uplinks;
	out->n_groups = group_table_count(c->fwd->groups);
	out->n_rows = membership_row_count(c->membership, UINT16_MAX);
	out->mbufs_in_use = rte_mempool_in_use_count(c->fwd->pool);
	out->mbufs_total = out->mbufs_in_use + rte_mempool_avail_count(c->fwd->pool);
	for (unsigned int i = 0; i < c->fwd->n_workers; i++) {
		const struct worker_counters *w = &c->fwd->worker[i]->counters;

		out->rx += w->rx;
		out->injected += w->injected;
		out->references += w->references;
		out->tx += w->tx;
		out->punted += w->punted;
		out->dropped += drops_of(c->fwd->worker[i]);
		handed_in += w->handed_in;
		handed_out += w->handed_out;
		out->punts_waiting += rte_ring_count(c->fwd->worker[i]->punt);
	}
	out->in_flight = handed_out - handed_in;
	out->punts_handled = c->punts_handled;
	out->law_holds = out->rx + out->injected + out->references ==
			 out->tx + out->punted + out->dropped + out->in_flight;
}

/* The uplink that carries a guest: in its access VLAN, or the first VLAN of its trunk. */
static const char *carrier_name(const struct control *c, const struct ctl_port *p)
{
	uint16_t vlan = p->guest.vlan, uplink;
	const struct ctl_team *t;

	if (p->guest.trunk && p->guest.n_trunk > 0)
		vlan = p->guest.trunk_vlans[0];
	t = ctl_team_of_vlan(c, vlan);
	if (t != NULL && t->config.policy == TEAM_IP_HASH)
		return t->channel;
	uplink = ctl_carrier(c, vlan, p->id);
	return uplink == TEAM_NO_UPLINK ? "" : c->ports[uplink].name;
}

static void uplink_view(const struct control *c, const struct ctl_port *p, struct control_port *out)
{
	const struct ctl_team *t = ctl_team_of_uplink(c, p->id);

	out->lost = p->lost;
	if (t == NULL)
		return;
	out->team = t->conf->name;
	out->in_use = ctl_uplink_in_use(t, p->id);
	out->role = "standby";
	for (unsigned int i = 0; i < t->config.n_active; i++) {
		if (t->config.active[i] == p->id)
			out->role = "active";
	}
}

static void port_view(const struct control *c, const struct ctl_port *p, struct control_port *out)
{
	const struct port_counters *base = &c->counters_base[p->id];
	const struct ctl_port_rates *rates = ctl_port_rates(c, p->id);
	struct port_counters n;

	ctl_port_counters(c, p->id, &n);
	*out = (struct control_port){
		.id = p->id,
		.is_uplink = p->is_uplink,
		.kind = port_driver(p->port),
		.device = port_device(p->port),
		.up = p->up,
		.admin_up = p->admin_up,
		.mac = p->mac,
		.mac_origin = "",
		.worker = c->fwd->worker[p->worker]->lcore,
		.numa_node = port_socket_id(p->port),
		.carrier = "",
		.team = "",
		.role = "",
		.rx_packets = n.rx_packets - base->rx_packets,
		.rx_bytes = n.rx_bytes - base->rx_bytes,
		.tx_packets = n.tx_packets - base->tx_packets,
		.tx_bytes = n.tx_bytes - base->tx_bytes,
		.rx_dropped = n.rx_dropped - base->rx_dropped,
		.tx_dropped = n.tx_dropped - base->tx_dropped,
		.rx_pps = rates->rx_pps,
		.tx_pps = rates->tx_pps,
		.rx_bps = rates->rx_bps,
		.tx_bps = rates->tx_bps,
		.drop_pps = rates->drop_pps,
		.since = p->since,
		.multicast_filter = port_multicast_filter(p->port),
		.unicast_filter = port_unicast_filter(p->port),
		.nic_filter = ctl_nic_text(p),
		.link_mode = port_link_detection(p->port),
		.profile = p->profile,
		.n_rows = membership_row_count(c->membership, p->id),
		.ring_faults = port_ring_faults(p->port),
	};
	snprintf(out->name, sizeof(out->name), "%s", p->name);
	if (p->is_uplink) {
		uplink_view(c, p, out);
		return;
	}
	out->trunk = p->guest.trunk;
	out->vlan = p->guest.vlan;
	out->trunk_vlans = p->guest.trunk_vlans;
	out->n_trunk_vlans = p->guest.n_trunk;
	out->carrier = carrier_name(c, p);
	if (!mac_is_zero(&p->mac))
		out->mac_origin = p->mac_from_qmp              ? "qmp"
				  : mac_is_zero(&p->guest.mac) ? "learnt"
							       : "configured";
}

void control_ports(const struct control *c, control_port_fn *fn, void *ctx)
{
	struct control_port view;

	for (unsigned int id = 0; id < BITSET_SIZE; id++) {
		if (!c->ports[id].used)
			continue;
		port_view(c, &c->ports[id], &view);
		if (!fn(&view, ctx))
			return;
	}
}

/* --- drops: the workers' by reason, then control's by verdict and by what is malformed --- */

static bool drops_of_workers(const struct control *c, control_drop_fn *fn, void *ctx)
{
	for (unsigned int r = 0; r < DROP_N_REASONS; r++) {
		struct control_drop d = {
			.name = drop_name((enum drop_reason)r),
			.sentence = drop_sentence((enum drop_reason)r),
			.in_law = true,
		};

		for (unsigned int i = 0; i < c->fwd->n_workers; i++)
			d.count += c->fwd->worker[i]->counters.drops[r];
		if (!fn(&d, ctx))
			return false;
	}
	return true;
}

static uint64_t verdicts(const struct control *c, unsigned int v, int only_port)
{
	uint64_t n = 0;

	for (unsigned int id = 0; id < BITSET_SIZE; id++) {
		const struct membership_counters *k =
			membership_port_counters(c->membership, (uint16_t)id);

		if (k != NULL && (only_port < 0 || (int)id == only_port))
			n += k->verdicts[v];
	}
	return n;
}

static uint64_t errors(const struct control *c, unsigned int e, int only_port)
{
	uint64_t n = 0;

	for (unsigned int id = 0; id < BITSET_SIZE; id++) {
		const struct membership_counters *k =
			membership_port_counters(c->membership, (uint16_t)id);

		if (k != NULL && (only_port < 0 || (int)id == only_port))
			n += k->errors[e];
	}
	return n;
}

/* Of all ports (port < 0: zeros too), or of one (no zeros). */
static bool drops_of_control(const struct control *c, int port, control_drop_fn *fn, void *ctx)
{
	struct control_drop d = {.port = port < 0 ? NULL : c->ports[port].name};

	for (unsigned int v = MEMBERSHIP_DROP_STRICT; v < MEMBERSHIP_N_VERDICTS; v++) {
		d.name = membership_verdict_name((enum membership_verdict)v);
		d.sentence = membership_verdict_sentence((enum membership_verdict)v);
		d.count = verdicts(c, v, port);
		if ((port < 0 || d.count > 0) && !fn(&d, ctx))
			return false;
	}
	for (unsigned int e = GROUP_MSG_OK + 1; e < GROUP_MSG_N_ERRORS; e++) {
		d.name = group_msg_error_name((enum group_msg_error)e);
		d.sentence = group_msg_error_sentence((enum group_msg_error)e);
		d.count = errors(c, e, port);
		if ((port < 0 || d.count > 0) && !fn(&d, ctx))
			return false;
	}
	return true;
}

void control_drops(const struct control *c, control_drop_fn *fn, void *ctx)
{
	if (!drops_of_workers(c, fn, ctx) || !drops_of_control(c, -1, fn, ctx))
		return;
	for (unsigned int id = 0; id < BITSET_SIZE; id++) {
		if (c->ports[id].used && !drops_of_control(c, (int)id, fn, ctx))
			return;
	}
}

static void core_view(const struct control *c, unsigned int worker, struct control_core *out)
{
	const struct exchange *x = c->fwd->worker[worker];
	const struct ctl_core_rates *rates = ctl_core_rates(c, worker);

	*out = (struct control_core){
		.lcore = x->lcore,
		.numa_node = ctl_worker_node(c, (uint8_t)worker),
		.turns = x->counters.turns,
		.busy_turns = x->counters.busy_turns,
		.cycles_busy = x->counters.busy_cycles,
		.rx = x->counters.rx,
		.tx = x->counters.tx,
		.rx_pps = rates->rx_pps,
		.tx_pps = rates->tx_pps,
		.busy_permille = rates->busy_permille,
		.cycles_per_frame = rates->cycles_per_frame,
		.punt_ring_fill = rte_ring_count(x->punt),
		.punt_ring_size = rte_ring_get_capacity(x->punt),
		.inject_ring_fill = rte_ring_count(x->inject),
		.inject_ring_size = rte_ring_get_capacity(x->inject),
		.ways = x->counters.ways,
	};
	_Static_assert(EXCHANGE_N_BURSTS == CONTROL_N_BURSTS, "as many buckets");
	_Static_assert(EXCHANGE_N_FANOUTS == CONTROL_N_FANOUTS, "as many buckets");
	memcpy(out->bursts, x->counters.bursts, sizeof(out->bursts));
	memcpy(out->fanouts, x->counters.fanouts, sizeof(out->fanouts));
	for (unsigned int id = 0; id < BITSET_SIZE; id++)
		out->n_ports += c->ports[id].used && c->ports[id].worker == worker;
}

void control_cores(const struct control *c, control_core_fn *fn, void *ctx)
{
	struct control_core core = {
		.lcore = rte_lcore_id(),
		.numa_node = rte_socket_id(),
		.is_control = true,
		.busy_permille = ctl_control_busy_permille(c),
	};

	if (!fn(&core, ctx))
		return;
	for (unsigned int i = 0; i < c->fwd->n_workers; i++) {
		core_view(c, i, &core);
		if (!fn(&core, ctx))
			return;
	}
}

const struct membership *control_membership(const struct control *c)
{
	return c->membership;
}

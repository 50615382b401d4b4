/* SPDX-License-Identifier: BSD-3-Clause */
#include "api/families.h"

#include <errno.h>
#include <event2/buffer.h>
#include <stdlib.h>
#include <string.h>

#include "api/family.h"
#include "control/control.h"

static void head_write(struct families_walk *w, const struct family *f)
{
	static const char *const types[] = {
		[COUNTER] = "counter", [GAUGE] = "gauge", [HISTOGRAM] = "histogram"};
	const char *total = f->type == COUNTER && !w->openmetrics ? "_total" : "";

	evbuffer_add_printf(w->out, "# TYPE mcswitch_%s%s %s\n", f->name, total, types[f->type]);
	if (f->unit != NULL && w->openmetrics)
		evbuffer_add_printf(w->out, "# UNIT mcswitch_%s %s\n", f->name, f->unit);
	evbuffer_add_printf(w->out, "# HELP mcswitch_%s%s %s\n", f->name, total, f->help);
}

static bool group_take(const struct control_group *g, void *ctx)
{
	struct families_walk *w = ctx;

	w->groups[w->n_groups++] = (struct group_figures){g->group, g->vlan, g->packets};
	return w->n_groups < FAMILIES_MAX_GROUPS;
}

#define STATUS(m) offsetof(struct control_status, m)
#define PORT(m)   offsetof(struct control_port, m)
#define CORE(m)   offsetof(struct control_core, m)

static const struct family table[] = {
	{"build_info", GAUGE, NULL, "Versions of the switch and of DPDK; always 1.",
		family_build_write, 0},
	{"uptime_seconds", GAUGE, "seconds", "Time since the start.", family_uptime_write, 0},
	{"workers", GAUGE, NULL, "Worker lcores.", family_number_write, STATUS(n_workers)},
	{"guests", GAUGE, NULL, "Guest ports.", family_number_write, STATUS(n_guests)},
	{"uplinks", GAUGE, NULL, "Uplinks.", family_number_write, STATUS(n_uplinks)},
	{"groups", GAUGE, NULL, "Entries of the group table.", family_number_write,
		STATUS(n_groups)},
	{"memberships", GAUGE, NULL, "Rows: a port in a group.", family_number_write,
		STATUS(n_rows)},
	{"mbufs", GAUGE, NULL, "Frame buffers.", family_number_write, STATUS(mbufs_total)},
	{"mbufs_in_use", GAUGE, NULL, "Frame buffers in use.", family_number_write,
		STATUS(mbufs_in_use)},
	{"law_frames", COUNTER, "frames",
		"Terms of the law: rx + injected + references = tx + punted + dropped + in flight.",
		family_law_write, 0},
	{"law_in_flight_frames", GAUGE, "frames", "Frames in a ring between two workers.",
		family_count_write, STATUS(in_flight)},
	{"punts_handled", COUNTER, NULL, "Frames that the control lcore has taken from workers.",
		family_count_write, STATUS(punts_handled)},
	{"punts_waiting", GAUGE, NULL, "Frames that wait for the control lcore.",
		family_count_write, STATUS(punts_waiting)},
	{"port_up", GAUGE, NULL, "1 where frames can go.", family_ports_up_write, 0},
	{"port_receive_packets", COUNTER, "packets", "Frames that came in by the port.",
		family_ports_write, PORT(rx_packets)},
	{"port_receive_bytes", COUNTER, "bytes", "Octets that came in by the port.",
		family_ports_write, PORT(rx_bytes)},
	{"port_receive_dropped_packets", COUNTER, "packets",
		"Frames that came in by the port and went nowhere.", family_ports_write,
		PORT(rx_dropped)},
	{"port_transmit_packets", COUNTER, "packets", "Frames that left by the port.",
		family_ports_write, PORT(tx_packets)},
	{"port_transmit_bytes", COUNTER, "bytes", "Octets that left by the port.",
		family_ports_write, PORT(tx_bytes)},
	{"port_transmit_dropped_packets", COUNTER, "packets",
		"Frames that should have left by the port.", family_ports_write, PORT(tx_dropped)},
	{"port_ring_faults", COUNTER, NULL,
		"How often the guest has broken a ring, which then stood still.",
		family_ports_write, PORT(ring_faults)},
	{"port_memberships", GAUGE, NULL, "Rows of the port.", family_ports_rows_write, 0},
	{"drops", COUNTER, NULL,
		"Frames dropped by workers, by reason; mcctl show drops explains each.",
		family_drops_write, 0},
	{"message_drops", COUNTER, NULL, "Membership messages refused, by port and reason.",
		family_refusals_write, 0},
	{"messages", COUNTER, NULL,
		"Membership messages by port, kind, version and direction; version 0: has none.",
		family_messages_write, 0},
	{"group_packets", COUNTER, "packets", "Frames for the group since its entry was made.",
		family_groups_write, 0},
	{"groups_omitted", GAUGE, NULL, "Groups beyond those that are exported.",
		family_omitted_write, 0},
	{"core_turns", COUNTER, NULL, "Turns of the worker's loop.", family_cores_write,
		CORE(turns)},
	{"core_busy_turns", COUNTER, NULL, "Turns that saw a frame.", family_cores_write,
		CORE(busy_turns)},
	{"core_busy_cycles", COUNTER, "cycles", "Time stamp counter cycles of those turns.",
		family_cores_write, CORE(cycles_busy)},
	{"core_receive_packets", COUNTER, "packets", "Frames that the worker received.",
		family_cores_write, CORE(rx)},
	{"core_transmit_packets", COUNTER, "packets", "Frames that the worker sent.",
		family_cores_write, CORE(tx)},
	{"core_punt_ring_frames", GAUGE, "frames", "Frames in the worker's ring to control.",
		family_rings_write, CORE(punt_ring_fill)},
	{"core_punt_ring_size", GAUGE, NULL, "Frames that ring holds.", family_rings_write,
		CORE(punt_ring_size)},
	{"core_inject_ring_frames", GAUGE, "frames", "Frames in the ring from control.",
		family_rings_write, CORE(inject_ring_fill)},
	{"core_inject_ring_size", GAUGE, NULL, "Frames that ring holds.", family_rings_write,
		CORE(inject_ring_size)},
	{"core_burst_frames", HISTOGRAM, "frames", "Frames that a port gave at once.",
		family_bursts_write, 0},
	{"core_frame_ways", HISTOGRAM, NULL,
		"Ways of a frame that was sent on: ports, and each other worker as one.",
		family_fanouts_write, 0},
	{0},
};

int families_begin(
	struct families_walk *w, const struct control *c, struct evbuffer *out, bool openmetrics)
{
	struct control_status s;

	*w = (struct families_walk){
		.control = c, .out = out, .openmetrics = openmetrics, .next = table};
	w->groups = malloc(FAMILIES_MAX_GROUPS * sizeof(*w->groups));
	if (w->groups == NULL)
		return -ENOMEM;
	control_groups(c, group_take, w);
	control_status(c, &s);
	w->n_omitted = s.n_groups > w->n_groups ? s.n_groups - w->n_groups : 0;
	return 0;
}

bool families_write(struct families_walk *w)
{
	if (w->next_row == 0)
		head_write(w, w->next);
	if (w->next->write(w, w->next))
		return true;
	w->next_row = 0;
	w->next++;
	if (w->next->name != NULL)
		return true;
	w->next = NULL;
	if (w->openmetrics)
		evbuffer_add_printf(w->out, "# EOF\n");
	return false;
}

void families_end(struct families_walk *w)
{
	free(w->groups);
	w->groups = NULL;
}

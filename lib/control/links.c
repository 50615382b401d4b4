/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "control/control_private.h"

/* Ports up and down, as facts tell and as asking finds. */
static void port_taken_up(struct control *c, struct ctl_port *p)
{
	p->up = true;
	p->up_due = 0;
	p->since = c->fact_at = c->now;
	c->topology_dirty = true;
	c->filters_dirty = true;
	ctl_event(c, p->is_uplink ? "link" : "guest", p, -1, NULL, "%s is up", p->name);
	ctl_port_place(c, p);
	if (p->is_uplink)
		return;
	p->rx_at_up = ctl_port_packets(c, p->id).rx;
	ctl_restore_port_up(c, p);
	ctl_nic_ask(p);
}

/*
 * A loss is acted on at once, a return only when it has lasted for the uplink's debounce. While a
 * link is lost every frame is, so waiting costs frames for sure, and a loss that was none costs
 * a needless failover at most. A link that returns too early costs both again at its next
 * loss; and the physical switch may need its time (spanning tree) before it forwards.
 */
static void port_up(struct control *c, struct ctl_port *p)
{
	if (p->up)
		return;
	if (p->up_due == 0)
		p->up_due = c->now + nsec_from_ms(p->debounce_ms);
	if (c->now >= p->up_due)
		port_taken_up(c, p);
	else if (p->up_due < c->links_due)
		c->links_due = p->up_due;
}

/* What was learnt was this front-end's; the next one may be another machine. */
static void guest_forget(struct control *c, struct ctl_port *p)
{
	if (p->logging)
		ctl_event(c, "migration", p, -1, NULL, "%s has moved out", p->name);
	ctl_arrival_end(c, p);
	ctl_restore_keep(c, p);
	ctl_nic_port_down(p);
	p->logging = false;
	p->burst.left = 0;
	p->igmp_version = p->mld_version = 0;
	memset(p->address, 0, sizeof(p->address));
	p->n_more_macs = 0;
	p->mac = p->guest.mac;
	p->mac_from_qmp = false;
}

static void port_down(struct control *c, struct ctl_port *p)
{
	p->up_due = 0;
	if (!p->up)
		return;
	p->up = false;
	p->since = c->fact_at = c->now;
	if (!p->is_uplink)
		guest_forget(c, p);
	membership_port_down(c->membership, p->id, c->now);
	c->topology_dirty = true;
	c->filters_dirty = true;
	ctl_event(c, p->is_uplink ? "link" : "guest", p, -1, NULL, "%s is down", p->name);
}

void ctl_port_fact(struct control *c, const struct port_fact *fact)
{
	struct ctl_port *p = ctl_port_get(c, fact->port);

	if (p == NULL || port_generation(p->port) != fact->generation)
		return;
	c->fact_at = c->now;
	switch ((enum port_fact_type)fact->type) {
	case PORT_UP:
		port_up(c, p);
		break;
	case PORT_DOWN:
	case PORT_REMOVED:
		port_down(c, p);
		break;
	case PORT_MOVED_IN:
		ctl_arrival_sign(c, p, SIGN_VRING);
		break;
	case PORT_ANNOUNCED:
		ctl_arrival_sign(c, p, SIGN_RARP);
		break;
	case PORT_CLOSED:
		ctl_restore_closed(p);
		break;
	case PORT_LOG_START:
		p->logging = true;
		ctl_event(c, "migration", p, -1, NULL, "%s begins to move out", p->name);
		break;
	case PORT_LOG_STOP:
		if (p->logging)
			ctl_event(c, "migration", p, -1, NULL, "%s stays: it no longer moves out",
				p->name);
		p->logging = false;
		break;
	case PORT_RING_FAULT:
		ctl_event(c, "guest", p, -1, NULL, "%s has broken its ring, which stands still: %s",
			p->name, port_ring_fault(p->port));
		break;
	}
}

/* For drivers that do not tell, in case a fact was lost, and when a debounce is over. */
static void port_poll_link(struct control *c, struct ctl_port *p)
{
	if (c->now < p->poll_due && (p->up_due == 0 || c->now < p->up_due))
		return;
	p->poll_due = c->now + nsec_from_ms(port_poll_ms(p->port));
	if (port_link_up(p->port))
		port_up(c, p);
	else
		port_down(c, p);
}

void ctl_ports_poll_links(struct control *c)
{
	c->links_due = NSEC_NEVER;
	for (unsigned int id = 0; id < BITSET_SIZE; id++) {
		struct ctl_port *p = &c->ports[id];

		if (!p->used)
			continue;
		port_poll_link(c, p);
		if (p->poll_due < c->links_due)
			c->links_due = p->poll_due;
		if (p->up_due != 0 && p->up_due < c->links_due)
			c->links_due = p->up_due;
	}
}

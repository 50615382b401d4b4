/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>
#include <string.h>

#include "control/control_private.h"
#include "fwd/group_table.h"
#include "pkt/beacon.h"

/*
 * What the uplinks' NICs let in (paper, "Layer 2 Multicast Addressing"): the guests' unicast
 * addresses, and the multicast addresses of the groups in use. 224.0.0.0/24 reaches every port
 * without a join, so its 256 addresses always belong to the list; so do ff02::1 and the
 * solicited-node addresses that guests' MACs lead to, lest neighbour discovery wait for a report.
 */
#define MAX_MULTICAST 4096 /* more than any NIC's table: then all-multicast */

struct filter_list {
	struct mac_addr unicast[BITSET_SIZE * (CONTROL_MAX_MORE_MACS + 1)];
	unsigned int n_unicast;
	struct mac_addr multicast[MAX_MULTICAST];
	unsigned int n_multicast;
	bool all;
};

static void multicast_add(struct filter_list *l, const struct mac_addr *mac)
{
	if (l->n_multicast == MAX_MULTICAST)
		l->all = true;
	else
		l->multicast[l->n_multicast++] = *mac;
}

static bool group_add(const struct group_entry *e, void *ctx)
{
	struct filter_list *l = ctx;
	struct mac_addr mac;

	if (e->key.kind == GROUP_KEY_MAC)
		memcpy(mac.b, &e->key.address.b[10], sizeof(mac.b));
	else
		mac = mac_from_group(&e->key.address);
	multicast_add(l, &mac);
	return !l->all;
}

static int mac_order(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct mac_addr));
}

/* 32 groups share an address (paper page 2): say it once. */
static void multicast_unique(struct filter_list *l)
{
	unsigned int n = 0;

	qsort(l->multicast, l->n_multicast, sizeof(l->multicast[0]), mac_order);
	for (unsigned int i = 0; i < l->n_multicast; i++) {
		if (n == 0 || !mac_equal(&l->multicast[n - 1], &l->multicast[i]))
			l->multicast[n++] = l->multicast[i];
	}
	l->n_multicast = n;
}

static void guest_add(struct filter_list *l, const struct ctl_port *p)
{
	if (!mac_is_zero(&p->mac))
		l->unicast[l->n_unicast++] = p->mac;
	for (unsigned int i = 0; i < p->n_more_macs; i++)
		l->unicast[l->n_unicast++] = p->more_macs[i];
	if (p->guest.router || p->guest.security.promiscuous || p->filter_all)
		l->all = true;
}

static void fixed_add(const struct control *c, struct filter_list *l)
{
	const struct mac_addr beacon = beacon_destination();
	static const struct mac_addr all_nodes = {{0x33, 0x33, 0, 0, 0, 1}};
	unsigned int n = l->n_unicast;

	for (unsigned int i = 0; i < 256; i++)
		multicast_add(l, &(struct mac_addr){{0x01, 0x00, 0x5e, 0, 0, (uint8_t)i}});
	multicast_add(l, &all_nodes);
	for (unsigned int i = 0; i < c->n_teams; i++) {
		if (c->teams[i].conf->beacon_ms > 0)
			multicast_add(l, &beacon);
	}
	for (unsigned int i = 0; i < n; i++) {
		const uint8_t *b = l->unicast[i].b;

		multicast_add(l, &(struct mac_addr){{0x33, 0x33, 0xff, b[3], b[4], b[5]}});
	}
}

static void list_fill(const struct control *c, struct filter_list *l)
{
	for (unsigned int id = 0; id < BITSET_SIZE; id++) {
		if (c->ports[id].used && !c->ports[id].is_uplink)
			guest_add(l, &c->ports[id]);
	}
	for (unsigned int i = 0; i < c->n_vlans; i++) {
		const struct conf_vlan *v = conf_vlan_find(c->conf, c->vlans[i].id);

		if (c->vlans[i].querier[0].is_missing || c->vlans[i].querier[1].is_missing ||
			(v != NULL && v->unregistered == CONF_UNREG_FLOOD))
			l->all = true;
	}
	fixed_add(c, l);
	if (!l->all)
		group_table_walk(c->fwd->groups, group_add, l);
	if (!l->all)
		multicast_unique(l);
}

void ctl_filters_program(struct control *c)
{
	static const struct port_filter everything = {.all_multicast = true, .promiscuous = true};
	struct filter_list *l = calloc(1, sizeof(*l));
	struct port_filter want = everything;

	if (l != NULL) {
		list_fill(c, l);
		want = (struct port_filter){
			.unicast = l->unicast,
			.n_unicast = l->n_unicast,
			.multicast = l->multicast,
			.n_multicast = l->n_multicast,
			.all_multicast = l->all,
		};
	}
	/* A guest behind an ethdev sends to anybody: its device lets in everything. */
	for (unsigned int id = 0; id < BITSET_SIZE; id++) {
		if (c->ports[id].used)
			port_filter_set(
				c->ports[id].port, c->ports[id].is_uplink ? &want : &everything);
	}
	free(l);
}

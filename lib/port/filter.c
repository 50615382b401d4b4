/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_ethdev.h>

#include "port/port_private.h"

/*
 * What an ethdev lets in. Always in this order: open, change a list, close; so a driver that
 * rewrites its table from empty loses nothing meanwhile. What a device cannot do by a list it does
 * by all-multicast, and what it cannot do by that, by promiscuous mode.
 */
static void all_multicast_set(struct port *p, bool on)
{
	if (p->all_multicast == on)
		return;
	if ((on ? rte_eth_allmulticast_enable(p->ethdev)
		: rte_eth_allmulticast_disable(p->ethdev)) == 0)
		p->all_multicast = on;
}

static void promiscuous_set(struct port *p, bool on)
{
	if (p->promiscuous == on)
		return;
	if ((on ? rte_eth_promiscuous_enable(p->ethdev) : rte_eth_promiscuous_disable(p->ethdev)) ==
		0)
		p->promiscuous = on;
}

static bool multicast_list_set(struct port *p, const struct port_filter *want)
{
	struct rte_ether_addr *list;
	bool fits;

	if (p->profile.multicast != PORT_FILTER_LIST || want->all_multicast ||
		want->n_multicast > p->profile.max_multicast)
		return false;
	list = calloc(want->n_multicast + 1, sizeof(*list));
	if (list == NULL)
		return false;
	for (unsigned int i = 0; i < want->n_multicast; i++)
		memcpy(&list[i], &want->multicast[i], sizeof(list[i]));
	fits = rte_eth_dev_set_mc_addr_list(p->ethdev, list, want->n_multicast) == 0;
	free(list);
	return fits;
}

/* Returns whether only promiscuous mode lets all groups in. */
static bool multicast_program(struct port *p, const struct port_filter *want)
{
	bool fits;

	switch (p->profile.multicast) {
	case PORT_FILTER_NONE:
		return false;
	case PORT_FILTER_PROMISCUOUS:
		promiscuous_set(p, true);
		return true;
	default:
		break;
	}
	all_multicast_set(p, true);
	if (!p->all_multicast)
		promiscuous_set(p, true);
	fits = multicast_list_set(p, want);
	p->n_multicast = fits ? want->n_multicast : 0;
	if (fits)
		all_multicast_set(p, false);
	return !fits && !p->all_multicast;
}

static bool list_has(const struct mac_addr *list, unsigned int n, const struct mac_addr *mac)
{
	for (unsigned int i = 0; i < n; i++) {
		if (mac_equal(&list[i], mac))
			return true;
	}
	return false;
}

static bool unicast_add(struct port *p, const struct mac_addr *mac)
{
	struct rte_ether_addr addr;

	memcpy(&addr, mac, sizeof(addr));
	return rte_eth_dev_mac_addr_add(p->ethdev, &addr, 0) == 0;
}

static void unicast_remove(struct port *p, const struct mac_addr *mac)
{
	struct rte_ether_addr addr;

	memcpy(&addr, mac, sizeof(addr));
	rte_eth_dev_mac_addr_remove(p->ethdev, &addr);
}

/* Add before removing. Returns whether only promiscuous mode lets all addresses in. */
static bool unicast_program(struct port *p, const struct port_filter *want)
{
	struct mac_addr *kept = calloc(want->n_unicast + 1, sizeof(*kept));
	bool fits = kept != NULL && !want->promiscuous && p->profile.unicast == PORT_FILTER_LIST &&
		    want->n_unicast <= p->profile.max_unicast;
	unsigned int n = 0;

	for (unsigned int i = 0; kept != NULL && i < want->n_unicast; i++) {
		if (list_has(p->unicast, p->n_unicast, &want->unicast[i]) ||
			(fits && unicast_add(p, &want->unicast[i])))
			kept[n++] = want->unicast[i];
		else
			fits = false;
	}
	if (!fits)
		promiscuous_set(p, true);
	if (kept == NULL)
		return true;
	for (unsigned int i = 0; i < p->n_unicast; i++) {
		if (!list_has(kept, n, &p->unicast[i]))
			unicast_remove(p, &p->unicast[i]);
	}
	free(p->unicast);
	p->unicast = kept;
	p->n_unicast = n;
	return !fits;
}

/* "closed": the device was asked to open and refused, so what is not listed may not arrive. */
static void texts_set(struct port *p)
{
	const char *open = p->promiscuous ? "promiscuous" : "closed: the device refuses to open it";

	if (p->profile.multicast == PORT_FILTER_NONE)
		snprintf(p->multicast_text, sizeof(p->multicast_text), "no filter");
	else if (p->n_multicast > 0)
		snprintf(
			p->multicast_text, sizeof(p->multicast_text), "list of %u", p->n_multicast);
	else
		snprintf(p->multicast_text, sizeof(p->multicast_text), "%s",
			p->all_multicast ? "all-multicast" : open);
	if (p->profile.unicast == PORT_FILTER_NONE)
		snprintf(p->unicast_text, sizeof(p->unicast_text), "no filter");
	else if (!p->unicast_open)
		snprintf(p->unicast_text, sizeof(p->unicast_text), "list of %u", p->n_unicast);
	else
		snprintf(p->unicast_text, sizeof(p->unicast_text), "%s", open);
}

void port_filter_init(struct port *p)
{
	snprintf(p->multicast_text, sizeof(p->multicast_text), "list of 0");
	snprintf(p->unicast_text, sizeof(p->unicast_text), "list of 0");
}

void port_filter_set(struct port *p, const struct port_filter *want)
{
	bool multicast_open;

	if (p->kind != PORT_ETHDEV)
		return;
	multicast_open = multicast_program(p, want);
	p->unicast_open = p->profile.unicast != PORT_FILTER_NONE && unicast_program(p, want);
	if (!multicast_open && !p->unicast_open)
		promiscuous_set(p, false);
	texts_set(p);
}

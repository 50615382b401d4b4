/* SPDX-License-Identifier: BSD-3-Clause */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "conf/driver.h"
#include "control/control_private.h"

/*
 * What a device is told: what its driver's file says, unless the uplink's configuration says
 * otherwise. Nothing here names a driver.
 */
static enum port_link_mode link_mode(enum conf_link link)
{
	switch (link) {
	case CONF_LINK_POLL:
		return PORT_LINK_POLL;
	case CONF_LINK_KERNEL:
		return PORT_LINK_KERNEL;
	default:
		return PORT_LINK_INTERRUPT;
	}
}

static enum port_filter_mode filter_mode(enum conf_filter filter)
{
	switch (filter) {
	case CONF_FILTER_ALL:
		return PORT_FILTER_ALL;
	case CONF_FILTER_PROMISCUOUS:
		return PORT_FILTER_PROMISCUOUS;
	case CONF_FILTER_NONE:
		return PORT_FILTER_NONE;
	default:
		return PORT_FILTER_LIST;
	}
}

static unsigned int list_size(uint32_t size)
{
	return size == CONF_UNLIMITED ? UINT_MAX : size;
}

static void said(char *text, size_t size, const char *key, bool *first)
{
	size_t used = strlen(text);

	snprintf(text + used, size - used, "%s%s", *first ? "; configured: " : ", ", key);
	*first = false;
}

/* A list that is asked for where the file has none is tried at any size. */
static void override(const struct conf_uplink *u, struct port_profile *out, char *text, size_t size)
{
	bool first = true;

	if (u->link != CONF_LINK_UNSET) {
		out->link = link_mode(u->link);
		said(text, size, "link", &first);
	}
	if (u->poll_ms != 0) {
		out->poll_ms = u->poll_ms;
		said(text, size, "poll_ms", &first);
	}
	if (u->multicast != CONF_FILTER_UNSET) {
		if (out->multicast != PORT_FILTER_LIST)
			out->max_multicast = UINT_MAX;
		out->multicast = filter_mode(u->multicast);
		said(text, size, "multicast", &first);
	}
}

int ctl_profile_find(const struct control *c, const char *device, const struct conf_uplink *u,
	struct port_profile *out, char *text, size_t size, struct error *err)
{
	const struct conf_driver *d;
	char driver[PORT_DRIVER_SIZE];
	int rc = port_ethdev_driver(device, driver, err);

	if (rc < 0)
		return rc;
	d = conf_driver_find(c->wiring.drivers, driver);
	*out = (struct port_profile){
		.link = link_mode(d->link.detect),
		.poll_ms = d->link.poll_ms,
		.multicast = filter_mode(d->multicast.filter),
		.unicast = filter_mode(d->unicast.filter),
		.max_multicast = list_size(d->multicast.size),
		.max_unicast = list_size(d->unicast.size),
		.n_rx_descriptors = (uint16_t)d->descriptors.rx,
		.n_tx_descriptors = (uint16_t)d->descriptors.tx,
		.vlan_strip = d->vlan.strip,
		.idle_tx = d->link.idle_tx,
	};
	snprintf(text, size, "%s", d->file);
	if (u != NULL)
		override(u, out, text, size);
	return 0;
}

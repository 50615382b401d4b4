/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bitset.h"
#include "conf/build.h"
#include "conf/check.h"

_Static_assert(CONF_MAX_PORTS == BITSET_SIZE, "as many ports as a set of ports holds");

int port_find(const struct conf *c, const char *name)
{
	if (name[0] == '\0')
		return -1;
	for (size_t i = 0; i < c->n_uplinks; i++)
		if (strcmp(c->uplinks[i].name, name) == 0)
			return (int)i;
	for (size_t i = 0; i < c->n_guests; i++)
		if (strcmp(c->guests[i].name, name) == 0)
			return (int)(c->n_uplinks + i);
	return -1;
}

static void ports_count(const struct conf *c, const struct site *site)
{
	if (c->n_uplinks > CONF_MAX_UPLINKS)
		site_error(site, "uplinks", "there are %zu uplinks; a switch has at most %u",
			c->n_uplinks, CONF_MAX_UPLINKS);
	if (c->n_uplinks + c->n_guests > CONF_MAX_PORTS)
		site_error(site, "guests",
			"there are %zu uplinks and %zu guests; a switch has at most %u ports",
			c->n_uplinks, c->n_guests, CONF_MAX_PORTS);
}

static const char *device_of(const struct conf *c, size_t port)
{
	return port < c->n_uplinks ? c->uplinks[port].device
				   : c->guests[port - c->n_uplinks].device;
}

static const char *name_of(const struct conf *c, size_t port)
{
	return port < c->n_uplinks ? c->uplinks[port].name : c->guests[port - c->n_uplinks].name;
}

static const char *port_at(const struct conf *c, size_t port, const char *key, char buf[AT_SIZE])
{
	return port < c->n_uplinks ? at_format(buf, "uplinks[%zu].%s", port, key)
				   : at_format(buf, "guests[%zu].%s", port - c->n_uplinks, key);
}

static void ports_check(const struct conf *c, const struct site *site)
{
	char at[AT_SIZE];

	for (size_t i = 0; i < c->n_uplinks + c->n_guests; i++) {
		const char *name = name_of(c, i), *device = device_of(c, i);

		for (size_t j = 0; j < i; j++) {
			if (name[0] != '\0' && strcmp(name, name_of(c, j)) == 0) {
				site_error(site, port_at(c, i, "name", at),
					"the name %s is used twice; uplinks and guests share one "
					"space of names",
					name);
				break;
			}
		}
		for (size_t j = 0; j < i; j++) {
			if (device[0] != '\0' && strcmp(device, device_of(c, j)) == 0) {
				site_error(site, port_at(c, i, "device", at),
					"%s: device %s is that of %s already", name, device,
					name_of(c, j));
				break;
			}
		}
	}
}

static void macs_check(const struct conf *c, const struct site *site)
{
	char text[MAC_STR_SIZE];

	for (size_t i = 0; i < c->n_guests; i++) {
		if (mac_is_zero(&c->guests[i].mac))
			continue;
		for (size_t j = 0; j < i; j++) {
			if (!mac_equal(&c->guests[i].mac, &c->guests[j].mac))
				continue;
			site_error(site, AT("guests[%zu].mac", i),
				"guest %s: mac %s is that of guest %s already", c->guests[i].name,
				mac_format(&c->guests[i].mac, text), c->guests[j].name);
			break;
		}
	}
}

/* Whose path this is among the control socket and the guests before i; NULL: nobody's. */
static const char *path_owner(const struct conf *c, size_t i, const char *path)
{
	if (strcmp(path, c->control_socket) == 0)
		return "control_socket";
	if (strcmp(path, c->metrics.listen) == 0)
		return "metrics";
	for (size_t j = 0; j < i; j++)
		if (strcmp(path, c->guests[j].socket) == 0 || strcmp(path, c->guests[j].qmp) == 0)
			return c->guests[j].name;
	return NULL;
}

static void paths_check(const struct conf *c, const struct site *site)
{
	if (strcmp(c->metrics.listen, c->control_socket) == 0)
		site_error(site, "metrics.listen", "metrics: listen is the control_socket already");
	for (size_t i = 0; i < c->n_guests; i++) {
		const struct conf_guest *g = &c->guests[i];
		const char *owner = path_owner(c, i, g->socket);

		if (g->socket[0] != '\0' && owner != NULL)
			site_error(site, AT("guests[%zu].socket", i),
				"guest %s: socket %s is used by %s already", g->name, g->socket,
				owner);
		if (g->qmp[0] == '\0')
			continue;
		owner = strcmp(g->qmp, g->socket) == 0 ? g->name : path_owner(c, i, g->qmp);
		if (owner != NULL)
			site_error(site, AT("guests[%zu].qmp", i),
				"guest %s: qmp %s is used by %s already", g->name, g->qmp, owner);
	}
}

static int vlan_order(const void *a, const void *b)
{
	return (int)((const struct conf_vlan *)a)->id - (int)((const struct conf_vlan *)b)->id;
}

int conf_check(struct conf *c, const struct site *site)
{
	size_t n_before = conf_errors_count(site->errors);

	ports_count(c, site);
	ports_check(c, site);
	macs_check(c, site);
	paths_check(c, site);
	vlans_check(c, site);
	teams_check(c, site);
	if (conf_errors_count(site->errors) > n_before)
		return -EINVAL;
	if (teams_complete(c, site) != 0)
		return -ENOMEM;
	if (conf_errors_count(site->errors) > n_before)
		return -EINVAL;
	if (c->n_vlans > 1)
		qsort(c->vlans, c->n_vlans, sizeof(*c->vlans), vlan_order);
	return 0;
}

int conf_validate(struct conf *c, struct conf_errors *errors)
{
	struct site site = {.errors = errors};

	return conf_check(c, &site);
}

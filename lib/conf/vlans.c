/* SPDX-License-Identifier: BSD-3-Clause */
#include "conf/check.h"

static bool has_vlan(const uint16_t *ids, size_t n, uint16_t id)
{
	for (size_t i = 0; i < n; i++)
		if (ids[i] == id)
			return true;
	return false;
}

static bool port_in_vlan(const struct conf *c, size_t port, uint16_t id)
{
	const struct conf_guest *g;
	const struct conf_team *t;

	if (port < c->n_uplinks) {
		t = team_of(c, c->uplinks[port].name);
		return t == NULL || t->all_vlans || has_vlan(t->vlans, t->n_vlans, id);
	}
	g = &c->guests[port - c->n_uplinks];
	return g->trunk ? has_vlan(g->trunk_vlans, g->n_trunk, id) : g->vlan == id;
}

/* A list of ports of the VLAN, which stands at path and is what the sentence calls it. */
static void ports_check(const struct conf *c, const struct conf_vlan *v,
	const char (*names)[CONF_NAME_SIZE], size_t n, const struct site *site, const char *path,
	const char *what)
{
	int port;

	for (size_t k = 0; k < n; k++) {
		const char *at = AT("%s[%zu]", path, k), *name = names[k];

		port = port_find(c, name);
		if (port < 0)
			site_error(site, at,
				"VLAN %u: no uplink and no guest is called '%s', as %s", v->id,
				name, what);
		else if (!port_in_vlan(c, (size_t)port, v->id))
			site_error(site, at, "VLAN %u: %s is not in this VLAN", v->id, name);
		else if (names_have(names, k, name))
			site_error(site, at, "VLAN %u: %s is listed twice", v->id, name);
	}
}

static void statics_check(
	const struct conf *c, const struct conf_vlan *v, const struct site *site, size_t i)
{
	char text[IP_STR_SIZE];

	for (size_t j = 0; j < v->n_statics; j++) {
		const struct conf_static *s = &v->statics[j];
		const char *path = AT("vlans[%zu].static[%zu]", i, j);

		if (!ip_is_unspecified(&s->source) && ip_is_v4(&s->source) != ip_is_v4(&s->group))
			site_error(site, path,
				"VLAN %u: group and source are not of the same family, IPv4 or "
				"IPv6",
				v->id);
		ports_check(c, v, (const char(*)[CONF_NAME_SIZE])s->ports, s->n_ports, site,
			AT("%s.ports", path), "this static entry says");
		for (size_t k = 0; k < j; k++) {
			if (ip_is_unspecified(&s->group) ||
				!ip_equal(&v->statics[k].group, &s->group) ||
				!ip_equal(&v->statics[k].source, &s->source))
				continue;
			site_error(site, path,
				"VLAN %u: group %s has a static entry already; add its ports there",
				v->id, ip_format(&s->group, text));
			break;
		}
	}
}

void vlans_check(const struct conf *c, const struct site *site)
{
	uint8_t seen[VLAN_ID_SIZE] = {0};

	for (size_t i = 0; i < c->n_vlans; i++) {
		const struct conf_vlan *v = &c->vlans[i];

		if (seen[v->id]++)
			site_error(
				site, AT("vlans[%zu].id", i), "VLAN %u is described twice", v->id);
		if (v->timers.query_response_ms >= v->timers.query_interval_ms)
			site_error(site, AT("vlans[%zu].timers", i),
				"VLAN %u: query_response_ms %u must be less than query_interval_ms "
				"%u",
				v->id, v->timers.query_response_ms, v->timers.query_interval_ms);
		ports_check(c, v, (const char(*)[CONF_NAME_SIZE])v->router_ports, v->n_router_ports,
			site, AT("vlans[%zu].router_ports", i), "router_ports says");
		statics_check(c, v, site, i);
	}
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>

#include "control/control_private.h"

/*
 * What operators say of VLANs, by the file or while the switch runs: settings, static members,
 * router ports. The configuration is changed first, by its own rules, and what it says then is told to the
 * membership machine; so whatever comes later (a guest in a VLAN that had none, a reload) starts from
 * what was said last.
 */

/* Members whose port is in the VLAN now; the others follow when theirs comes. */
static int statics_tell(struct control *c, const struct ctl_vlan *v, const struct conf_vlan *conf)
{
	int rc = 0;

	for (size_t s = 0; s < conf->n_statics; s++) {
		const struct conf_static *st = &conf->statics[s];

		for (size_t i = 0; i < st->n_ports && rc != -ENOMEM; i++) {
			int id = control_port_find(c, st->ports[i]);

			if (id >= 0 && bitset_has(&v->ports, (unsigned int)id))
				rc = membership_static_add(c->membership, v->id, (uint16_t)id,
					&st->group, &st->source, c->now);
		}
	}
	return rc == -ENOMEM ? rc : 0;
}

static bool is_router_port(const struct conf_vlan *conf, const char *name)
{
	for (size_t i = 0; i < conf->n_router_ports; i++) {
		if (strcmp(conf->router_ports[i], name) == 0)
			return true;
	}
	return false;
}

static int router_ports_tell(
	struct control *c, const struct ctl_vlan *v, const struct conf_vlan *conf)
{
	int rc = 0;

	BITSET_FOREACH (id, &v->ports) {
		if (rc == 0)
			rc = membership_router_static(c->membership, v->id, (uint16_t)id,
				is_router_port(conf, c->ports[id].name), c->now);
	}
	return rc;
}

static int configured_tell(struct control *c, const struct ctl_vlan *v)
{
	const struct conf_vlan *conf = conf_vlan_find(c->conf, v->id);
	struct conf_vlan defaults;
	int rc;

	if (conf == NULL) {
		conf_vlan_defaults(&defaults, v->id);
		conf = &defaults;
	}
	rc = router_ports_tell(c, v, conf);
	return rc == 0 ? statics_tell(c, v, conf) : rc;
}

int ctl_vlans_configured_tell(struct control *c)
{
	for (unsigned int i = 0; i < c->n_vlans; i++) {
		struct ctl_vlan *v = &c->vlans[i];

		if (!v->configured_due)
			continue;
		if (configured_tell(c, v) < 0)
			return -ENOMEM;
		v->configured_due = false;
	}
	return 0;
}

int ctl_statics_apply(struct control *c, struct error *err)
{
	for (unsigned int i = 0; i < c->n_vlans; i++)
		c->vlans[i].configured_due = true;
	if (ctl_vlans_configured_tell(c) < 0)
		return error_set(err, -ENOMEM, "no memory for static groups");
	return 0;
}

int control_vlan_set(
	struct control *c, uint16_t vlan, const char *key, const char *value, struct error *err)
{
	struct ctl_vlan *v = ctl_vlan_find(c, vlan);
	int rc = conf_vlan_set(c->conf, vlan, key, value, err);

	if (rc < 0)
		return rc;
	if (v != NULL) {
		ctl_vlan_settings_tell(c, vlan);
		v->configured_due = true;
		ctl_vlans_configured_tell(c); /* what fails is tried again with the plane */
		c->topology_dirty = true;
		c->filters_dirty = true;
	}
	ctl_event(c, "config", NULL, vlan, NULL, "%s of VLAN %u is %s", key, vlan, value);
	return 0;
}

static int static_apply(struct control *c, bool add, const struct ctl_vlan *v,
	const struct conf_static *what, int port)
{
	if (v == NULL || port < 0 || !bitset_has(&v->ports, (unsigned int)port))
		return 0;
	if (add)
		return membership_static_add(
			c->membership, v->id, (uint16_t)port, &what->group, &what->source, c->now);
	membership_static_del(
		c->membership, v->id, (uint16_t)port, &what->group, &what->source, c->now);
	return 0;
}

int control_static_set(struct control *c, bool add, uint16_t vlan, const char *group,
	const char *source, const char *port, struct error *err)
{
	struct membership_group g = {0};
	struct conf_static what;
	struct error ignored;
	int rc = conf_static_parse(group, source, &what, err);

	if (rc == 0)
		rc = (add ? conf_static_add : conf_static_del)(c->conf, vlan, &what, port, err);
	if (rc < 0)
		return rc;
	rc = static_apply(c, add, ctl_vlan_find(c, vlan), &what, control_port_find(c, port));
	if (rc < 0) {
		conf_static_del(c->conf, vlan, &what, port, &ignored);
		return error_set(err, rc, "no memory for another membership");
	}
	g.ip = what.group;
	ctl_event(c, "config", NULL, vlan, &g, "%s is %s static member of %s in VLAN %u", port,
		add ? "a" : "no longer a", group, vlan);
	return 0;
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include "conf/build.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conf/fields.h"
#include "conf/guest.h"

/* A text that a sequence of names holds; what is too long can be no port's name, so it is cut to
 * something that is none either. */
static void name_copy(char *out, const char *text)
{
	snprintf(out, CONF_NAME_SIZE, "%s", strlen(text) < CONF_NAME_SIZE ? text : "(too long)");
}

static bool is_missing(const char *text, const struct site *site, const char *path,
	const char *what, const char *key)
{
	if (text != NULL)
		return false;
	site_error(site, path, "%s has no %s", what, key);
	return true;
}

/* Those of a list; NULL: no memory. */
static char (*names_build(char *const *texts, unsigned int n))[CONF_NAME_SIZE]
{
	char(*names)[CONF_NAME_SIZE] = calloc(n, sizeof(*names));

	for (unsigned int i = 0; names != NULL && i < n; i++)
		name_copy(names[i], texts[i]);
	return names;
}

static size_t static_build(const struct raw_static *raw, const struct site *site, const char *path,
	const char *what, struct conf_static *out)
{
	size_t n_errors = fields_parse(static_fields, raw, out, site, path, what);

	n_errors += is_missing(raw->group, site, path, "this static entry", "group");
	if (raw->ports_count == 0) {
		site_error(site, path,
			"this static entry has no ports; list the names of guests or uplinks");
		return n_errors + 1;
	}
	if (raw->source == NULL)
		out->source = ip_is_v4(&out->group) ? ip_from_v4(0) : (struct ip_addr){.b = {0}};
	out->ports = names_build(raw->ports, raw->ports_count);
	if (out->ports == NULL)
		return n_errors + 1;
	out->n_ports = raw->ports_count;
	return n_errors;
}

static size_t statics_build(const struct raw_vlan *raw, const struct site *site, const char *path,
	const char *what, struct conf_vlan *out)
{
	size_t n_errors = 0;

	out->statics = calloc(raw->statics_count, sizeof(*out->statics));
	if (out->statics == NULL)
		return 1;
	out->n_statics = raw->statics_count;
	for (unsigned int i = 0; i < raw->statics_count; i++)
		n_errors += static_build(&raw->statics[i], site, AT("%s.static[%u]", path, i), what,
			&out->statics[i]);
	return n_errors;
}

static size_t vlan_build(const struct raw_vlan *raw, const struct site *site, const char *path,
	struct conf_vlan *out)
{
	size_t n_errors = 0;
	char what[64];

	conf_vlan_defaults(out, 0);
	snprintf(what, sizeof(what), "VLAN %.40s", raw->id != NULL ? raw->id : "without id");
	n_errors += is_missing(raw->id, site, path, "this VLAN", "id");
	n_errors += fields_parse(vlan_fields, raw, out, site, path, what);
	if (raw->timers != NULL)
		n_errors += fields_parse(
			timers_fields, raw->timers, out, site, AT("%s.timers", path), what);
	if (raw->router_ports_count > 0) {
		out->router_ports = names_build(raw->router_ports, raw->router_ports_count);
		if (out->router_ports == NULL)
			return n_errors + 1;
		out->n_router_ports = raw->router_ports_count;
	}
	if (raw->statics_count > 0)
		n_errors += statics_build(raw, site, path, what, out);
	return n_errors;
}

static size_t uplink_build(const struct raw_uplink *raw, const struct site *site, const char *path,
	struct conf_uplink *out)
{
	size_t n_errors = 0;
	char what[64];

	snprintf(
		what, sizeof(what), "uplink %.40s", raw->name != NULL ? raw->name : "without name");
	n_errors += is_missing(raw->name, site, path, "this uplink", "name");
	n_errors += is_missing(raw->device, site, path, what, "device");
	return n_errors + fields_parse(uplink_fields, raw, out, site, path, what);
}

static size_t team_vlans_build(const struct raw_team *raw, const struct site *site,
	const char *path, const char *what, struct conf_team *out)
{
	if (raw->vlans_count == 0 && lines_kind(site->lines, path) == LINES_LIST) {
		site_error(site, path, "%s: vlans is empty; list its VLANs or say all", what);
		return 1;
	}
	if (raw->vlans_count == 0 || (raw->vlans_count == 1 && strcmp(raw->vlans[0], "all") == 0)) {
		out->all_vlans = true;
		return 0;
	}
	return vlan_list_build(raw->vlans, raw->vlans_count, site, path, what, &out->vlans,
		       &out->n_vlans) != 0;
}

static size_t team_build(const struct raw_team *raw, const struct site *site, const char *path,
	struct conf_team *out)
{
	size_t n_errors = 0;
	char what[64];

	*out = (struct conf_team){
		.notify_switches = true, .failback = true, .replay_memberships = true};
	snprintf(what, sizeof(what), "team %.40s", raw->name != NULL ? raw->name : "without name");
	n_errors += is_missing(raw->name, site, path, "this team", "name");
	n_errors += fields_parse(team_fields, raw, out, site, path, what);
	n_errors += team_vlans_build(raw, site, AT("%s.vlans", path), what, out);
	if (raw->active_count == 0) {
		site_error(site, AT("%s.active", path),
			"%s has no active uplink; list at least one", what);
		n_errors++;
	}
	out->n_active = raw->active_count;
	for (size_t i = 0; i < raw->active_count; i++)
		name_copy(out->active[i], raw->active[i]);
	out->n_standby = raw->standby_count;
	for (size_t i = 0; i < raw->standby_count; i++)
		name_copy(out->standby[i], raw->standby[i]);
	return n_errors;
}

/* Room for all elements; the schema bounds their numbers. */
static int conf_reserve(struct conf *c, const struct raw *raw)
{
	c->vlans = calloc(raw->vlans_count + 1, sizeof(*c->vlans));
	c->uplinks = calloc(raw->uplinks_count + 1, sizeof(*c->uplinks));
	c->teams = calloc(raw->teams_count + 1, sizeof(*c->teams));
	c->guests = calloc(raw->guests_count + 1, sizeof(*c->guests));
	if (c->vlans == NULL || c->uplinks == NULL || c->teams == NULL || c->guests == NULL)
		return -ENOMEM;
	c->n_vlans = raw->vlans_count;
	c->n_uplinks = raw->uplinks_count;
	c->n_teams = raw->teams_count;
	c->n_guests = raw->guests_count;
	return 0;
}

int conf_build(struct conf *c, const struct raw *raw, const struct site *site)
{
	size_t n_errors = 0;

	if (conf_reserve(c, raw) != 0)
		return -ENOMEM;
	n_errors += fields_parse(root_fields, raw, c, site, AT_ROOT, "");
	if (raw->control != NULL)
		n_errors += fields_parse(
			control_fields, raw->control, &c->control, site, "control", "control");
	if (raw->metrics != NULL)
		n_errors += fields_parse(
			metrics_fields, raw->metrics, &c->metrics, site, "metrics", "metrics");
	if (raw->igmp != NULL)
		n_errors += fields_parse(igmp_fields, raw->igmp, &c->igmp, site, "igmp", "igmp");
	for (size_t i = 0; i < c->n_vlans; i++)
		n_errors += vlan_build(&raw->vlans[i], site, AT("vlans[%zu]", i), &c->vlans[i]);
	for (size_t i = 0; i < c->n_uplinks; i++)
		n_errors +=
			uplink_build(&raw->uplinks[i], site, AT("uplinks[%zu]", i), &c->uplinks[i]);
	for (size_t i = 0; i < c->n_teams; i++)
		n_errors += team_build(&raw->teams[i], site, AT("teams[%zu]", i), &c->teams[i]);
	for (size_t i = 0; i < c->n_guests; i++)
		n_errors += guest_build(&raw->guests[i], site, AT("guests[%zu]", i),
				    &c->guests[i]) != 0;
	return n_errors == 0 ? 0 : -EINVAL;
}

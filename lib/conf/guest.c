/* SPDX-License-Identifier: BSD-3-Clause */
#include "conf/guest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conf/fields.h"

static void guest_defaults(struct conf_guest *g)
{
	*g = (struct conf_guest){.mode = CONF_MODE_SERVER,
		.limits = {.groups = 1024, .sources = 64, .reports_per_s = 1000}};
}

int vlan_list_build(char *const *texts, size_t n, const struct site *site, const char *path,
	const char *what, uint16_t **out, size_t *n_out)
{
	uint8_t seen[VLAN_ID_SIZE] = {0};
	struct error err;
	size_t n_errors = 0, k = 0;
	uint16_t id;

	for (size_t i = 0; i < n; i++) {
		const char *at = AT("%s[%zu]", path, i);

		if (vlan_id_parse(texts[i], &id, &err) != 0) {
			site_error(site, at, "%s: %s", what, err.text);
			n_errors++;
		} else if (seen[id]++) {
			site_error(site, at, "%s: VLAN %u is listed twice", what, id);
			n_errors++;
		}
	}
	if (n_errors > 0)
		return -EINVAL;
	*out = calloc(n, sizeof(**out));
	if (*out == NULL)
		return -ENOMEM;
	for (unsigned int v = 0; v < VLAN_ID_SIZE; v++)
		if (seen[v])
			(*out)[k++] = (uint16_t)v;
	*n_out = k;
	return 0;
}

static size_t trunk_build(const struct raw_guest *raw, const struct site *site, const char *path,
	const char *what, struct conf_guest *out)
{
	if (raw->trunk == NULL) {
		if (lines_kind(site->lines, AT("%s.trunk", path)) != LINES_LIST)
			return 0;
		site_error(site, AT("%s.trunk", path),
			"%s: trunk is empty; list its VLANs, 0 for the untagged one", what);
		return 1;
	}
	out->trunk = true;
	if (raw->vlan != NULL) {
		site_error(site, AT("%s.vlan", path),
			"%s: vlan and trunk are both given; an access port has vlan, a port that "
			"takes tagged frames has trunk",
			what);
		return 1;
	}
	return vlan_list_build(raw->trunk, raw->trunk_count, site, AT("%s.trunk", path), what,
		       &out->trunk_vlans, &out->n_trunk) != 0;
}

/* What only one kind of guest has. */
static size_t kind_check(
	const struct raw_guest *raw, const struct site *site, const char *path, const char *what)
{
	if (raw->socket == NULL && raw->device == NULL)
		site_error(site, path,
			"%s has no socket: give the path of its vhost-user socket, or the device "
			"that is its port",
			what);
	else if (raw->socket != NULL && raw->device != NULL)
		site_error(site, AT("%s.device", path),
			"%s: socket and device are both given; a port is one of them", what);
	else if (raw->device != NULL && raw->mode != NULL)
		site_error(site, AT("%s.mode", path), "%s: mode is for a socket; a device has none",
			what);
	else
		return 0;
	return 1;
}

int guest_build(const struct raw_guest *raw, const struct site *site, const char *path,
	struct conf_guest *out)
{
	size_t n_errors = 0;
	char what[64];

	guest_defaults(out);
	if (raw->name == NULL) {
		site_error(site, path, "this guest has no name");
		n_errors++;
	}
	snprintf(what, sizeof(what), "guest %.40s", raw->name != NULL ? raw->name : "without name");
	n_errors += fields_parse(guest_fields, raw, out, site, path, what);
	n_errors += kind_check(raw, site, path, what);
	n_errors += trunk_build(raw, site, path, what, out);
	if (raw->limits != NULL)
		n_errors += fields_parse(
			limits_fields, raw->limits, out, site, AT("%s.limits", path), what);
	if (raw->security != NULL)
		n_errors += fields_parse(
			security_fields, raw->security, out, site, AT("%s.security", path), what);
	return n_errors == 0 ? 0 : -EINVAL;
}

void conf_guest_fini(struct conf_guest *g)
{
	free(g->trunk_vlans);
	g->trunk_vlans = NULL;
	g->n_trunk = 0;
}

int conf_guest_copy(struct conf_guest *to, const struct conf_guest *from)
{
	uint16_t *trunk = NULL;

	if (from->n_trunk > 0) {
		trunk = malloc(from->n_trunk * sizeof(*trunk));
		if (trunk == NULL)
			return -ENOMEM;
		memcpy(trunk, from->trunk_vlans, from->n_trunk * sizeof(*trunk));
	}
	*to = *from;
	to->trunk_vlans = trunk;
	return 0;
}

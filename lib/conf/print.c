/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>

#include "conf/fields.h"

/* A key a line, each after indent; the entry of a list begins with "- ". */
static void block_print(const struct field *table, const void *base, bool is_entry, FILE *out)
{
	const char *indent = is_entry ? "  - " : "  ";

	for (const struct field *f = table; f->key != NULL; f++) {
		if (field_is_empty(f, base))
			continue;
		fputs(indent, out);
		field_print(f, base, out);
		fputc('\n', out);
		if (is_entry)
			indent = "    ";
	}
}

/* All keys in one line: {a: 1, b: 2} */
static void flow_print(const char *key, const struct field *table, const void *base, FILE *out)
{
	const char *before = "{";

	fprintf(out, "    %s: ", key);
	for (const struct field *f = table; f->key != NULL; f++) {
		fputs(before, out);
		field_print(f, base, out);
		before = ", ";
	}
	fputs("}\n", out);
}

static void names_print(const char *key, const char (*names)[CONF_NAME_SIZE], size_t n, FILE *out)
{
	fprintf(out, "%s: [", key);
	for (size_t i = 0; i < n; i++)
		fprintf(out, "%s%s", i > 0 ? ", " : "", names[i]);
	fputc(']', out);
}

static void vlan_ids_print(const char *key, const uint16_t *ids, size_t n, FILE *out)
{
	fprintf(out, "    %s: [", key);
	for (size_t i = 0; i < n; i++)
		fprintf(out, "%s%u", i > 0 ? ", " : "", ids[i]);
	fputs("]\n", out);
}

static void static_print(const struct conf_static *s, FILE *out)
{
	fputs("      - {", out);
	for (const struct field *f = static_fields; f->key != NULL; f++) {
		if (strcmp(f->key, "source") == 0 && ip_is_unspecified(&s->source))
			continue;
		field_print(f, s, out);
		fputs(", ", out);
	}
	names_print("ports", (const char(*)[CONF_NAME_SIZE])s->ports, s->n_ports, out);
	fputs("}\n", out);
}

static void vlan_print(const struct conf_vlan *v, FILE *out)
{
	block_print(vlan_fields, v, true, out);
	flow_print("timers", timers_fields, v, out);
	if (v->n_router_ports > 0) {
		fputs("    ", out);
		names_print("router_ports", (const char(*)[CONF_NAME_SIZE])v->router_ports,
			v->n_router_ports, out);
		fputc('\n', out);
	}
	if (v->n_statics == 0)
		return;
	fputs("    static:\n", out);
	for (size_t i = 0; i < v->n_statics; i++)
		static_print(&v->statics[i], out);
}

static void team_print(const struct conf_team *t, FILE *out)
{
	block_print(team_fields, t, true, out);
	if (t->all_vlans)
		fputs("    vlans: all\n", out);
	else
		vlan_ids_print("vlans", t->vlans, t->n_vlans, out);
	fputs("    ", out);
	names_print("active", t->active, t->n_active, out);
	fputs("\n    ", out);
	names_print("standby", t->standby, t->n_standby, out);
	fputc('\n', out);
}

static void guest_print(const struct conf_guest *g, FILE *out)
{
	const char *indent = "  - ";

	for (const struct field *f = guest_fields; f->key != NULL; f++) {
		if (field_is_empty(f, g) || (g->trunk && strcmp(f->key, "vlan") == 0) ||
			(g->device[0] != '\0' && strcmp(f->key, "mode") == 0))
			continue;
		fputs(indent, out);
		field_print(f, g, out);
		fputc('\n', out);
		indent = "    ";
	}
	if (g->trunk)
		vlan_ids_print("trunk", g->trunk_vlans, g->n_trunk, out);
	flow_print("limits", limits_fields, g, out);
	flow_print("security", security_fields, g, out);
}

static void list_begin(const char *key, size_t n, FILE *out)
{
	if (n > 0)
		fprintf(out, "%s:\n", key);
}

/* A part that is only there when something of it is given. */
static void part_print(const char *key, const struct field *table, const void *base, FILE *out)
{
	for (const struct field *f = table; f->key != NULL; f++) {
		if (field_is_empty(f, base))
			continue;
		fprintf(out, "%s:\n", key);
		block_print(table, base, false, out);
		return;
	}
}

int conf_print(const struct conf *c, FILE *out)
{
	for (const struct field *f = root_fields; f->key != NULL; f++) {
		field_print(f, c, out);
		fputc('\n', out);
	}
	part_print("control", control_fields, &c->control, out);
	part_print("metrics", metrics_fields, &c->metrics, out);
	fputs("igmp:\n", out);
	block_print(igmp_fields, &c->igmp, false, out);

	list_begin("vlans", c->n_vlans, out);
	for (size_t i = 0; i < c->n_vlans; i++)
		vlan_print(&c->vlans[i], out);
	list_begin("uplinks", c->n_uplinks, out);
	for (size_t i = 0; i < c->n_uplinks; i++)
		block_print(uplink_fields, &c->uplinks[i], true, out);
	list_begin("teams", c->n_teams, out);
	for (size_t i = 0; i < c->n_teams; i++)
		team_print(&c->teams[i], out);
	list_begin("guests", c->n_guests, out);
	for (size_t i = 0; i < c->n_guests; i++)
		guest_print(&c->guests[i], out);
	return fflush(out) == 0 && !ferror(out) ? 0 : -EIO;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A configuration is read twice: by lines.c, which keeps where everything stands, and by libcyaml
 * (schema.c) into text by key. fields.c knows what each key's text means; build.c makes the struct
 * of it and validate.c judges the whole. Arguments (args.c) come in at the same text by key, and
 * print.c goes the way back by the same tables.
 */
#include "conf/conf.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "conf/build.h"
#include "conf/check.h"

void conf_errors_add(struct conf_errors *e, const char *fmt, ...)
{
	char **grown, *text;
	va_list ap;

	if (e->n >= CONF_ERRORS_MAX) {
		e->n_dropped++;
		return;
	}
	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	for (char *c = text; c != NULL && *c != '\0'; c++) /* an error is a line */
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	grown = reallocarray(e->text, e->n + 1, sizeof(*grown));
	if (text == NULL || grown == NULL) {
		free(text);
		if (grown != NULL)
			e->text = grown;
		e->n_dropped++;
		return;
	}
	e->text = grown;
	e->text[e->n++] = text;
}

void conf_errors_free(struct conf_errors *e)
{
	for (size_t i = 0; i < e->n; i++)
		free(e->text[i]);
	free(e->text);
	*e = (struct conf_errors){0};
}

struct conf *conf_new(void)
{
	struct conf *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	strcpy(c->control_socket, "/run/mcswitch/control.sock");
	strcpy(c->state_file, "state.json");
	c->igmp = (struct conf_igmp){
		.version = CONF_IGMP_V3,
		.queries = 2,
		.query_gap_ms = 1000,
		.router_address = ip_from_v4(htonl(0x0a000000)),
	};
	return c;
}

static void vlan_fini(struct conf_vlan *v)
{
	for (size_t i = 0; i < v->n_statics; i++)
		free(v->statics[i].ports);
	free(v->statics);
	free(v->router_ports);
}

void conf_free(struct conf *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < c->n_vlans; i++)
		vlan_fini(&c->vlans[i]);
	for (size_t i = 0; i < c->n_teams; i++)
		free(c->teams[i].vlans);
	for (size_t i = 0; i < c->n_guests; i++)
		conf_guest_fini(&c->guests[i]);
	free(c->vlans);
	free(c->uplinks);
	free(c->teams);
	free(c->guests);
	free(c);
}

void conf_vlan_defaults(struct conf_vlan *v, uint16_t id)
{
	*v = (struct conf_vlan){
		.id = id,
		.unregistered = CONF_UNREG_ROUTER_PORTS,
		.timers = {.robustness = 2,
			.query_interval_ms = 125000,
			.query_response_ms = 10000,
			.last_member_interval_ms = 1000},
		.querier = CONF_QUERIER_AUTO,
		.querier_address = ip_from_v4(0),
	};
}

static int vlan_compare(const void *key, const void *entry)
{
	return (int)*(const uint16_t *)key - (int)((const struct conf_vlan *)entry)->id;
}

const struct conf_vlan *conf_vlan_find(const struct conf *c, uint16_t id)
{
	if (c->n_vlans == 0)
		return NULL;
	return bsearch(&id, c->vlans, c->n_vlans, sizeof(*c->vlans), vlan_compare);
}

struct conf_uplink *conf_uplink_append(struct conf *c)
{
	struct conf_uplink *grown = reallocarray(c->uplinks, c->n_uplinks + 1, sizeof(*grown));

	if (grown == NULL)
		return NULL;
	c->uplinks = grown;
	c->uplinks[c->n_uplinks] = (struct conf_uplink){0};
	return &c->uplinks[c->n_uplinks++];
}

struct conf_guest *conf_guest_append(struct conf *c)
{
	struct conf_guest *grown = reallocarray(c->guests, c->n_guests + 1, sizeof(*grown));

	if (grown == NULL)
		return NULL;
	c->guests = grown;
	c->guests[c->n_guests] = (struct conf_guest){0};
	return &c->guests[c->n_guests++];
}

static void guest_drop(struct conf *c, size_t i)
{
	conf_guest_fini(&c->guests[i]);
	c->n_guests--;
	memmove(&c->guests[i], &c->guests[i + 1], (c->n_guests - i) * sizeof(c->guests[0]));
}

int conf_guest_add(struct conf *c, const struct conf_guest *guest, struct error *err)
{
	struct conf_errors errors = {0};
	struct conf_guest *added = conf_guest_append(c);

	if (added == NULL)
		return error_set(err, -ENOMEM, "guest %s: no memory", guest->name);
	if (conf_guest_copy(added, guest) < 0) {
		c->n_guests--;
		return error_set(err, -ENOMEM, "guest %s: no memory", guest->name);
	}
	if (conf_validate(c, &errors) == 0)
		return 0;
	guest_drop(c, c->n_guests - 1);
	error_set(err, -EINVAL, "%s", errors.n > 0 ? errors.text[0] : "no memory");
	conf_errors_free(&errors);
	return -EINVAL;
}

static size_t name_drop(char (*names)[CONF_NAME_SIZE], size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(names[i], name) != 0)
			continue;
		memmove(&names[i], &names[i + 1], (n - i - 1) * sizeof(names[0]));
		return n - 1;
	}
	return n;
}

void vlan_drop_member(struct conf_vlan *v, size_t i, const char *name)
{
	struct conf_static *s = &v->statics[i];

	s->n_ports = name_drop(s->ports, s->n_ports, name);
	if (s->n_ports > 0)
		return;
	free(s->ports);
	v->n_statics--;
	memmove(s, s + 1, (v->n_statics - i) * sizeof(*s));
}

static void vlan_drop_port(struct conf_vlan *v, const char *name)
{
	v->n_router_ports = name_drop(v->router_ports, v->n_router_ports, name);
	for (size_t i = v->n_statics; i-- > 0;)
		vlan_drop_member(v, i, name);
}

void conf_guest_del(struct conf *c, const char *name)
{
	for (size_t i = 0; i < c->n_vlans; i++)
		vlan_drop_port(&c->vlans[i], name);
	for (size_t i = 0; i < c->n_guests; i++) {
		if (strcmp(c->guests[i].name, name) == 0) {
			guest_drop(c, i);
			return;
		}
	}
}

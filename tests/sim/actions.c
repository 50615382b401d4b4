/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>
#include <string.h>

#include "script.h"

/* What a script does to the machine that is not a message: settings and facts of ports. */

#define MACS_MAX 128u

static bool set_address(struct script *s, const char *value)
{
	struct ip_addr own;

	if (!script_address(s, value, &own))
		return false;
	s->w->vlan.querier_address[!ip_is_v4(&own)] = own;
	return true;
}

static bool set_vlan(struct script *s)
{
	struct membership_vlan *v = &s->w->vlan;
	char *word, *value;

	while ((word = script_word(s)) != NULL) {
		value = strchr(word, '=');
		if (value == NULL)
			return script_fail(s, "key=value: %s", word);
		*value++ = '\0';
		if (strcmp(word, "querier") == 0)
			v->querier = strcmp(value, "on") == 0     ? QUERIER_ON
				     : strcmp(value, "auto") == 0 ? QUERIER_AUTO
								  : QUERIER_OFF;
		else if (strcmp(word, "address") == 0) {
			if (!set_address(s, value))
				return false;
		} else if (strcmp(word, "strict") == 0)
			v->strict = atoi(value) != 0;
		else if (strcmp(word, "fast") == 0)
			v->fast_leave = atoi(value) != 0;
		else if (strcmp(word, "rv") == 0)
			v->timers.robustness = (uint32_t)atoi(value);
		else if (strcmp(word, "qi") == 0)
			v->timers.query_interval = (nsec)atoi(value) * NSEC_PER_SEC;
		else if (strcmp(word, "qri") == 0)
			v->timers.query_response = (nsec)atoi(value) * NSEC_PER_SEC;
		else if (strcmp(word, "lmi") == 0)
			v->timers.last_member_interval = (nsec)atoi(value) * NSEC_PER_SEC;
		else
			return script_fail(s, "no such setting: %s", word);
	}
	world_vlan_apply(s->w);
	return true;
}

static bool set_port(struct script *s)
{
	struct membership_port port = {.max_groups = 64, .max_sources = 8};
	char *word = script_word(s);

	if (!script_port(s, word, &port.id, NULL))
		return false;
	port.is_uplink = word[0] == 'u';
	while ((word = script_word(s)) != NULL) {
		if (strcmp(word, "router") == 0)
			port.router_allowed = true;
		else if (strncmp(word, "groups=", 7) == 0)
			port.max_groups = (uint32_t)atoi(word + 7);
		else if (strncmp(word, "sources=", 8) == 0)
			port.max_sources = (uint32_t)atoi(word + 8);
		else
			return script_fail(s, "no such setting: %s", word);
	}
	s->w->rc = membership_port_set(s->w->m, &port, s->w->now);
	return true;
}

static bool set_ports(struct script *s)
{
	struct bitset ports = {0};
	uint16_t port;
	char *word;

	while ((word = script_word(s)) != NULL) {
		if (!script_port(s, word, &port, NULL))
			return false;
		bitset_set(&ports, port);
	}
	membership_vlan_ports(s->w->m, SIM_VLAN, &ports, s->w->now);
	return true;
}

static bool set_static(struct script *s, bool add)
{
	struct membership_group g;
	struct ip_addr source;
	uint16_t port;
	unsigned int n;

	if (!script_port(s, script_word(s), &port, NULL) || !script_group(s, &g))
		return false;
	if (!script_sources(s, !ip_is_v4(&g.ip), &source, &n))
		return false;
	if (n == 0)
		source = ip_is_v4(&g.ip) ? ip_from_v4(0) : (struct ip_addr){{0}};
	s->w->rc = (add ? membership_static_add : membership_static_del)(
		s->w->m, SIM_VLAN, port, &g.ip, &source, s->w->now);
	return true;
}

static bool set_filter(struct script *s)
{
	struct mac_addr macs[MACS_MAX];
	struct membership_group g = {.is_mac = true};
	unsigned int n = 0;
	bool all = false;
	uint16_t port;
	char *word;

	if (!script_port(s, script_word(s), &port, NULL))
		return false;
	while ((word = script_word(s)) != NULL) {
		if (strcmp(word, "all") == 0)
			all = true;
		else if (mac_parse(word, &macs[n]) < 0)
			return script_fail(s, "no MAC: %s", word);
		else
			g.mac = macs[n++];
		if (n > 0)
			world_watch(s->w, &g);
	}
	s->w->rc = membership_filter_set(s->w->m, SIM_VLAN, port, macs, n, all, s->w->now);
	return true;
}

static bool set_restored(struct script *s)
{
	struct ip_addr sources[64];
	struct membership_group g;
	bool exclude;
	uint16_t port;
	unsigned int n;
	char *word;

	if (!script_port(s, script_word(s), &port, NULL))
		return false;
	word = script_word(s);
	exclude = word != NULL && strcmp(word, "exclude") == 0;
	if (!script_group(s, &g) || !script_sources(s, !ip_is_v4(&g.ip), sources, &n))
		return false;
	s->w->rc =
		membership_restore(s->w->m, SIM_VLAN, port, &g.ip, exclude, sources, n, s->w->now);
	return true;
}

static bool set_router(struct script *s, bool is_router)
{
	uint16_t port;

	if (!script_port(s, script_word(s), &port, NULL))
		return false;
	s->w->rc = membership_router_static(s->w->m, SIM_VLAN, port, is_router, s->w->now);
	return true;
}

static bool port_end(struct script *s, bool forget)
{
	uint16_t port;

	if (!script_port(s, script_word(s), &port, NULL))
		return false;
	(forget ? membership_port_del : membership_port_down)(s->w->m, port, s->w->now);
	return true;
}

bool script_do(struct script *s, const char *verb)
{
	if (strcmp(verb, "vlan") == 0)
		return set_vlan(s);
	if (strcmp(verb, "mute") == 0)
		return s->w->is_mute = true;
	if (strcmp(verb, "novlan") == 0) {
		membership_vlan_del(s->w->m, SIM_VLAN, s->w->now);
		return true;
	}
	if (strcmp(verb, "port") == 0)
		return set_port(s);
	if (strcmp(verb, "ports") == 0)
		return set_ports(s);
	if (strcmp(verb, "down") == 0 || strcmp(verb, "forget") == 0)
		return port_end(s, verb[0] == 'f');
	if (strcmp(verb, "static") == 0 || strcmp(verb, "nostatic") == 0)
		return set_static(s, verb[0] == 's');
	if (strcmp(verb, "filter") == 0)
		return set_filter(s);
	if (strcmp(verb, "restore") == 0)
		return set_restored(s);
	if (strcmp(verb, "router") == 0 || strcmp(verb, "norouter") == 0)
		return set_router(s, verb[0] == 'r');
	return script_message(s, verb);
}

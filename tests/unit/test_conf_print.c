/* SPDX-License-Identifier: BSD-3-Clause */
/* What conf_print writes, conf_load reads back to the same: for files and for random ones. */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "conf/conf.h"

static char *print(const struct conf *c)
{
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_int_equal(conf_print(c, out), 0);
	fclose(out);
	return text;
}

static struct conf *load(const char *text)
{
	struct conf_errors errors = {0};
	struct conf *c = conf_load_text("printed", text, strlen(text), &errors);

	if (c == NULL)
		fail_msg("%s\nof:\n%s", errors.text[0], text);
	return c;
}

#define SAME(a, b, member) assert_memory_equal(&(a)->member, &(b)->member, sizeof((a)->member))

static void vlans_equal(const struct conf_vlan *a, const struct conf_vlan *b)
{
	SAME(a, b, id);
	SAME(a, b, unregistered);
	SAME(a, b, strict);
	SAME(a, b, timers);
	SAME(a, b, querier);
	SAME(a, b, querier_address);
	SAME(a, b, fast_leave);
	assert_int_equal(a->n_router_ports, b->n_router_ports);
	for (size_t i = 0; i < a->n_router_ports; i++)
		assert_string_equal(a->router_ports[i], b->router_ports[i]);
	assert_int_equal(a->n_statics, b->n_statics);
	for (size_t i = 0; i < a->n_statics; i++) {
		const struct conf_static *s = &a->statics[i], *t = &b->statics[i];

		SAME(s, t, group);
		SAME(s, t, source);
		assert_int_equal(s->n_ports, t->n_ports);
		assert_memory_equal(s->ports, t->ports, s->n_ports * sizeof(*s->ports));
	}
}

static void teams_equal(const struct conf_team *a, const struct conf_team *b)
{
	SAME(a, b, name);
	SAME(a, b, policy);
	SAME(a, b, all_vlans);
	assert_int_equal(a->n_vlans, b->n_vlans);
	if (a->n_vlans > 0)
		assert_memory_equal(a->vlans, b->vlans, a->n_vlans * sizeof(*a->vlans));
	SAME(a, b, n_active);
	SAME(a, b, n_standby);
	SAME(a, b, active);
	SAME(a, b, standby);
	SAME(a, b, notify_switches);
	SAME(a, b, failback);
	SAME(a, b, replay_memberships);
	SAME(a, b, channel_replay);
	SAME(a, b, beacon_ms);
}

static void guests_equal(const struct conf_guest *a, const struct conf_guest *b)
{
	SAME(a, b, name);
	SAME(a, b, socket);
	SAME(a, b, device);
	SAME(a, b, mode);
	SAME(a, b, trunk);
	SAME(a, b, vlan);
	assert_int_equal(a->n_trunk, b->n_trunk);
	if (a->n_trunk > 0)
		assert_memory_equal(
			a->trunk_vlans, b->trunk_vlans, a->n_trunk * sizeof(*a->trunk_vlans));
	SAME(a, b, mac);
	SAME(a, b, qmp);
	SAME(a, b, router);
	SAME(a, b, limits);
	SAME(a, b, security);
}

static void confs_equal(const struct conf *a, const struct conf *b)
{
	SAME(a, b, control_socket);
	SAME(a, b, state_file);
	SAME(a, b, vhost_rings);
	SAME(a, b, idle_sleep_us);
	SAME(a, b, control);
	SAME(a, b, metrics);
	SAME(a, b, igmp);
	SAME(a, b, n_vlans);
	SAME(a, b, n_uplinks);
	SAME(a, b, n_teams);
	SAME(a, b, n_guests);
	for (size_t i = 0; i < a->n_vlans; i++)
		vlans_equal(&a->vlans[i], &b->vlans[i]);
	for (size_t i = 0; i < a->n_uplinks; i++) {
		SAME(&a->uplinks[i], &b->uplinks[i], name);
		SAME(&a->uplinks[i], &b->uplinks[i], device);
		SAME(&a->uplinks[i], &b->uplinks[i], link);
		SAME(&a->uplinks[i], &b->uplinks[i], poll_ms);
		SAME(&a->uplinks[i], &b->uplinks[i], debounce_ms);
		SAME(&a->uplinks[i], &b->uplinks[i], multicast);
	}
	for (size_t i = 0; i < a->n_teams; i++)
		teams_equal(&a->teams[i], &b->teams[i]);
	for (size_t i = 0; i < a->n_guests; i++)
		guests_equal(&a->guests[i], &b->guests[i]);
}

static void check_round_trip(const struct conf *c)
{
	char *text = print(c), *again;
	struct conf *back = load(text);

	confs_equal(c, back);
	again = print(back);
	assert_string_equal(text, again);
	conf_free(back);
	free(again);
	free(text);
}

static void test_files(void **state)
{
	static const char *const paths[] = {SOURCE_ROOT "/tests/unit/conf/interface.yaml",
		SOURCE_ROOT "/app/mcswitch/mcswitch.yaml"};
	struct conf_errors errors = {0};
	struct conf *c;

	for (size_t i = 0; i < 2; i++) {
		c = conf_load(paths[i], &errors);
		assert_non_null(c);
		check_round_trip(c);
		conf_free(c);
	}
	c = conf_new();
	check_round_trip(c);
	conf_free(c);
}

static void test_texts_that_yaml_could_misread(void **state)
{
	static const char *const args[] = {"null=/a b", "true=/run/x: y", "1e3=/# no comment",
		"0x1f=/\"quoted\" \\ back", "1.2.3.4=/'single'", "no=/[brackets]", "y=/{braces}",
		"012=/%percent", "on=/@at`tick", "a-=device:- dash", "b=device:net_tap0",
		"c=/ends with colon:", "d=device: leading and trailing "};
	struct conf *c = conf_new();
	struct conf_errors errors = {0};
	struct error err;

	for (size_t i = 0; i < sizeof(args) / sizeof(args[0]); i++)
		assert_int_equal(conf_add_guest_arg(c, args[i], &err), 0);
	assert_int_equal(conf_validate(c, &errors), 0);
	check_round_trip(c);
	conf_free(c);
}

static unsigned int seed;

static uint32_t below(uint32_t n)
{
	return ((uint32_t)rand_r(&seed) << 16 ^ (uint32_t)rand_r(&seed)) % n;
}

static uint32_t between(uint32_t lo, uint32_t hi)
{
	return lo + below(hi - lo + 1);
}

/* A text of length n of any printable characters, made unique by its beginning. */
static void random_text(char *out, const char *begin, uint32_t n)
{
	uint32_t i = (uint32_t)strlen(begin);

	strcpy(out, begin);
	for (; i < n; i++)
		out[i] = (char)between(' ', '~');
	out[i] = '\0';
}

static uint16_t *random_vlans(size_t *n)
{
	uint16_t *ids = calloc(8, sizeof(*ids)), id = 0;

	*n = between(1, 8);
	for (size_t i = 0; i < *n; i++) {
		ids[i] = id;
		id = (uint16_t)(id + between(1, 500));
	}
	return ids;
}

static struct ip_addr random_group(uint16_t i)
{
	struct ip_addr ip = {.b = {0xff, 0x35, [8] = (uint8_t)below(256), [13] = 1,
				     (uint8_t)(i >> 8), (uint8_t)i}};

	return below(2) ? ip : ip_from_v4(htonl(0xe8000000 + (below(256) << 16) + i + 1));
}

static void random_static(struct conf_static *s, const struct conf *c, uint16_t i)
{
	s->group = random_group(i);
	if (ip_is_v4(&s->group))
		s->source = ip_from_v4(below(2) ? 0 : htonl(0x0a000001 + below(1000)));
	else
		s->source = (struct ip_addr){
			.b = {[15] = (uint8_t)below(2), [0] = 0x20 * s->source.b[15]}};
	s->n_ports = 1;
	s->ports = calloc(1, sizeof(*s->ports));
	strcpy(s->ports[0], c->guests[below((uint32_t)c->n_guests)].name);
}

static void random_vlan(struct conf_vlan *v, const struct conf *c, uint16_t id)
{
	conf_vlan_defaults(v, id);
	v->unregistered = below(3);
	v->strict = below(2);
	v->timers.robustness = between(1, 7);
	v->timers.query_interval_ms = between(3174401, 31744000);
	v->timers.query_response_ms = between(100, 3174400);
	v->timers.last_member_interval_ms = between(100, 3174400);
	v->querier = below(3);
	v->querier_address = ip_from_v4(htonl(below(0xe0000000)));
	v->fast_leave = below(2);
	if (id != 20)
		return;
	v->n_router_ports = below(2);
	v->router_ports = calloc(1, sizeof(*v->router_ports));
	strcpy(v->router_ports[0], c->guests[below((uint32_t)c->n_guests)].name);
	v->n_statics = below(5);
	v->statics = calloc(5, sizeof(*v->statics));
	for (size_t i = 0; i < v->n_statics; i++)
		random_static(&v->statics[i], c, (uint16_t)i);
}

static void random_guest(struct conf_guest *g, unsigned int i)
{
	char begin[32];

	snprintf(g->name, sizeof(g->name), "%x_-.%u", below(16), i);
	snprintf(begin, sizeof(begin), "%u/", i);
	if (below(4) == 0)
		random_text(g->device, begin, between(5, 127));
	else
		random_text(g->socket, begin, between(5, 107));
	g->mode = g->socket[0] != '\0' ? below(2) : CONF_MODE_SERVER;
	g->vlan = 20; /* so that static entries may name any guest */
	snprintf(begin, sizeof(begin), "q%u/", i);
	if (below(2))
		random_text(g->qmp, begin, between(5, 107));
	g->mac = (struct mac_addr){
		{0x52, (uint8_t)below(256), (uint8_t)below(256), 0, 0, (uint8_t)i}};
	g->router = below(2);
	g->limits.groups = below(65537);
	g->limits.sources = below(4097);
	g->limits.reports_per_s = below(1000001);
	g->security.promiscuous = below(2);
	g->security.mac_changes = below(2);
	g->security.forged_transmits = below(2);
}

static void random_trunk(struct conf_guest *g)
{
	g->vlan = 0;
	g->trunk = true;
	g->trunk_vlans = random_vlans(&g->n_trunk);
}

static void random_teams(struct conf *c)
{
	c->n_uplinks = between(1, 16);
	c->uplinks = calloc(c->n_uplinks, sizeof(*c->uplinks));
	c->n_teams = 1;
	c->teams = calloc(1, sizeof(*c->teams));
	strcpy(c->teams[0].name, "default");
	for (unsigned int i = 0; i < c->n_uplinks; i++) {
		struct conf_team *t = &c->teams[0];
		char begin[32];

		snprintf(begin, sizeof(begin), "%u-", i);
		random_text(c->uplinks[i].device, begin, between(4, 127));
		snprintf(c->uplinks[i].name, sizeof(c->uplinks[i].name), "up%u", i);
		c->uplinks[i].link = between(CONF_LINK_UNSET, CONF_LINK_KERNEL);
		c->uplinks[i].poll_ms = between(0, 1) ? between(10, 60000) : 0;
		c->uplinks[i].debounce_ms = between(0, 60000);
		c->uplinks[i].multicast = between(CONF_FILTER_UNSET, CONF_FILTER_ALL);
		if (i == 0 || below(2))
			strcpy(t->active[t->n_active++], c->uplinks[i].name);
		else
			strcpy(t->standby[t->n_standby++], c->uplinks[i].name);
	}
	c->teams[0].policy = (uint8_t)below(4);
	c->teams[0].all_vlans = below(2);
	if (!c->teams[0].all_vlans)
		c->teams[0].vlans = random_vlans(&c->teams[0].n_vlans);
	c->teams[0].failback = below(2);
	c->teams[0].notify_switches = below(2);
	c->teams[0].replay_memberships = below(2);
	c->teams[0].channel_replay = below(2);
	c->teams[0].beacon_ms = below(60001);
}

static struct conf *random_conf(void)
{
	static const enum conf_igmp_version versions[] = {
		CONF_IGMP_V2, CONF_IGMP_V3, CONF_IGMP_AUTO};
	struct conf *c = conf_new();

	memset(c->control_socket, 0, sizeof(c->control_socket));
	random_text(c->control_socket, "c/", between(3, 107));
	memset(c->state_file, 0, sizeof(c->state_file));
	random_text(c->state_file, "", between(1, 255));
	c->vhost_rings = below(2) ? CONF_RINGS_LIBRARY : CONF_RINGS_OWN;
	c->idle_sleep_us = below(1001);
	if (below(2))
		strcpy(c->metrics.listen, below(2) ? "[::1]:9464" : "/run/metrics.sock");
	if (below(2))
		strcpy(c->control.group, "kvm");
	if (below(2))
		strcpy(c->control.read_group, "1000");
	c->igmp.version = versions[below(3)];
	c->igmp.queries = below(101);
	c->igmp.query_gap_ms = between(1, 60000);
	c->igmp.router_address = ip_from_v4(htonl(between(1, 0xdfffffff)));
	random_teams(c);
	c->n_guests = between(1, 20);
	c->guests = calloc(c->n_guests + 1, sizeof(*c->guests));
	for (unsigned int i = 0; i < c->n_guests; i++)
		random_guest(&c->guests[i], i);
	c->n_vlans = 3;
	c->vlans = calloc(3, sizeof(*c->vlans));
	for (unsigned int i = 0; i < 3; i++)
		random_vlan(&c->vlans[i], c, (uint16_t)(i * 20));
	if (below(2)) {
		random_guest(&c->guests[c->n_guests], 200);
		random_trunk(&c->guests[c->n_guests++]);
	}
	return c;
}

static void test_random_configurations(void **state)
{
	struct conf_errors errors = {0};

	for (seed = 1; seed <= 500; seed++) {
		unsigned int keep = seed;
		struct conf *c = random_conf();

		if (conf_validate(c, &errors) != 0)
			fail_msg("seed %u: %s", keep, errors.text[0]);
		check_round_trip(c);
		conf_free(c);
		seed = keep;
	}
}

static void test_output_that_fails(void **state)
{
	struct conf *c = conf_new();
	FILE *full = fopen("/dev/full", "w");

	if (full == NULL) {
		conf_free(c);
		skip();
	}
	assert_int_equal(conf_print(c, full), -EIO);
	fclose(full);
	conf_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_texts_that_yaml_could_misread),
		cmocka_unit_test(test_random_configurations),
		cmocka_unit_test(test_output_that_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

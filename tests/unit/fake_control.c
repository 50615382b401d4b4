/* SPDX-License-Identifier: BSD-3-Clause */
#include "fake_control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOW (100000 * NSEC_PER_SEC)

static const struct control *scene; /* membership's walks are given no control */

static struct conf_guest vm1 = {
	.name = "vm1",
	.socket = "/run/mcswitch/vm1.sock",
	.vlan = 20,
	.limits = {1024, 64, 1000},
};

static const uint16_t trunk[] = {20, 30};

static const struct control_port ports[] = {
	{.id = 0,
		.name = "up0",
		.is_uplink = true,
		.kind = "net_tap",
		.device = "net_tap0",
		.up = true,
		.admin_up = true,
		.mac_origin = "",
		.worker = 1,
		.numa_node = 0,
		.carrier = "",
		.team = "team0",
		.role = "active",
		.in_use = true,
		.rx_packets = 100,
		.rx_bytes = 6400,
		.rx_pps = 100,
		.since = NOW - 5 * NSEC_PER_SEC,
		.multicast_filter = "list of 2",
		.unicast_filter = "promiscuous",
		.link_mode = "kernel carrier of up0",
		.profile = "tap.yaml"},
	{.id = 1,
		.name = "vm1",
		.kind = "vhost-user",
		.device = "/run/mcswitch/vm1.sock",
		.up = true,
		.admin_up = true,
		.vlan = 20,
		.mac = {{0x00, 0x50, 0x56, 0xa2, 0x7d, 0x63}},
		.mac_origin = "learnt",
		.worker = 1,
		.numa_node = 1,
		.carrier = "up0",
		.tx_packets = 90,
		.tx_pps = 90,
		.tx_dropped = 3,
		.since = NOW - 3600 * NSEC_PER_SEC,
		.n_rows = 3,
		.ring_faults = 2},
	{.id = 2,
		.name = "vm2",
		.kind = "vhost-user",
		.device = "/run/mcswitch/vm2.sock",
		.admin_up = true,
		.trunk = true,
		.trunk_vlans = trunk,
		.n_trunk_vlans = 2,
		.mac_origin = "",
		.worker = 1,
		.numa_node = -1,
		.carrier = "",
		.since = NOW},
};

#define N_PORTS (sizeof(ports) / sizeof(ports[0]))

void fake_control_init(struct control *c, struct event_base *base)
{
	*c = (struct control){.base = base, .conf = {.n_guests = 1, .guests = &vm1}};
	scene = c;
}

static const struct control_event event = {
	.number = 7,
	.at = NOW,
	.at_realtime_ms = 1795770000123,
	.type = "link",
	.text = "up0 is up",
	.port = "up0",
	.vlan = -1,
};

void fake_control_tell(struct control *c, const char *text)
{
	struct control_event e = event;

	snprintf(e.text, sizeof(e.text), "%.200s", text);
	for (struct control_watcher *w = c->watchers; w != NULL; w = w->next)
		w->told(w, &e);
}

static int act(struct control *c, struct error *err, const char *verb, const char *a, const char *b)
{
	snprintf(c->last, sizeof(c->last), "%s %s %s", verb, a, b);
	if (c->refuse)
		return error_set(err, -ENOENT, "there is no '%s'", a);
	fake_control_tell(c, c->last);
	return 0;
}

int control_guest_add(struct control *c, const struct conf_guest *guest, struct error *err)
{
	return act(c, err, "add", guest->name, guest->socket);
}

int control_guest_del(struct control *c, const char *name, struct error *err)
{
	return act(c, err, "del", name, "");
}

int control_guest_query(struct control *c, const char *name, struct error *err)
{
	return act(c, err, "query", name, "");
}

int control_guest_migrated(struct control *c, const char *name, struct error *err)
{
	return act(c, err, "migrated", name, "");
}

int control_guest_export(struct control *c, const char *name, json_t **out, struct error *err)
{
	int rc = act(c, err, "export", name, "");

	if (rc < 0)
		return rc;
	*out = json_loads("{\"version\":1,\"guest\":\"vm1\",\"igmp_version\":3,\"mld_version\":0,"
			  "\"rows\":[{\"vlan\":20,\"group\":\"239.1.1.1\",\"mode\":\"exclude\","
			  "\"sources\":[]}]}",
		0, NULL);
	return 0;
}

int control_guest_import(struct control *c, const char *name, const json_t *handover, bool append,
	struct control_import *out, struct error *err)
{
	size_t n = json_array_size(json_object_get(handover, "rows"));

	*out = (struct control_import){.n_admitted = (unsigned int)n};
	return act(c, err, append ? "import more" : "import", name, "");
}

const char *control_sign_name(unsigned int sign)
{
	return sign == 0 ? "vring" : NULL;
}

int control_igmp_set(struct control *c, const char *key, const char *value, struct error *err)
{
	return act(c, err, "set", key, value);
}

int control_vlan_set(
	struct control *c, uint16_t vlan, const char *key, const char *value, struct error *err)
{
	char what[96];

	snprintf(what, sizeof(what), "%u %s", vlan, key);
	return act(c, err, "vlan", what, value);
}

int control_static_set(struct control *c, bool add, uint16_t vlan, const char *group,
	const char *source, const char *port, struct error *err)
{
	char what[96];

	snprintf(what, sizeof(what), "%u %s %s", vlan, group, source != NULL ? source : "*");
	return act(c, err, add ? "static" : "no static", what, port);
}

int control_team_set(
	struct control *c, const char *team, const char *key, const char *value, struct error *err)
{
	char what[96];

	snprintf(what, sizeof(what), "%s %s", key, value);
	return act(c, err, "team", team, what);
}

int control_capture_start(struct control *c, const char *port, const char *group, uint64_t count,
	const struct control_capture_sink *sink, struct error *err)
{
	char what[96];

	snprintf(what, sizeof(what), "%s %llu", group != NULL ? group : "all",
		(unsigned long long)count);
	return act(c, err, "capture", port != NULL ? port : "all", what);
}

void control_capture_stop(struct control *c) {}

void control_capture_abort(struct control *c) {}

int control_reload(struct control *c, struct error *err)
{
	return act(c, err, "reload", "", "");
}

int control_uplink_admin(struct control *c, const char *name, bool up, struct error *err)
{
	return act(c, err, "admin", name, up ? "up" : "down");
}

const struct conf *control_conf(const struct control *c)
{
	return &c->conf;
}

void control_status(const struct control *c, struct control_status *out)
{
	*out = (struct control_status){
		.version = "0.1.0",
		.dpdk_version = "DPDK 22.11.11",
		.uptime = 3661 * NSEC_PER_SEC,
		.n_workers = 1,
		.n_ports = 3,
		.n_guests = 2,
		.n_uplinks = 1,
		.n_groups = 3,
		.n_rows = 3,
		.mbufs_in_use = 512,
		.mbufs_total = 8192,
		.rx = 100,
		.injected = 4,
		.references = 6,
		.tx = 95,
		.punted = 5,
		.dropped = 10,
		.law_holds = true,
	};
}

void control_ports(const struct control *c, control_port_fn *fn, void *ctx)
{
	for (size_t i = 0; i < N_PORTS && fn(&ports[i], ctx); i++)
		;
}

const char *control_port_name(const struct control *c, uint16_t id)
{
	return id < N_PORTS ? ports[id].name : "?";
}

int control_port_find(const struct control *c, const char *name)
{
	for (size_t i = 0; i < N_PORTS; i++) {
		if (strcmp(ports[i].name, name) == 0)
			return (int)i;
	}
	return -ENOENT;
}

void control_drops(const struct control *c, control_drop_fn *fn, void *ctx)
{
	static const struct control_drop drops[] = {
		{"malformed", "the frame contradicts itself", NULL, 7, false},
		{"guest_full", "the guest's ring had no room", NULL, 3, true},
		{"no_member", "nobody wants this group", NULL, 0, true},
		{"guest_full", "the guest's ring had no room", "vm1", 3, false},
		{"guest_full", "the guest's ring had no room", "vm2", 0, false},
	};

	for (size_t i = 0; i < sizeof(drops) / sizeof(drops[0]) && fn(&drops[i], ctx); i++)
		;
}

void control_groups(const struct control *c, control_group_fn *fn, void *ctx)
{
	struct control_group group = {.vlan = 20, .packets = 1234, .pps = 50, .n_ports = 2};

	ip_parse("239.1.1.1", &group.group.ip);
	if (!fn(&group, ctx))
		return;
	group.group = (struct membership_group){.is_mac = true, .mac = {{1, 0, 0x5e, 1, 1, 1}}};
	for (unsigned int i = 0; i <= c->n_extra_rows; i++) {
		group.vlan = (uint16_t)(30 + i % 1000);
		if (!fn(&group, ctx))
			return;
	}
}

void control_messages(const struct control *c, control_message_fn *fn, void *ctx)
{
	const struct control_message message = {
		.port = "up0", .type = "query", .version = 3, .count = 12};

	fn(&message, ctx);
}

uint64_t control_group_packets(
	const struct control *c, uint16_t vlan, const struct membership_group *group)
{
	return group->is_mac ? 0 : 1234;
}

uint32_t control_group_pps(
	const struct control *c, uint16_t vlan, const struct membership_group *group)
{
	return group->is_mac ? 0 : 1234;
}

void control_cores(const struct control *c, control_core_fn *fn, void *ctx)
{
	const struct control_core control = {.lcore = 0, .is_control = true};
	const struct control_core worker = {.lcore = 1,
		.numa_node = 1,
		.n_ports = 3,
		.turns = 1000,
		.busy_turns = 250,
		.rx = 100,
		.tx = 95,
		.cycles_busy = 20000,
		.rx_pps = 10,
		.tx_pps = 9,
		.busy_permille = 123,
		.cycles_per_frame = 210,
		.bursts = {10, 5, 0, 10},
		.fanouts = {90, 5},
		.ways = 100,
		.punt_ring_size = 1024,
		.inject_ring_fill = 2,
		.inject_ring_size = 4096};

	fn(&control, ctx);
	fn(&worker, ctx);
}

void control_teams(const struct control *c, control_team_fn *fn, void *ctx)
{
	static const char *const active[] = {"up0"};
	const struct control_team team = {.name = "team0",
		.policy = "port-id",
		.failback = true,
		.beacon_ms = 100,
		.active = active,
		.n_active = 1,
		.n_guests = 2,
		.failover = {.at = NOW - 7 * NSEC_PER_SEC,
			.to_publish = 340000,
			.to_first_replay = 51000,
			.to_last_replay = 62000,
			.n_guests = 2,
			.n_replays = 3}};

	fn(&team, ctx);
}

void control_carried(const struct control *c, uint16_t uplink, control_carried_fn *fn, void *ctx)
{
	fn("vm1", ctx);
}

const struct membership *control_membership(const struct control *c)
{
	return NULL;
}

unsigned int control_vlans(const struct control *c, uint16_t *out, unsigned int max)
{
	memcpy(out, trunk, sizeof(trunk));
	return 2;
}

nsec control_now(const struct control *c)
{
	return NOW;
}

void control_events(const struct control *c, uint64_t from,
	bool (*fn)(const struct control_event *e, void *ctx), void *ctx)
{
	if (from <= event.number)
		fn(&event, ctx);
}

void control_watch(struct control *c, struct control_watcher *w)
{
	w->next = c->watchers;
	c->watchers = w;
}

void control_unwatch(struct control *c, struct control_watcher *w)
{
	for (struct control_watcher **p = &c->watchers; *p != NULL; p = &(*p)->next) {
		if (*p == w) {
			*p = w->next;
			return;
		}
	}
}

struct event_base *control_event_base(const struct control *c)
{
	return c->base;
}

static struct ip_addr ip(const char *text)
{
	struct ip_addr a;

	ip_parse(text, &a);
	return a;
}

static bool wanted(const struct membership_row *row, uint16_t vlan, uint16_t port,
	const struct membership_group *group)
{
	return (vlan == UINT16_MAX || vlan == row->vlan) &&
	       (port == UINT16_MAX || port == row->port) &&
	       (group == NULL || (group->is_mac == row->group.is_mac &&
					 ip_equal(&group->ip, &row->group.ip)));
}

void membership_walk(const struct membership *m, uint16_t vlan, uint16_t port,
	const struct membership_group *group, membership_row_fn *fn, void *ctx)
{
	const struct membership_row_source sources[] = {
		{ip("10.0.0.8"), true, NOW + 100 * NSEC_PER_SEC},
		{ip("10.0.0.9"), false, NSEC_NEVER},
	};
	const struct membership_row_source requested[] = {
		{ip("10.0.0.8"), true, NOW + 200 * NSEC_PER_SEC}};
	struct membership_row rows[] = {
		{20, 1, {.ip = ip("239.1.1.1")}, ORIGIN_SNOOPED, true, 2, NOW - 60 * NSEC_PER_SEC,
			NOW + 200 * NSEC_PER_SEC, 3},
		{20, 1, {.ip = ip("232.1.1.1")}, ORIGIN_SNOOPED, false, 1, NOW - NSEC_PER_SEC,
			NSEC_NEVER, 3},
		{30, 2, {.is_mac = true, .mac = {{1, 0, 0x5e, 1, 1, 1}}}, ORIGIN_FILTER, true, 0,
			NOW, NSEC_NEVER, 0},
		{30, 2, {.ip = ip("ff05::1234")}, ORIGIN_STATIC, true, 0, NOW, NSEC_NEVER, 0},
	};
	const struct membership_row_source *of[] = {sources, requested, NULL, NULL};

	for (size_t i = 0; i < 4; i++) {
		if (wanted(&rows[i], vlan, port, group) && !fn(&rows[i], of[i], ctx))
			return;
	}
	for (unsigned int i = 0; i < scene->n_extra_rows && group == NULL; i++) {
		if (!fn(&rows[3], NULL, ctx))
			return;
	}
}

void membership_walk_reporters(const struct membership *m, uint16_t vlan,
	bool (*fn)(const struct membership_reporter *r, void *ctx), void *ctx)
{
	struct membership_reporter r = {.vlan = vlan,
		.port = 1,
		.group = ip("239.1.1.1"),
		.source = ip("0.0.0.0"),
		.address = ip("10.115.172.104"),
		.mac = ports[1].mac,
		.since = NOW - 8998 * NSEC_PER_SEC,
		.last_join = NOW - 97 * NSEC_PER_SEC};

	if (vlan != 20 || !fn(&r, ctx))
		return;
	r.address = ip("10.115.172.105");
	r.last_leave = NOW - NSEC_PER_SEC;
	if (!fn(&r, ctx))
		return;
	r.group = ip("239.2.2.2");
	fn(&r, ctx);
}

void membership_querier(
	const struct membership *m, uint16_t vlan, bool v6, struct membership_querier_info *out)
{
	*out = (struct membership_querier_info){.expires = NSEC_NEVER};
	if (vlan != 20 || v6)
		return;
	out->known = true;
	out->version = 3;
	out->address = ip("192.168.20.1");
	out->since = NOW - 10 * NSEC_PER_SEC;
	out->expires = NOW + 245 * NSEC_PER_SEC;
	out->timers =
		(struct membership_timers){2, 125 * NSEC_PER_SEC, 10 * NSEC_PER_SEC, NSEC_PER_SEC};
}

/* The name, and the whole argument where it can be seen. */
int conf_guest_parse(const char *arg, struct conf_guest *out, struct error *err)
{
	const char *equals = strchr(arg, '=');

	memset(out, 0, sizeof(*out));
	if (equals == NULL || equals - arg >= CONF_NAME_SIZE)
		return error_set(err, -EINVAL, "'%s': expected NAME=SOCKET", arg);
	memcpy(out->name, arg, (size_t)(equals - arg));
	snprintf(out->socket, sizeof(out->socket), "%s", equals + 1);
	return 0;
}

void conf_guest_fini(struct conf_guest *g) {}

const struct membership_counters *membership_port_counters(
	const struct membership *m, uint16_t port)
{
	static const struct membership_counters vm1 = {
		.queries_tx = {{0, 0, 0, 2}, {0, 0, 1}},
		.reports_rx = {{0, 0, 1, 7}, {0, 0, 3}},
		.leaves_rx = {4, 0},
		.mrd_rx = 1,
		.odd_ttl = 5,
		.sources_capped = 6,
	};

	return port == 1 ? &vm1 : NULL;
}

void membership_router_ports(const struct membership *m, uint16_t vlan, struct bitset *out)
{
	*out = (struct bitset){{1}};
}

int conf_print(const struct conf *c, FILE *out)
{
	return fprintf(out, "control_socket: %s\n", c->control_socket) > 0 ? 0 : -EIO;
}

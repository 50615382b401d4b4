/* SPDX-License-Identifier: BSD-3-Clause */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "model.h"

/*
 * Random events given to the machine and to the naive model; after each, whatever can be asked of
 * the one must be what the other says, and changes of forwarding must have been told, no others.
 *
 *   property [events [seed]]
 */
#define BIRTH      (1000 * NSEC_PER_SEC)
#define RUN_EVENTS 2000u /* then a new machine, with other settings */
#define VLAN       7
#define UPLINK     2 /* the model's port */

#define N_WATCHED (MODEL_GROUPS + MODEL_MACS)

struct answer {
	bool exists;
	bool members[MODEL_PORTS];
	bool from[MODEL_SOURCES][MODEL_PORTS];
};

struct property {
	uint64_t seed, state;
	uint64_t n_events;
	struct membership *m;
	struct model model;
	nsec now;
	struct answer last[N_WATCHED];
	bool told[N_WATCHED];
	char event[256];
};

static uint64_t random_next(struct property *p)
{
	p->state ^= p->state << 13;
	p->state ^= p->state >> 7;
	p->state ^= p->state << 17;
	return p->state * 0x2545f4914f6cdd1dULL >> 16;
}

static unsigned int random_below(struct property *p, unsigned int n)
{
	return (unsigned int)(random_next(p) % n);
}

static void fail(const struct property *p, const char *fmt, ...)
	__attribute__((format(printf, 2, 3), noreturn));

static void fail(const struct property *p, const char *fmt, ...)
{
	va_list ap;

	printf("event %" PRIu64 " at %.1f (%s): ", p->n_events, (double)(p->now - BIRTH) / 1e9,
		p->event);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\nrepeat with: property %" PRIu64 " %" PRIu64 "\n", p->n_events + 1, p->seed);
	exit(1);
}

static struct ip_addr address_of(const char *text)
{
	struct ip_addr a;

	if (ip_parse(text, &a) < 0)
		abort();
	return a;
}

static struct ip_addr group_of(int group)
{
	static const char *const text[MODEL_GROUPS] = {
		"239.1.1.1", "224.129.1.1", "232.1.2.3", "ff15::1"};

	return address_of(text[group]);
}

static struct ip_addr source_of(int s, bool v6)
{
	struct ip_addr a = address_of(v6 ? "2001:db8::" : "10.9.0.0");

	a.b[15] = (uint8_t)(s + 1);
	return a;
}

static struct mac_addr mac_of(int mac)
{
	struct ip_addr g = group_of(mac == 0 ? 0 : 3);

	return mac_from_group(&g);
}

static struct membership_group watched(int i)
{
	if (i < MODEL_GROUPS)
		return (struct membership_group){.ip = group_of(i)};
	return (struct membership_group){.is_mac = true, .mac = mac_of(i - MODEL_GROUPS)};
}

static void group_changed(void *ctx, uint16_t vlan, const struct membership_group *group)
{
	struct property *p = ctx;

	for (int i = 0; i < N_WATCHED; i++) {
		struct membership_group w = watched(i);

		if (w.is_mac == group->is_mac &&
			(w.is_mac ? mac_equal(&w.mac, &group->mac) : ip_equal(&w.ip, &group->ip)))
			p->told[i] = true;
	}
}

static void machine_create(struct property *p)
{
	const struct membership_sink sink = {.ctx = p, .group_changed = group_changed};
	struct membership_vlan vlan = {
		.id = VLAN,
		.timers = {MODEL_RV, MODEL_QI, MODEL_QRI, MODEL_LMI},
		.querier = random_below(p, 2) ? QUERIER_AUTO : QUERIER_OFF,
		.fast_leave = random_below(p, 2),
	};
	struct bitset ports = {0};

	vlan.querier_address[0] = ip_from_v4(0);
	p->now = BIRTH;
	p->m = membership_create(&sink, random_next(p), p->now);
	membership_vlan_set(p->m, &vlan, p->now);
	for (uint16_t i = 0; i < MODEL_PORTS; i++) {
		struct membership_port port = {
			.id = i, .is_uplink = i == UPLINK, .max_groups = 64, .max_sources = 64};

		membership_port_set(p->m, &port, p->now);
		bitset_set(&ports, i);
	}
	membership_vlan_ports(p->m, VLAN, &ports, p->now);
	model_init(&p->model, p->now, vlan.fast_leave, vlan.querier == QUERIER_AUTO);
	memset(p->last, 0, sizeof(p->last));
	memset(p->told, 0, sizeof(p->told));
}

static size_t octets_put(uint8_t *at, const struct ip_addr *a, bool v6)
{
	memcpy(at, &a->b[v6 ? 0 : 12], v6 ? 16 : 4);
	return v6 ? 16 : 4;
}

static size_t sources_put(uint8_t *at, sources set, bool v6, uint16_t *n)
{
	size_t size = 0;

	*n = 0;
	for (int s = 0; s < MODEL_SOURCES; s++) {
		struct ip_addr a = source_of(s, v6);

		if (!(set >> s & 1))
			continue;
		size += octets_put(at + size, &a, v6);
		(*n)++;
	}
	return size;
}

static void send(struct property *p, int port, int host, struct group_msg *msg)
{
	struct mac_addr mac = {{2, 0, 0, 0, (uint8_t)port, (uint8_t)host}};

	membership_message_seen(p->m, VLAN, (uint16_t)port, &mac, msg, p->now);
}

static struct ip_addr host_of(int port, int host, bool v6)
{
	struct ip_addr a = address_of(v6 ? "fe80::" : "10.0.0.0");

	a.b[14] = (uint8_t)port;
	a.b[15] = (uint8_t)(host + 1);
	return a;
}

static void event_record(struct property *p, int group, int port, int host)
{
	enum group_record_type type = (enum group_record_type)(1 + random_below(p, 6));
	sources set = random_below(p, 3) ? random_below(p, 1 << MODEL_SOURCES) : 0;
	uint8_t body[4 + 16 * (1 + MODEL_SOURCES)] = {(uint8_t)type};
	struct ip_addr g = group_of(group);
	bool v6 = model_is_v6(group);
	struct group_msg msg = {.type = GROUP_MSG_RECORDS, .v6 = v6, .n_records = 1, .body = body};
	uint16_t n;

	msg.version = v6 ? 2 : 3;
	msg.source = host_of(port, host, v6);
	msg.body_size = 4 + octets_put(body + 4, &g, v6);
	msg.body_size += sources_put(body + msg.body_size, set, v6, &n);
	body[3] = (uint8_t)n;
	snprintf(p->event, sizeof(p->event), "p%d.%d record %d group %d sources %x", port, host,
		type, group, set);
	send(p, port, host, &msg);
	model_record(&p->model, group, port, host, 3, type, set);
}

static void event_older(struct property *p, int group, int port, int host)
{
	bool v6 = model_is_v6(group);
	bool leave = random_below(p, 2);
	int version = leave || v6 || random_below(p, 8) ? 2 : 1; /* as IGMP counts them */
	struct group_msg msg = {.type = leave ? GROUP_MSG_LEAVE : GROUP_MSG_REPORT, .v6 = v6};

	msg.version = (uint8_t)(v6 ? 1 : version);
	msg.group = group_of(group);
	msg.source = host_of(port, host, v6);
	snprintf(p->event, sizeof(p->event), "p%d.%d v%d %s group %d", port, host, version,
		leave ? "leave" : "report", group);
	send(p, port, host, &msg);
	model_record(&p->model, group, port, host, version,
		leave ? GROUP_RECORD_TO_IN : GROUP_RECORD_IS_EX, 0);
}

static void event_query(struct property *p, int group)
{
	bool general = random_below(p, 3) == 0;
	sources set = random_below(p, 2) ? random_below(p, 1 << MODEL_SOURCES) : 0;
	bool v6 = model_is_v6(group);
	uint8_t body[16 * MODEL_SOURCES];
	struct group_msg msg = {.type = GROUP_MSG_QUERY, .v6 = v6, .body = body};

	if (general)
		set = 0;
	msg.version = v6 ? 2 : 3;
	msg.source = address_of(v6 ? "fe80::99" : "10.0.0.99");
	msg.group = general ? (v6 ? (struct ip_addr){{0}} : ip_from_v4(0)) : group_of(group);
	msg.max_response = MODEL_LMI;
	msg.suppress = random_below(p, 4) == 0;
	msg.body_size = sources_put(body, set, v6, &msg.n_sources);
	snprintf(p->event, sizeof(p->event), "query group %d sources %x%s%s", group, set,
		general ? " general" : "", msg.suppress ? " s" : "");
	send(p, UPLINK, 0, &msg);
	model_query(&p->model, v6, general ? -1 : group, set, msg.suppress);
}

static void event_static(struct property *p, int group, int port)
{
	struct model_row *r = &p->model.row[group][port];
	int s = (int)random_below(p, MODEL_SOURCES + 1) - 1;
	bool add = random_below(p, 2);
	bool v6 = model_is_v6(group);
	struct ip_addr g = group_of(group);
	struct ip_addr source = s >= 0 ? source_of(s, v6)
				: v6   ? (struct ip_addr){{0}}
				       : ip_from_v4(0);

	snprintf(p->event, sizeof(p->event), "p%d static %d group %d source %d", port, add, group,
		s);
	(add ? membership_static_add : membership_static_del)(
		p->m, VLAN, (uint16_t)port, &g, &source, p->now);
	if (s < 0)
		r->static_any = add;
	else
		r->static_sources = (r->static_sources & ~(1u << s)) | (sources)add << s;
}

static void event_filter(struct property *p, int port)
{
	bool all = random_below(p, 4) == 0;
	struct mac_addr macs[MODEL_MACS];
	unsigned int n = 0;

	for (int i = 0; i < MODEL_MACS; i++) {
		p->model.filter[i][port] = random_below(p, 2);
		if (p->model.filter[i][port])
			macs[n++] = mac_of(i);
	}
	p->model.filter_all[port] = all;
	snprintf(p->event, sizeof(p->event), "p%d filter of %u%s", port, n, all ? " all" : "");
	membership_filter_set(p->m, VLAN, (uint16_t)port, macs, n, all, p->now);
}

static void event_restore(struct property *p, int group, int port)
{
	sources set = random_below(p, 1 << MODEL_SOURCES);
	bool exclude = random_below(p, 2);
	struct ip_addr g = group_of(group), list[MODEL_SOURCES];
	unsigned int n = 0;

	for (int s = 0; s < MODEL_SOURCES; s++) {
		if (set >> s & 1)
			list[n++] = source_of(s, model_is_v6(group));
	}
	snprintf(p->event, sizeof(p->event), "p%d restore group %d %d sources %x", port, group,
		exclude, set);
	membership_restore(p->m, VLAN, (uint16_t)port, &g, exclude, list, n, p->now);
	model_record(&p->model, group, port, -1, 3,
		exclude ? GROUP_RECORD_IS_EX : GROUP_RECORD_IS_IN, set);
}

static void time_pass(struct property *p)
{
	unsigned int r = random_below(p, 16);

	if (r < 6)
		return;
	p->now += (r < 15 ? random_below(p, 12) : random_below(p, 300)) * 100 * NSEC_PER_MS;
	if (random_below(p, 2)) /* else the event itself must let time pass */
		membership_advance(p->m, p->now);
	model_advance(&p->model, p->now);
}

static void event_do(struct property *p)
{
	int group = (int)random_below(p, MODEL_GROUPS), port = (int)random_below(p, MODEL_PORTS);
	int host = (int)random_below(p, MODEL_HOSTS);
	unsigned int what = random_below(p, 100);

	if (what < 60)
		event_record(p, group, port, host);
	else if (what < 75)
		event_older(p, group, port, host);
	else if (what < 82)
		event_query(p, group);
	else if (what < 88)
		event_static(p, group, port);
	else if (what < 93)
		event_filter(p, port);
	else if (what < 96)
		event_restore(p, group, port);
	else if (what < 98) {
		snprintf(p->event, sizeof(p->event), "p%d down", port);
		membership_port_down(p->m, (uint16_t)port, p->now);
		model_port_down(&p->model, port);
	} else {
		strcpy(p->event, "time");
		membership_advance(p->m, p->now);
	}
}

/* The machine's answer, spread out over the model's sources. */
static struct answer answer_of(struct property *p, int i)
{
	struct membership_source_ports sources[MODEL_SOURCES];
	struct membership_group name = watched(i);
	struct answer a = {0};
	struct bitset members;
	int n;

	n = membership_forwarding(p->m, VLAN, &name, &members, sources, MODEL_SOURCES);
	if (n < 0)
		return a;
	a.exists = true;
	if (n > MODEL_SOURCES)
		fail(p, "group %d has %d sources", i, n);
	for (int port = 0; port < MODEL_PORTS; port++) {
		a.members[port] = bitset_has(&members, (unsigned int)port);
		for (int s = 0; s < MODEL_SOURCES; s++)
			a.from[s][port] = a.members[port];
		for (int s = 0; s < n; s++)
			a.from[sources[s].source.b[15] - 1][port] =
				bitset_has(&sources[s].ports, (unsigned int)port);
	}
	return a;
}

static struct answer answer_expected(const struct property *p, int i)
{
	const struct model *m = &p->model;
	int mac = i - MODEL_GROUPS;
	struct answer a = {0};

	for (int port = 0; port < MODEL_PORTS; port++)
		a.exists |= mac < 0 ? model_has_row(m, i, port) : m->filter[mac][port];
	for (int port = 0; port < MODEL_PORTS && a.exists; port++) {
		a.members[port] =
			mac < 0 ? model_passes(m, i, port, -1) : model_filter_admits(m, mac, port);
		for (int s = 0; s < MODEL_SOURCES; s++)
			a.from[s][port] = mac < 0 ? model_passes(m, i, port, s) : a.members[port];
	}
	return a;
}

static void answers_check(struct property *p)
{
	for (int i = 0; i < N_WATCHED; i++) {
		struct answer is = answer_of(p, i), expected = answer_expected(p, i);
		bool changed = memcmp(&is, &p->last[i], sizeof(is)) != 0;

		if (memcmp(&is, &expected, sizeof(is)) != 0)
			fail(p, "forwarding of group %d", i);
		if (changed && !p->told[i])
			fail(p, "group %d changed and was not told", i);
		p->last[i] = is;
		p->told[i] = false;
	}
}

struct row_check {
	struct property *p;
	unsigned int n;
};

static int group_index(const struct membership_group *g)
{
	for (int i = 0; i < MODEL_GROUPS; i++) {
		struct ip_addr a = group_of(i);

		if (ip_equal(&a, &g->ip))
			return i;
	}
	return -1;
}

static bool row_check(
	const struct membership_row *row, const struct membership_row_source *source, void *ctx)
{
	struct row_check *c = ctx;
	struct property *p = c->p;
	const struct model_row *r;
	sources listed = 0;
	int g;

	c->n++;
	if (row->group.is_mac)
		return true;
	g = group_index(&row->group);
	r = &p->model.row[g][row->port];
	if (row->exclude != (r->exclude || r->static_any))
		fail(p, "mode of group %d port %u", g, row->port);
	if (row->expires != model_row_end(r))
		fail(p, "end of group %d port %u: %.1f", g, row->port,
			(double)(row->expires - BIRTH) / 1e9);
	if (row->version != model_row_version(&p->model, g, r))
		fail(p, "version %u of group %d port %u", row->version, g, row->port);
	if ((row->origin == ORIGIN_SNOOPED) != r->snooped)
		fail(p, "origin of group %d port %u", g, row->port);
	for (unsigned int i = 0; i < row->n_sources; i++) {
		unsigned int s = source[i].source.b[15] - 1u;

		listed |= 1u << s;
		if ((r->x & ~r->static_sources) >> s & 1 && source[i].expires != r->source_end[s])
			fail(p, "end of source %u, group %d, port %u", s, g, row->port);
	}
	if (listed != (r->x | r->y | r->static_sources))
		fail(p, "sources %x of group %d port %u", listed, g, row->port);
	return true;
}

static void rows_check(struct property *p)
{
	struct row_check c = {.p = p};
	unsigned int expected = 0;

	for (int port = 0; port < MODEL_PORTS; port++) {
		for (int g = 0; g < MODEL_GROUPS; g++)
			expected += model_has_row(&p->model, g, port);
		for (int mac = 0; mac < MODEL_MACS; mac++)
			expected += p->model.filter[mac][port];
	}
	membership_walk(p->m, VLAN, UINT16_MAX, NULL, row_check, &c);
	if (c.n != expected || membership_row_count(p->m, UINT16_MAX) != expected)
		fail(p, "%u rows, not %u", c.n, expected);
}

int main(int argc, char **argv)
{
	uint64_t n = argc > 1 ? strtoull(argv[1], NULL, 0) : 200000;
	struct property *p = calloc(1, sizeof(*p));

	p->seed = argc > 2 ? strtoull(argv[2], NULL, 0) : (uint64_t)time(NULL);
	p->state = p->seed | 1;
	printf("seed %" PRIu64 "\n", p->seed);
	for (; p->n_events < n; p->n_events++) {
		if (p->n_events % RUN_EVENTS == 0) {
			membership_destroy(p->m);
			machine_create(p);
		}
		time_pass(p);
		event_do(p);
		answers_check(p);
		rows_check(p);
	}
	membership_destroy(p->m);
	free(p);
	printf("%" PRIu64 " events\n", n);
	return 0;
}

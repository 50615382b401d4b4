/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "membership/membership.h"

/*
 * The input is events and time for the membership machine: an octet for the pause, one for the
 * event, then what the event needs. Records and sources are taken from the input as they are.
 * Whatever comes: no fault, limits hold, nothing is due that advance was to do, and group_changed
 * was told when the answer of a watched group changed.
 */
#define CHECK(condition)                                                                \
	do {                                                                            \
		if (!(condition)) {                                                     \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
			abort();                                                        \
		}                                                                       \
	} while (0)

#define VLAN        1
#define N_PORTS     4u /* the last one is an uplink */
#define MAX_GROUPS  6u
#define MAX_SOURCES 5u
#define N_WATCHED   6u
#define ANSWER_MAX  32u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	const uint8_t *at;
	size_t left;
};

struct answer {
	int n;
	struct bitset members;
	struct membership_source_ports sources[ANSWER_MAX];
};

struct rig {
	struct membership *m;
	nsec now;
	struct input in;
	struct answer last[N_WATCHED];
	bool told[N_WATCHED];
};

static uint8_t octet(struct input *in)
{
	if (in->left == 0)
		return 0;
	in->left--;
	return *in->at++;
}

static const uint8_t *octets(struct input *in, size_t max, size_t *n)
{
	const uint8_t *at = in->at;

	*n = in->left < max ? in->left : max;
	in->at += *n;
	in->left -= *n;
	return at;
}

/* Few groups, so that events meet; 1 and 2 share a MAC, 3 is source-specific. */
static struct ip_addr group_of(uint8_t i)
{
	static const uint32_t v4[] = {0xe0000005, 0xef010101, 0xe0810101, 0xe8010101};
	struct ip_addr v6 = {{0xff, 0x15, [15] = 1}};

	i %= 6;
	if (i < 4)
		return ip_from_v4(__builtin_bswap32(v4[i]));
	v6.b[13] = i == 5;
	return v6;
}

static struct membership_group watched(unsigned int i)
{
	struct ip_addr ip = group_of((uint8_t)(i + 1));

	if (i < N_WATCHED - 1)
		return (struct membership_group){.ip = ip};
	ip = group_of(1);
	return (struct membership_group){.is_mac = true, .mac = mac_from_group(&ip)};
}

static void group_changed(void *ctx, uint16_t vlan, const struct membership_group *group)
{
	struct rig *r = ctx;

	for (unsigned int i = 0; i < N_WATCHED; i++) {
		struct membership_group w = watched(i);

		if (w.is_mac == group->is_mac &&
			(w.is_mac ? mac_equal(&w.mac, &group->mac) : ip_equal(&w.ip, &group->ip)))
			r->told[i] = true;
	}
}

static void send_query(
	void *ctx, uint16_t vlan, const struct bitset *ports, const struct group_query *query)
{
	CHECK(!bitset_empty(ports));
	CHECK(ip_is_v4(&query->source) == ip_is_v4(&query->group));
	CHECK(query->max_response > 0);
	for (unsigned int i = 0; i < query->n_sources; i++)
		CHECK(!ip_is_unspecified(&query->sources[i]));
}

static struct ip_addr address_of(struct input *in, bool v6)
{
	uint8_t b = octet(in);
	struct ip_addr ll = {{0xfe, 0x80, [15] = b}};

	if (v6)
		return b == 0 ? (struct ip_addr){{0}} : ll;
	return ip_from_v4(b == 0 ? 0 : __builtin_bswap32(0x0a000000u + b));
}

static void message_do(struct rig *r, uint16_t port)
{
	struct input *in = &r->in;
	uint8_t what = octet(in), flags = octet(in);
	struct group_msg msg = {
		.type = (enum group_msg_type)(what % (GROUP_MSG_UNKNOWN + 1)),
		.version = (uint8_t)(what / 8 % 4),
		.v6 = flags & 1,
		.odd = flags >> 1 & 15,
		.suppress = flags >> 5 & 1,
		.robustness = octet(in) % 8,
		.query_interval_s = octet(in),
		.max_response = octet(in) * 100 * NSEC_PER_MS,
	};
	struct mac_addr mac = {{2, [5] = (uint8_t)(octet(in) % 4)}};
	size_t n;

	msg.router_hold_s = octet(in);
	msg.source = address_of(in, msg.v6);
	msg.group = group_of(msg.v6 ? 4 + octet(in) % 2 : octet(in) % 4);
	if (msg.type == GROUP_MSG_QUERY && (flags & 128))
		msg.group = msg.v6 ? (struct ip_addr){{0}} : ip_from_v4(0);
	n = octet(in);
	msg.body = octets(in, n, &msg.body_size);
	msg.n_records = octet(in);
	msg.n_sources = (uint16_t)(msg.body_size / (msg.v6 ? 16 : 4));
	membership_message_seen(r->m, VLAN, port, &mac, &msg, r->now);
}

static void vlan_do(struct rig *r)
{
	struct input *in = &r->in;
	uint8_t flags = octet(in);
	struct membership_vlan vlan = {
		.id = VLAN,
		.timers = {octet(in), octet(in) * NSEC_PER_SEC, octet(in) * NSEC_PER_SEC,
			octet(in) * 100 * NSEC_PER_MS},
		.querier = (enum membership_querier_mode)(flags % 3),
		.strict = flags >> 2 & 1,
		.fast_leave = flags >> 3 & 1,
		.querier_address = {address_of(in, false), address_of(in, true)},
	};

	membership_vlan_set(r->m, &vlan, r->now);
}

static void port_do(struct rig *r, uint16_t port)
{
	uint8_t flags = octet(&r->in);
	struct membership_port conf = {
		.id = port,
		.is_uplink = port == N_PORTS - 1,
		.router_allowed = flags & 1,
		.max_groups = flags >> 1 & 1 ? 2 : MAX_GROUPS,
		.max_sources = flags >> 2 & 1 ? 1 : MAX_SOURCES,
	};

	membership_port_set(r->m, &conf, r->now);
}

static void ports_do(struct rig *r)
{
	struct bitset ports = {{octet(&r->in) % (1u << N_PORTS)}};

	membership_vlan_ports(r->m, VLAN, &ports, r->now);
}

static void static_do(struct rig *r, uint16_t port, bool add)
{
	struct ip_addr group = group_of(octet(&r->in));
	struct ip_addr source = address_of(&r->in, !ip_is_v4(&group));

	(add ? membership_static_add : membership_static_del)(
		r->m, VLAN, port, &group, &source, r->now);
}

static void filter_do(struct rig *r, uint16_t port)
{
	uint8_t set = octet(&r->in);
	struct mac_addr macs[6];
	unsigned int n = 0;

	for (uint8_t i = 0; i < 6; i++) {
		struct ip_addr group = group_of(i);

		if (set >> i & 1)
			macs[n++] = mac_from_group(&group);
	}
	membership_filter_set(r->m, VLAN, port, macs, n, set >> 7, r->now);
}

static void restore_do(struct rig *r, uint16_t port)
{
	struct ip_addr group = group_of(octet(&r->in)), sources[3];

	for (unsigned int i = 0; i < 3; i++)
		sources[i] = address_of(&r->in, !ip_is_v4(&group));
	membership_restore(
		r->m, VLAN, port, &group, octet(&r->in) & 1, sources, octet(&r->in) % 4, r->now);
}

static void event_do(struct rig *r)
{
	uint8_t what = octet(&r->in);
	uint16_t port = what % N_PORTS;

	switch (what / N_PORTS % 16) {
	case 0:
		vlan_do(r);
		break;
	case 1:
		port_do(r, port);
		break;
	case 2:
		ports_do(r);
		break;
	case 3:
		membership_port_down(r->m, port, r->now);
		break;
	case 4:
	case 5:
		static_do(r, port, what / N_PORTS % 2);
		break;
	case 6:
		filter_do(r, port);
		break;
	case 7:
		restore_do(r, port);
		break;
	case 8:
		membership_router_static(r->m, VLAN, port, octet(&r->in) & 1, r->now);
		break;
	case 9:
		if (octet(&r->in) > 250)
			membership_vlan_del(r->m, VLAN, r->now);
		break;
	case 10:
		if (octet(&r->in) > 250)
			membership_port_del(r->m, port, r->now);
		break;
	default:
		message_do(r, port);
	}
}

static bool row_check(
	const struct membership_row *row, const struct membership_row_source *sources, void *ctx)
{
	unsigned int *n = ctx;

	(*n)++;
	CHECK(row->expires > 0);
	for (unsigned int i = 1; i < row->n_sources; i++)
		CHECK(ip_compare(&sources[i - 1].source, &sources[i].source) < 0);
	return true;
}

static void check(struct rig *r)
{
	unsigned int n = 0;

	membership_walk(r->m, UINT16_MAX, UINT16_MAX, NULL, row_check, &n);
	CHECK(n == membership_row_count(r->m, UINT16_MAX));
	for (unsigned int i = 0; i < N_WATCHED; i++) {
		struct membership_group name = watched(i);
		struct answer a;

		memset(&a, 0, sizeof(a));
		a.n = membership_forwarding(r->m, VLAN, &name, &a.members, a.sources, ANSWER_MAX);
		if (memcmp(&a, &r->last[i], sizeof(a)) != 0)
			CHECK(r->told[i]);
		r->last[i] = a;
		r->told[i] = false;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct rig rig;
	const struct membership_sink sink = {
		.ctx = &rig, .group_changed = group_changed, .send_query = send_query};
	struct rig *r = &rig;

	memset(r, 0, sizeof(*r));
	r->in = (struct input){data, size};
	r->now = NSEC_PER_SEC;
	r->m = membership_create(&sink, 1, r->now);
	CHECK(r->m != NULL);
	r->in.left = 0;
	for (uint16_t port = 0; port < N_PORTS; port++)
		port_do(r, port);
	membership_vlan_set(r->m,
		&(struct membership_vlan){
			.id = VLAN,
			.timers = {2, 10 * NSEC_PER_SEC, NSEC_PER_SEC, NSEC_PER_SEC},
		},
		r->now);
	membership_vlan_ports(r->m, VLAN, &(struct bitset){{(1u << N_PORTS) - 1}}, r->now);
	for (unsigned int i = 0; i < N_WATCHED; i++)
		r->last[i].n = -2; /* -ENOENT */
	r->in = (struct input){data, size};
	while (r->in.left > 0) {
		uint8_t pause = octet(&r->in);

		r->now += (pause < 128 ? pause : pause * 100u) * 10 * NSEC_PER_MS;
		if (pause & 1) {
			membership_advance(r->m, r->now);
			CHECK(membership_next(r->m) > r->now);
		}
		event_do(r);
		check(r);
	}
	membership_destroy(r->m);
	return 0;
}

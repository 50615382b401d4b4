/* SPDX-License-Identifier: BSD-3-Clause */
#include "fwd_rig.h"

#include <stdio.h>

#include "fwd/plane.h"

/*
 * Planes, as a table: in this world, a frame that comes in here and asks for that set leaves there.
 *
 *      up0 (0)  up1 (1)          up2 (2)  up3 (3)
 *         \      /                  \      /
 *          team A                    team B
 *   ----------------------------------------------
 *    g10 g11 g12: VLAN 20    g13: trunk 0, 20, 30
 *    g14: VLAN 30            g15: untagged (VLAN 0)
 */
enum { UP0, UP1, UP2, UP3, G10 = 10, G11, G12, G13, G14, G15, G_BIG = 255 };

#define NONE UINT16_MAX
#define N(a) (sizeof(a) / sizeof((a)[0]))
#define MAC(n)                              \
	{                                   \
		{                           \
			0x02, 0, 0, 0, 0, n \
		}                           \
	}
#define UPLINK(n)                                    \
	{                                            \
		.id = n, .up = true, .worker = n % 2 \
	}
#define GUEST(n, v)                                                                  \
	{                                                                            \
		.id = n, .flags = PLANE_GUEST, .vlan = v, .mac = MAC(n), .up = true, \
		.copies = true                                                       \
	}

static const uint16_t up01[] = {UP0, UP1}, up23[] = {UP2, UP3}, up2[] = {UP2};
static const uint16_t trunk[] = {0, 20, 30, 999}; /* 999 is no VLAN of this switch */
static const uint16_t only30[] = {30};

static const struct plane_port ports[] = {
	UPLINK(UP0),
	UPLINK(UP1),
	UPLINK(UP2),
	UPLINK(UP3),
	GUEST(G10, 20),
	GUEST(G11, 20),
	GUEST(G12, 20),
	{.id = G13,
		.flags = PLANE_GUEST | PLANE_TRUNK,
		.trunk_vlans = trunk,
		.n_trunk_vlans = 4,
		.mac = MAC(13),
		.up = true,
		.copies = true,
		.worker = 1,
		.punts_per_s = 50},
	GUEST(G14, 30),
	GUEST(G15, 0),
};

static const struct plane_vlan_policy vlans[] = {
	{.id = 0, .flood_unregistered = true},
	{.id = 20},
	{.id = 30, .flood_unregistered6 = true},
};

static const uint16_t by_port[BITSET_SIZE] = {
	[G10] = UP0, [G11] = UP1, [G12] = UP0, [G13] = UP1, [G14] = UP0, [G15] = NONE};
static const uint16_t by_port_b[BITSET_SIZE] = {
	[G10] = NONE, [G11] = NONE, [G12] = NONE, [G13] = UP3, [G14] = UP2, [G15] = NONE};
static uint16_t buckets[PLANE_N_BUCKETS]; /* UP0 and UP1 in turn, but 5: none */

/* A world to be changed a little by each case. */
struct world {
	struct plane_port ports[N(ports)];
	struct plane_team teams[2];
	struct plane_vlan_policy vlans[N(vlans)];
	struct plane_input in;
};

static void plain(struct world *w) {}

static struct plane_port *port_of(struct world *w, uint16_t id)
{
	for (unsigned int i = 0; i < N(ports); i++) {
		if (w->ports[i].id == id)
			return &w->ports[i];
	}
	return NULL;
}

static void two_teams(struct world *w) /* A takes what B does not name */
{
	w->teams[1] = (struct plane_team){.uplinks = up23,
		.n_uplinks = 2,
		.vlans = only30,
		.n_vlans = 1,
		.carrier = by_port_b};
	w->in.n_teams = 2;
}

static void hashed(struct world *w)
{
	w->teams[0].ip_hash = true;
	w->teams[0].bucket = buckets;
}

static void hashed_beside(struct world *w) /* VLAN 30 hashes, the rest does not */
{
	two_teams(w);
	w->teams[1].uplinks = up01;
	w->teams[1].ip_hash = true;
	w->teams[1].bucket = buckets;
	w->teams[0].uplinks = up23;
	w->teams[0].carrier = by_port_b;
}

static void guest_down(struct world *w)
{
	port_of(w, G11)->up = false;
}

static void uplink_down(struct world *w) /* and the team not yet asked */
{
	port_of(w, UP0)->up = false;
}

static void hashed_down(struct world *w)
{
	hashed(w);
	uplink_down(w);
}

static void listener(struct world *w)
{
	port_of(w, G12)->promiscuous = true;
}

static void router_guest(struct world *w)
{
	port_of(w, G12)->flags |= PLANE_ROUTER;
	bitset_set(&w->vlans[1].router_ports, G12);
	bitset_set(&w->vlans[1].router_ports, UP1);
	bitset_set(&w->vlans[1].router_ports, G14); /* of another VLAN: no router here */
	bitset_set(&w->vlans[2].router_ports, G14);
}

enum ask { FLOOD, ROUTERS, UNREG, UNREG6, UNKNOWN, ALWAYS, TO_MAC };

/* to: the ports a frame leaves by, with "t" if tagged. */
static const struct way {
	const char *name;
	void (*change)(struct world *w);
	uint16_t from, bucket, vlan;
	enum ask ask;
	uint8_t mac;
	const char *to;
} ways[] = {
	{"guest to all", plain, G10, 0, 20, FLOOD, 0, "0t 11 12 13t"},
	{"its carrier", plain, G11, 0, 20, FLOOD, 0, "1t 10 12 13t"},
	{"trunk to access", plain, G13, 0, 20, FLOOD, 0, "1t 10 11 12"},
	{"trunk, other VLAN", plain, G13, 0, 30, FLOOD, 0, "1t 14"},
	{"access to trunk", plain, G14, 0, 30, FLOOD, 0, "0t 13t"},
	{"untagged VLAN", plain, G13, 0, 0, FLOOD, 0, "1 15"},
	{"no carrier", plain, G15, 0, 0, FLOOD, 0, "13"},
	{"uplink to whom it carries", plain, UP0, 0, 20, FLOOD, 0, "10 12"},
	{"the other uplink", plain, UP1, 0, 20, FLOOD, 0, "11 13t"},
	{"uplink, untagged", plain, UP1, 0, 0, FLOOD, 0, "13"},
	{"uplink of no team", plain, UP2, 0, 20, FLOOD, 0, ""},
	{"who is not there", plain, G_BIG, 0, 20, FLOOD, 0, ""},
	{"report", plain, G10, 0, 20, ROUTERS, 0, "0t"},
	{"query of an uplink", plain, UP0, 0, 20, ROUTERS, 0, ""},
	{"unregistered: flood", plain, G13, 0, 0, UNREG, 0, "1 15"},
	{"unregistered: routers", plain, G10, 0, 20, UNREG, 0, "0t"},
	{"unregistered: routers, in", plain, UP0, 0, 20, UNREG, 0, ""},
	{"unregistered: drop", plain, G14, 0, 30, UNREG, 0, "0t"},
	{"unregistered: drop, in", plain, UP0, 0, 30, UNREG, 0, ""},
	{"unregistered IPv6: flood", plain, G14, 0, 30, UNREG6, 0, "0t 13t"},
	{"unregistered IPv6: flood, in", plain, UP0, 0, 30, UNREG6, 0, "14"},
	{"unregistered IPv6: routers", plain, G10, 0, 20, UNREG6, 0, "0t"},
	{"unknown out", plain, G10, 0, 20, UNKNOWN, 0, "0t"},
	{"unknown in", plain, UP0, 0, 20, UNKNOWN, 0, ""},
	{"unicast", plain, G10, 0, 20, TO_MAC, 11, "11"},
	{"unicast to oneself", plain, G10, 0, 20, TO_MAC, 10, ""},
	{"unicast to a trunk", plain, G10, 0, 20, TO_MAC, 13, "13t"},
	{"unicast in", plain, UP1, 0, 20, TO_MAC, 11, "11"},
	{"unicast in by another uplink", plain, UP0, 0, 20, TO_MAC, 11, ""},
	{"unicast, other VLAN", plain, G10, 0, 20, TO_MAC, 14, "nobody"},
	{"a VLAN of a trunk that is none", plain, G13, 0, 999, FLOOD, 0, "nobody"},

	{"two teams: A", two_teams, G10, 0, 20, FLOOD, 0, "0t 11 12 13t"},
	{"two teams: B", two_teams, G14, 0, 30, FLOOD, 0, "2t 13t"},
	{"two teams: trunk in A's VLAN", two_teams, G13, 0, 20, FLOOD, 0, "1t 10 11 12"},
	{"two teams: trunk in B's VLAN", two_teams, G13, 0, 30, FLOOD, 0, "3t 14"},
	{"two teams: in by B", two_teams, UP2, 0, 30, FLOOD, 0, "14"},
	{"two teams: in by B, the other", two_teams, UP3, 0, 30, FLOOD, 0, "13t"},
	{"two teams: in by A", two_teams, UP1, 0, 20, FLOOD, 0, "11 13t"},

	{"ip-hash: bucket 0", hashed, G10, 0, 20, FLOOD, 0, "0t 11 12 13t"},
	{"ip-hash: bucket 63", hashed, G10, 63, 20, FLOOD, 0, "1t 11 12 13t"},
	{"ip-hash: a bucket without uplink", hashed, G10, 5, 20, FLOOD, 0, "11 12 13t"},
	{"ip-hash: in by any member", hashed, UP0, 0, 20, FLOOD, 0, "10 11 12 13t"},
	{"ip-hash: in by the other", hashed, UP1, 0, 20, FLOOD, 0, "10 11 12 13t"},
	{"ip-hash: no carrier needed", hashed, UP1, 0, 0, FLOOD, 0, "13 15"},
	{"ip-hash: a member down", hashed_down, G10, 0, 20, FLOOD, 0, "11 12 13t"},
	{"ip-hash: in by it", hashed_down, UP0, 0, 20, FLOOD, 0, "10 11 12 13t"},
	{"ip-hash beside: its VLAN", hashed_beside, G14, 3, 30, FLOOD, 0, "1t 13t"},
	{"ip-hash beside: trunk", hashed_beside, G13, 2, 30, FLOOD, 0, "0t 14"},
	{"ip-hash beside: trunk elsewhere", hashed_beside, G13, 2, 20, FLOOD, 0, "3t 10 11 12"},
	{"ip-hash beside: in", hashed_beside, UP1, 0, 30, FLOOD, 0, "13t 14"},

	{"guest down: flood", guest_down, G10, 0, 20, FLOOD, 0, "0t 12 13t"},
	{"guest down: its address", guest_down, G10, 0, 20, TO_MAC, 11, "nobody"},
	{"guest down: in", guest_down, UP1, 0, 20, FLOOD, 0, "13t"},
	{"uplink down: flood", uplink_down, G10, 0, 20, FLOOD, 0, "11 12 13t"},
	{"uplink down: report", uplink_down, G10, 0, 20, ROUTERS, 0, ""},
	{"uplink down: the other", uplink_down, G11, 0, 20, ROUTERS, 0, "1t"},

	{"listener: unicast", listener, G10, 0, 20, TO_MAC, 11, "11 12"},
	{"listener: unicast in", listener, UP0, 0, 20, TO_MAC, 10, "10 12"},
	{"listener: unicast from it", listener, G12, 0, 20, TO_MAC, 11, "11"},
	{"listener: unknown out", listener, G10, 0, 20, UNKNOWN, 0, "0t 12"},
	{"listener: unknown in", listener, UP0, 0, 20, UNKNOWN, 0, "12"},
	{"listener: unregistered", listener, UP0, 0, 20, UNREG, 0, "12"},
	{"listener: no reports", listener, G10, 0, 20, ROUTERS, 0, "0t"},
	{"listener: not in its VLAN", listener, G13, 0, 30, UNKNOWN, 0, "1t"},
	{"listener: groups", listener, G10, 0, 20, ALWAYS, 0, "0t 12"},

	{"router: reports", router_guest, G10, 0, 20, ROUTERS, 0, "0t 12"},
	{"router: its own", router_guest, G12, 0, 20, ROUTERS, 0, "0t"},
	{"router: groups in", router_guest, UP0, 0, 20, UNREG, 0, "12"},
	{"router: drop keeps it", router_guest, UP0, 0, 30, UNREG, 0, "14"},
	{"router: groups", router_guest, G11, 0, 20, ALWAYS, 0, "1t 12"},
};

static void world_open(struct world *w, void (*change)(struct world *w))
{
	memset(w, 0, sizeof(*w));
	memcpy(w->ports, ports, sizeof(ports));
	memcpy(w->vlans, vlans, sizeof(vlans));
	w->teams[0] = (struct plane_team){.uplinks = up01, .n_uplinks = 2, .carrier = by_port};
	w->in = (struct plane_input){.ports = w->ports,
		.n_ports = N(ports),
		.teams = w->teams,
		.n_teams = 1,
		.vlans = w->vlans,
		.n_vlans = N(vlans)};
	for (unsigned int b = 0; b < PLANE_N_BUCKETS; b++)
		buckets[b] = b == 5 ? NONE : b % 2;
	change(w);
}

static bool asked(const struct plane *p, const struct way *way, struct bitset *out)
{
	const struct plane_vlan *v = p->vlan[way->vlan];
	const struct mac_addr mac = MAC(way->mac);
	const struct plane_mac *m = plane_mac_find(p, plane_mac_key(way->vlan, &mac));
	const struct portset *set[] = {[FLOOD] = v ? v->flood : NULL,
		[ROUTERS] = v ? v->routers : NULL,
		[UNREG] = v ? v->unregistered : NULL,
		[UNREG6] = v ? v->unregistered6 : NULL,
		[UNKNOWN] = v ? v->unknown : NULL,
		[TO_MAC] = m ? m->set : NULL,
		[ALWAYS] = NULL};

	*out = plane_always(p, way->vlan);
	if (way->ask == ALWAYS)
		return true;
	if (set[way->ask] == NULL)
		return false;
	*out = set[way->ask]->ports;
	return true;
}

static void way_print(const struct plane *p, const struct way *way, char *text, size_t size)
{
	const struct plane_ingress *in = &p->ingress[way->from];
	struct bitset to;
	size_t n = 0;

	snprintf(text, size, "nobody");
	if (!asked(p, way, &to))
		return;
	text[0] = '\0';
	bitset_and(&to, &to, &in->reach[way->bucket % in->n_buckets]);
	BITSET_FOREACH (id, &to)
		n += (size_t)snprintf(text + n, size - n, "%s%u%s", n ? " " : "", id,
			bitset_has(&p->vlan[way->vlan]->tagged, id) ? "t" : "");
}

static void frames_leave_where_they_should(void **state)
{
	struct rig r = rig_open();
	unsigned int n_bad = 0;

	for (const struct way *way = ways; way < ways + N(ways); way++) {
		struct world w;
		struct plane *p;
		char text[200];

		world_open(&w, way->change);
		p = plane_build(&w.in, r.sets);
		assert_non_null(p);
		way_print(p, way, text, sizeof(text));
		if (strcmp(text, way->to) != 0) {
			print_error("%s: to '%s', not '%s'\n", way->name, text, way->to);
			n_bad++;
		}
		plane_destroy(p, r.sets);
		assert_int_equal(portset_pool_count(r.sets), 0);
		retire_poll(r.retire);
	}
	assert_int_equal(n_bad, 0);
	rig_close(&r);
}

static bool may_enter(const struct plane *p, uint16_t port, uint16_t vlan)
{
	return p->ingress[port].vlans[vlan / 64] >> (vlan % 64) & 1;
}

static void ingress_says_who_one_is(void **state)
{
	struct rig r = rig_open();
	struct world w;
	struct plane *p;
	const struct mac_addr mac = MAC(G10);

	world_open(&w, two_teams);
	w.teams[1].uplinks = up2;
	w.teams[1].n_uplinks = 1;
	port_of(&w, G11)->up = false;
	port_of(&w, UP1)->up = false;
	p = plane_build(&w.in, r.sets);
	assert_non_null(p);
	assert_int_equal(p->ingress[G10].flags, PLANE_GUEST);
	assert_int_equal(p->ingress[G10].vlan, 20);
	assert_int_equal(p->ingress[G10].n_buckets, 1);
	assert_true(mac_equal(&p->ingress[G10].mac, &mac));
	assert_false(may_enter(p, G10, 20)); /* tagged */
	assert_int_equal(p->ingress[G13].flags, PLANE_GUEST | PLANE_TRUNK);
	assert_int_equal(p->ingress[G13].punts_per_s, 50);
	assert_true(may_enter(p, G13, 0) && may_enter(p, G13, 20) && may_enter(p, G13, 30));
	assert_false(may_enter(p, G13, 999));
	assert_int_equal(p->ingress[UP0].flags, PLANE_TRUNK | PLANE_REFLECTION);
	assert_int_equal(p->ingress[UP2].flags, PLANE_TRUNK); /* alone in its team */
	assert_true(may_enter(p, UP0, 0) && may_enter(p, UP0, 20));
	assert_false(may_enter(p, UP0, 30));
	assert_true(may_enter(p, UP2, 30));
	assert_false(may_enter(p, UP2, 20));
	assert_false(may_enter(p, UP3, 20)); /* of no team */
	assert_false(may_enter(p, G_BIG, 0));
	assert_null(p->vlan[999]);

	assert_true(bitset_has(&p->owned[0], G10) && bitset_has(&p->owned[1], G13));
	assert_true(bitset_has(&p->owned[1], UP1)); /* down, and still drained */
	assert_false(bitset_has(&p->owned[0], G11));
	assert_true(bitset_has(&p->copies, G10));
	assert_false(bitset_has(&p->copies, UP0));
	plane_destroy(p, r.sets);
	rig_close(&r);
}

static void two_planes_share_their_sets(void **state)
{
	struct rig r = rig_open();
	struct world w;
	struct plane *p, *q;

	world_open(&w, plain);
	p = plane_build(&w.in, r.sets);
	q = plane_build(&w.in, r.sets);
	assert_ptr_equal(p->vlan[20]->flood, q->vlan[20]->flood);
	assert_ptr_equal(p->vlan[30]->flood, p->vlan[30]->unregistered6);
	assert_ptr_equal(p->vlan[20]->routers, p->vlan[30]->routers);
	plane_destroy(p, r.sets);
	assert_int_equal(bitset_count(&q->vlan[20]->flood->ports), 6);
	plane_destroy(q, r.sets);
	plane_destroy(NULL, r.sets);
	rig_close(&r);
}

static void an_own_address_comes_before_a_learnt_one(void **state)
{
	static const struct mac_addr learnt[] = {MAC(G12), MAC(77), {{0}}, {{1, 0, 0x5e, 0, 0, 1}}};
	static const uint8_t everybody[6] = {0};
	struct rig r = rig_open();
	struct mac_addr own = MAC(G12), new = MAC(77), zero;
	struct world w;
	struct plane *p;

	world_open(&w, plain);
	port_of(&w, G10)->flags |= PLANE_ANY_SOURCE;
	port_of(&w, G10)->more_macs = learnt;
	port_of(&w, G10)->n_more_macs = N(learnt);
	memset(&port_of(&w, G11)->mac, 0, sizeof(struct mac_addr));
	p = plane_build(&w.in, r.sets);
	assert_int_equal(plane_mac_find(p, plane_mac_key(20, &own))->port, G12);
	assert_int_equal(plane_mac_find(p, plane_mac_key(20, &new))->port, G10);
	memcpy(&zero, everybody, sizeof(zero));
	assert_null(plane_mac_find(p, plane_mac_key(20, &zero)));
	assert_null(plane_mac_find(p, plane_mac_key(20, &learnt[3])));
	assert_null(plane_mac_find(p, plane_mac_key(30, &new)));
	plane_destroy(p, r.sets);
	rig_close(&r);
}

/* A failover must not rewrite every group: entries hold uplinks that are down, and reach does not. */
static void a_lost_uplink_leaves_the_groups_as_they_are(void **state)
{
	struct rig r = rig_open();
	struct bitset before, after;
	struct plane *p;
	struct world w;

	world_open(&w, plain);
	p = plane_build(&w.in, r.sets);
	before = plane_always(p, 20);
	plane_destroy(p, r.sets);
	uplink_down(&w);
	p = plane_build(&w.in, r.sets);
	after = plane_always(p, 20);
	assert_true(bitset_equal(&before, &after) && bitset_has(&after, UP0));
	assert_false(bitset_has(&p->ingress[G10].reach[0], UP0));
	assert_false(bitset_has(&p->vlan[20]->flood->ports, UP0));
	plane_destroy(p, r.sets);
	rig_close(&r);
}

static void nothing_configured_is_a_plane_too(void **state)
{
	struct rig r = rig_open();
	struct plane_input nothing = {0};
	struct plane *p = plane_build(&nothing, r.sets);
	struct bitset none = plane_always(p, 20);

	assert_non_null(p);
	assert_true(bitset_empty(&none));
	assert_true(bitset_empty(&p->ingress[0].reach[0]));
	plane_destroy(p, r.sets);
	rig_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_leave_where_they_should),
		cmocka_unit_test(ingress_says_who_one_is),
		cmocka_unit_test(two_planes_share_their_sets),
		cmocka_unit_test(an_own_address_comes_before_a_learnt_one),
		cmocka_unit_test(a_lost_uplink_leaves_the_groups_as_they_are),
		cmocka_unit_test(nothing_configured_is_a_plane_too),
	};

	return cmocka_run_group_tests_name("fwd_plane", tests, NULL, NULL);
}

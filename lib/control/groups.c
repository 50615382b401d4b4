/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>

#include <rte_random.h>

#include "control/control_private.h"
#include "fwd/group_table.h"

/*
 * Membership -> group table. The machine says which group has changed; what it wants now, and the
 * uplinks and router ports of the VLAN, are compiled into one entry and published in one step.
 */
#define SOURCES_ON_STACK 64

static struct group_key key_of(uint16_t vlan, const struct membership_group *g)
{
	return g->is_mac ? group_key_mac(vlan, &g->mac) : group_key_ip(vlan, &g->ip);
}

static uint64_t counter_sum(const struct control *c, const struct group_entry *e)
{
	uint64_t n = 0;

	for (unsigned int i = 0; i < c->fwd->n_workers; i++)
		n += c->fwd->worker[i]->group_packets[e->counter];
	return n;
}

uint64_t ctl_group_packets(const struct control *c, const struct group_entry *e)
{
	return counter_sum(c, e) - c->group_base[e->counter];
}

/* Workers only ever count up: an entry's count begins where its counter stands. */
static void counter_begin(struct control *c, const struct group_entry *e)
{
	c->group_base[e->counter] = counter_sum(c, e);
}

static int publish(struct control *c, const struct ctl_vlan *v, const struct group_key *key,
	struct bitset *members, const struct membership_source_ports *sources, unsigned int n)
{
	struct group_source_ports few[SOURCES_ON_STACK], *many = NULL, *list = few;
	bool fresh;
	int rc;

	if (n > SOURCES_ON_STACK) {
		list = many = malloc(n * sizeof(*many));
		if (many == NULL)
			return -ENOMEM;
	}
	bitset_or(members, members, &v->always);
	for (unsigned int i = 0; i < n; i++) {
		list[i].source = sources[i].source;
		bitset_or(&list[i].ports, &sources[i].ports, &v->always);
	}
	fresh = group_table_find(c->fwd->groups, key) == NULL;
	rc = group_table_set(c->fwd->groups, key, members, list, n);
	if (fresh && rc == 0)
		counter_begin(c, group_table_find(c->fwd->groups, key));
	free(many);
	return rc;
}

static int group_publish(struct control *c, uint16_t vlan, const struct membership_group *group)
{
	struct membership_source_ports few[SOURCES_ON_STACK], *many = NULL, *sources = few;
	const struct ctl_vlan *v = ctl_vlan_find(c, vlan);
	struct group_key key = key_of(vlan, group);
	struct bitset members;
	int n, rc;

	n = v != NULL ? membership_forwarding(
				c->membership, vlan, group, &members, few, SOURCES_ON_STACK)
		      : -ENOENT;
	if (n < 0) {
		group_table_del(c->fwd->groups, &key);
		return 0;
	}
	if (n > SOURCES_ON_STACK) {
		sources = many = malloc((size_t)n * sizeof(*many));
		if (many == NULL)
			return -ENOMEM;
		n = membership_forwarding(
			c->membership, vlan, group, &members, sources, (unsigned int)n);
	}
	rc = publish(c, v, &key, &members, sources, (unsigned int)n);
	free(many);
	return rc;
}

static void group_changed(void *ctx, uint16_t vlan, const struct membership_group *group)
{
	struct control *c = ctx;

	if (group_publish(c, vlan, group) < 0)
		ctl_event(c, "quota", NULL, vlan, group,
			"no memory to publish a group; it keeps its members");
	c->filters_dirty = true;
	ctl_state_changed(c);
}

struct republish {
	struct control *c;
	uint16_t vlan;
	struct membership_group *groups;
	unsigned int n;
};

static bool collect(const struct group_entry *e, void *ctx)
{
	struct republish *r = ctx;
	struct membership_group *g = &r->groups[r->n];

	if (e->key.vlan != r->vlan)
		return true;
	g->is_mac = e->key.kind == GROUP_KEY_MAC;
	if (g->is_mac)
		memcpy(g->mac.b, &e->key.address.b[10], sizeof(g->mac.b));
	else
		g->ip = e->key.address;
	r->n++;
	return true;
}

/* What every group of the VLAN holds has changed: uplinks, router ports. */
void ctl_groups_republish(struct control *c, uint16_t vlan)
{
	struct republish r = {.c = c, .vlan = vlan};

	r.groups = calloc(group_table_count(c->fwd->groups) + 1, sizeof(*r.groups));
	if (r.groups == NULL)
		return;
	group_table_walk(c->fwd->groups, collect, &r);
	for (unsigned int i = 0; i < r.n; i++)
		group_publish(c, vlan, &r.groups[i]);
	free(r.groups);
}

static void routers_changed(void *ctx, uint16_t vlan)
{
	struct control *c = ctx;
	struct ctl_vlan *v = ctl_vlan_find(c, vlan);

	if (v == NULL)
		return;
	membership_router_ports(c->membership, vlan, &v->routers);
	c->topology_dirty = true;
}

static void send_query(
	void *ctx, uint16_t vlan, const struct bitset *ports, const struct group_query *query)
{
	ctl_query_send(ctx, vlan, ports, query);
}

static void told(void *ctx, const struct membership_event *e)
{
	static const char *const types[] = {
		[MEMBERSHIP_JOINED] = "join",
		[MEMBERSHIP_LEFT] = "leave",
		[MEMBERSHIP_QUERIER_CHANGED] = "querier",
		[MEMBERSHIP_ROUTER_ADDED] = "router",
		[MEMBERSHIP_ROUTER_EXPIRED] = "router",
		[MEMBERSHIP_QUOTA] = "quota",
	};
	static const char *const verbs[] = {
		[MEMBERSHIP_JOINED] = "joined",
		[MEMBERSHIP_LEFT] = "left",
		[MEMBERSHIP_QUOTA] = "refused",
	};
	struct control *c = ctx;
	const struct ctl_port *p = ctl_port_get(c, e->port);
	char text[IP_STR_SIZE];
	const char *name = p != NULL ? p->name : "the switch";
	const char *why = e->reason != NULL ? e->reason : "";

	switch (e->type) {
	case MEMBERSHIP_QUERIER_CHANGED:
		ctl_event(c, types[e->type], p, e->vlan, NULL, "querier of VLAN %u is %s (%s)",
			e->vlan,
			ip_is_unspecified(&e->address) ? "the switch or nobody"
						       : ip_format(&e->address, text),
			why);
		break;
	case MEMBERSHIP_ROUTER_ADDED:
	case MEMBERSHIP_ROUTER_EXPIRED:
		ctl_event(c, types[e->type], p, e->vlan, NULL, "%s is %s router port (%s)", name,
			e->type == MEMBERSHIP_ROUTER_ADDED ? "a" : "no longer a", why);
		break;
	default:
		ctl_event(c, types[e->type], p, e->vlan, &e->group, "%s %s %s (%s)", name,
			verbs[e->type], ctl_group_format(&e->group, text), why);
	}
}

/* The grace period is the other-querier-present interval: RFC 3376 8.5. */
static bool querier_is_missing(const struct control *c, struct ctl_vlan *v, bool v6)
{
	struct membership_querier_info q;
	nsec grace;

	membership_querier(c->membership, v->id, v6, &q);
	if (q.known) {
		v->querier[v6].silent_since = 0;
		return false;
	}
	if (v->querier[v6].silent_since == 0)
		v->querier[v6].silent_since = c->now;
	grace = q.timers.robustness * q.timers.query_interval + q.timers.query_response / 2;
	return c->now - v->querier[v6].silent_since >= grace;
}

void ctl_queriers_watch(struct control *c)
{
	for (unsigned int i = 0; i < 2 * c->n_vlans; i++) {
		struct ctl_vlan *v = &c->vlans[i / 2];
		bool v6 = i % 2, missing = querier_is_missing(c, v, v6);

		if (missing == v->querier[v6].is_missing)
			continue;
		v->querier[v6].is_missing = missing;
		c->topology_dirty = true;
		c->filters_dirty = true;
		ctl_event(c, "querier", NULL, v->id, NULL,
			missing ? "nobody asks for %s memberships of VLAN %u: unregistered groups "
				  "are flooded"
				: "somebody asks for %s memberships of VLAN %u: its policy holds "
				  "again",
			v6 ? "MLD" : "IGMP", v->id);
	}
}

int ctl_membership_init(struct control *c, struct error *err)
{
	const struct membership_sink sink = {
		.ctx = c,
		.group_changed = group_changed,
		.routers_changed = routers_changed,
		.send_query = send_query,
		.event = told,
	};

	c->group_base = calloc(GROUP_TABLE_MAX_COUNTERS, sizeof(*c->group_base));
	c->membership = membership_create(&sink, rte_rand(), c->now);
	if (c->membership == NULL || c->group_base == NULL)
		return error_set(err, -ENOMEM, "no memory for memberships");
	return 0;
}

uint64_t control_group_packets(
	const struct control *c, uint16_t vlan, const struct membership_group *group)
{
	struct group_key key = key_of(vlan, group);
	const struct group_entry *e = group_table_find(c->fwd->groups, &key);

	return e != NULL ? ctl_group_packets(c, e) : 0;
}

uint32_t control_group_pps(
	const struct control *c, uint16_t vlan, const struct membership_group *group)
{
	struct group_key key = key_of(vlan, group);
	const struct group_entry *e = group_table_find(c->fwd->groups, &key);

	return e != NULL ? ctl_group_pps(c, e) : 0;
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include "world.h"

#include <stdlib.h>
#include <string.h>

static void group_changed(void *ctx, uint16_t vlan, const struct membership_group *group)
{
	world_watch(ctx, group)->n_told++;
}

static void send_query(
	void *ctx, uint16_t vlan, const struct bitset *ports, const struct group_query *query)
{
	struct world *w = ctx;
	char buf[SIM_TEXT];

	if (w->is_mute && ip_is_unspecified(&query->group))
		return;
	text_add(w->sent, sizeof(w->sent), "%s\n", text_query(ports, query, buf));
}

static void event(void *ctx, const struct membership_event *e)
{
	struct world *w = ctx;
	char buf[SIM_TEXT];

	text_add(w->events, sizeof(w->events), "%s\n", text_event(e, buf));
}

static void port_add(struct world *w, uint16_t id, bool is_uplink)
{
	struct membership_port port = {
		.id = id, .is_uplink = is_uplink, .max_groups = 64, .max_sources = 8};

	membership_port_set(w->m, &port, w->now);
	bitset_set(&w->ports, id);
}

/* Guests p1, p2, p3 and the uplink u1; nobody asks. */
void world_init(struct world *w)
{
	const struct membership_sink sink = {
		.ctx = w,
		.group_changed = group_changed,
		.send_query = send_query,
		.event = event,
	};

	memset(w, 0, sizeof(*w));
	w->now = SIM_BIRTH;
	w->m = membership_create(&sink, 42, w->now);
	if (w->m == NULL)
		abort();
	w->vlan = (struct membership_vlan){
		.id = SIM_VLAN,
		.timers = {.robustness = 2,
			.query_interval = 125 * NSEC_PER_SEC,
			.query_response = 10 * NSEC_PER_SEC,
			.last_member_interval = NSEC_PER_SEC},
		.querier_address = {ip_from_v4(0)},
	};
	world_vlan_apply(w);
	for (uint16_t i = 1; i <= 3; i++)
		port_add(w, i, false);
	port_add(w, SIM_UPLINK + 1, true);
	membership_vlan_ports(w->m, SIM_VLAN, &w->ports, w->now);
}

void world_fini(struct world *w)
{
	membership_destroy(w->m);
}

void world_vlan_apply(struct world *w)
{
	w->rc = membership_vlan_set(w->m, &w->vlan, w->now);
}

void world_advance(struct world *w, nsec t)
{
	w->now = t;
	membership_advance(w->m, t);
}

static bool is_same(const struct membership_group *a, const struct membership_group *b)
{
	if (a->is_mac != b->is_mac)
		return false;
	return a->is_mac ? mac_equal(&a->mac, &b->mac) : ip_equal(&a->ip, &b->ip);
}

struct sim_group *world_watch(struct world *w, const struct membership_group *name)
{
	struct sim_group *g = w->group;

	while (g < w->group + w->n_groups && !is_same(&g->name, name))
		g++;
	if (g < w->group + w->n_groups)
		return g;
	if (w->n_groups == SIM_GROUPS)
		abort();
	w->n_groups++;
	g->name = *name;
	g->n_told = 0;
	strcpy(g->forwarding, "none");
	return g;
}

const char *world_check_told(struct world *w)
{
	static char wrong[3 * SIM_TEXT];
	char now[SIM_TEXT], name[SIM_TEXT];

	for (struct sim_group *g = w->group; g < w->group + w->n_groups; g++) {
		bool changed = strcmp(text_forwarding(w, &g->name, now), g->forwarding) != 0;

		/* told twice in one step that steps over several times may be right */
		if (changed == (g->n_told > 0)) {
			strcpy(g->forwarding, now);
			g->n_told = 0;
			continue;
		}
		wrong[0] = '\0';
		text_add(wrong, sizeof(wrong), "%s: told %u times, was: %s, is: %s",
			text_group(&g->name, name), g->n_told, g->forwarding, now);
		return wrong;
	}
	return NULL;
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include "membership/group.h"

#include <errno.h>
#include <stdlib.h>

#include "membership/forwarding.h"
#include "membership/vlan_state.h"

#define SLOTS_MIN 256u

static uint32_t slot_index(const struct membership *m, uint32_t n_slots, uint16_t vlan,
	const struct ip_addr *id, bool is_mac)
{
	uint64_t key = (uint64_t)vlan << 1 | is_mac;

	return (uint32_t)ip_hash(id, m->seed ^ hash_mix(key)) & (n_slots - 1);
}

static struct group **slot_of(
	const struct membership *m, struct group **slots, uint32_t n_slots, const struct group *g)
{
	return &slots[slot_index(m, n_slots, g->vlan->conf.id, &g->id, g->is_mac)];
}

int group_table_init(struct membership *m)
{
	slab_init(&m->groups, sizeof(struct group));
	m->slots = calloc(SLOTS_MIN, sizeof(m->slots[0]));
	if (m->slots == NULL)
		return -ENOMEM;
	m->n_slots = SLOTS_MIN;
	return 0;
}

void group_table_fini(struct membership *m)
{
	free(m->slots);
	slab_fini(&m->groups);
}

/* Without memory the table stays as it is and its chains grow longer. */
static void table_double(struct membership *m)
{
	uint32_t n_slots = m->n_slots * 2;
	struct group **slots = calloc(n_slots, sizeof(slots[0]));
	struct group *next;

	if (slots == NULL)
		return;
	for (uint32_t i = 0; i < m->n_slots; i++) {
		for (struct group *g = m->slots[i]; g != NULL; g = next) {
			struct group **slot = slot_of(m, slots, n_slots, g);

			next = g->hash_next;
			g->hash_next = *slot;
			*slot = g;
		}
	}
	free(m->slots);
	m->slots = slots;
	m->n_slots = n_slots;
}

struct group *group_find(
	const struct membership *m, uint16_t vlan, const struct ip_addr *id, bool is_mac)
{
	struct group *g = m->slots[slot_index(m, m->n_slots, vlan, id, is_mac)];

	while (g != NULL &&
		(g->vlan->conf.id != vlan || g->is_mac != is_mac || !ip_equal(&g->id, id)))
		g = g->hash_next;
	return g;
}

static void behind_link(struct group *mac_group, struct group *g)
{
	g->mac_group = mac_group;
	g->behind_next = mac_group->behind;
	g->behind_pprev = &mac_group->behind;
	if (g->behind_next != NULL)
		g->behind_next->behind_pprev = &g->behind_next;
	mac_group->behind = g;
}

static void behind_unlink(struct group *g)
{
	if (g->mac_group == NULL)
		return;
	*g->behind_pprev = g->behind_next;
	if (g->behind_next != NULL)
		g->behind_next->behind_pprev = g->behind_pprev;
	g->mac_group = NULL;
}

/* A new MAC group looks for the IP groups behind it; a new IP group for its MAC group. */
static void behind_join(struct membership *m, struct group *g)
{
	struct group *mac_group;
	struct mac_addr mac;
	struct ip_addr id;

	if (!g->is_mac) {
		mac = mac_from_group(&g->id);
		id = group_id_from_mac(&mac);
		mac_group = group_find(m, g->vlan->conf.id, &id, true);
		if (mac_group != NULL)
			behind_link(mac_group, g);
		return;
	}
	for (struct group *ip = g->vlan->groups; ip != NULL; ip = ip->vlan_next) {
		if (ip->is_mac)
			continue;
		mac = mac_from_group(&ip->id);
		id = group_id_from_mac(&mac);
		if (ip_equal(&id, &g->id))
			behind_link(g, ip);
	}
}

struct group *group_get(
	struct membership *m, struct vlan_state *vlan, const struct ip_addr *id, bool is_mac)
{
	struct group *g = group_find(m, vlan->conf.id, id, is_mac);
	struct group **slot;

	if (g != NULL)
		return g;
	g = slab_take(&m->groups);
	if (g == NULL)
		return NULL;
	if (m->n_groups >= m->n_slots)
		table_double(m);
	g->vlan = vlan;
	g->id = *id;
	g->is_mac = is_mac;
	slot = slot_of(m, m->slots, m->n_slots, g);
	g->hash_next = *slot;
	*slot = g;
	g->vlan_next = vlan->groups;
	g->vlan_pprev = &vlan->groups;
	if (g->vlan_next != NULL)
		g->vlan_next->vlan_pprev = &g->vlan_next;
	vlan->groups = g;
	m->n_groups++;
	behind_join(m, g);
	group_touch(m, g);
	return g;
}

static void group_free(struct membership *m, struct group *g)
{
	struct group **at = slot_of(m, m->slots, m->n_slots, g);

	if (!g->is_mac)
		behind_unlink(g);
	while (g->is_mac && g->behind != NULL)
		behind_unlink(g->behind);
	while (*at != g)
		at = &(*at)->hash_next;
	*at = g->hash_next;
	*g->vlan_pprev = g->vlan_next;
	if (g->vlan_next != NULL)
		g->vlan_next->vlan_pprev = g->vlan_pprev;
	m->n_groups--;
	slab_give(&m->groups, g);
}

struct ip_addr group_id_from_mac(const struct mac_addr *mac)
{
	struct ip_addr id = {0};

	memcpy(&id.b[10], mac->b, sizeof(mac->b));
	return id;
}

struct mac_addr group_mac(const struct group *g)
{
	struct mac_addr mac;

	if (!g->is_mac)
		return mac_from_group(&g->id);
	memcpy(mac.b, &g->id.b[10], sizeof(mac.b));
	return mac;
}

struct group *group_find_named(
	const struct membership *m, uint16_t vlan, const struct membership_group *name)
{
	struct ip_addr id = name->is_mac ? group_id_from_mac(&name->mac) : name->ip;

	return group_find(m, vlan, &id, name->is_mac);
}

struct membership_group group_name(const struct group *g)
{
	struct membership_group name = {.is_mac = g->is_mac};

	if (g->is_mac)
		name.mac = group_mac(g);
	else
		name.ip = g->id;
	return name;
}

static void dirty_push(struct membership *m, struct group *g)
{
	if (g->dirty)
		return;
	g->dirty = true;
	g->dirty_next = m->dirty;
	m->dirty = g;
}

void group_touch(struct membership *m, struct group *g)
{
	dirty_push(m, g);
	if (!g->is_mac)
		return;
	for (struct group *ip = g->behind; ip != NULL; ip = ip->behind_next)
		dirty_push(m, ip);
}

void group_touch_vlan(struct membership *m, struct vlan_state *vlan)
{
	for (struct group *g = vlan->groups; g != NULL; g = g->vlan_next)
		dirty_push(m, g);
}

void group_flush(struct membership *m)
{
	while (m->dirty != NULL) {
		struct group *g = m->dirty;
		struct membership_group name = group_name(g);
		uint64_t digest = forwarding_digest(g);
		uint16_t vlan = g->vlan->conf.id;
		bool changed = digest != g->digest;

		m->dirty = g->dirty_next;
		g->dirty = false;
		g->digest = digest;
		if (g->rows == NULL)
			group_free(m, g);
		if (changed && m->sink.group_changed != NULL)
			m->sink.group_changed(m->sink.ctx, vlan, &name);
	}
}

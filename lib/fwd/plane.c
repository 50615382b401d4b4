/* SPDX-License-Identifier: BSD-3-Clause */
#include "fwd/plane.h"

#include <errno.h>
#include <stdlib.h>

#include "fwd/mem.h"
#include "fwd/plane_draft.h"

/*
 * How much memory a plane needs, its parts in it, and the table of addresses.
 */
struct plane_sizes {
	size_t vlans;
	size_t maps;
	size_t reaches;
	size_t macs; /* a power of two, more than twice the addresses */
};

static size_t port_addresses(const struct plane_port *p)
{
	return (1 + (size_t)p->n_more_macs) * (p->flags & PLANE_TRUNK ? p->n_trunk_vlans : 1);
}

static struct plane_sizes sizes_of(const struct plane_input *in)
{
	struct plane_sizes s = {.vlans = in->n_vlans, .maps = 1 + in->n_teams, .reaches = 1};
	size_t n_buckets = 1, n_addresses = 0;

	for (unsigned int t = 0; t < in->n_teams; t++) {
		if (in->teams[t].ip_hash)
			n_buckets = PLANE_N_BUCKETS;
	}
	for (unsigned int i = 0; i < in->n_ports; i++) {
		if (!(in->ports[i].flags & PLANE_GUEST)) {
			s.reaches++;
			continue;
		}
		s.reaches += n_buckets;
		s.maps += (in->ports[i].flags & PLANE_TRUNK) != 0;
		n_addresses += port_addresses(&in->ports[i]);
	}
	for (s.macs = 8; s.macs <= n_addresses * 2; s.macs *= 2)
		;
	return s;
}

/* Each part begins on a line of its own. */
static void *carve(uint8_t **at, size_t size)
{
	void *part = *at;

	*at += mem_round(size, MEM_LINE);
	return part;
}

static struct plane_image *image_create(const struct plane_input *in)
{
	struct plane_sizes s = sizes_of(in);
	size_t vlans = s.vlans * sizeof(struct plane_vlan);
	size_t map = VLAN_MAP_WORDS * sizeof(uint64_t), maps = s.maps * map;
	size_t reaches = s.reaches * sizeof(struct bitset);
	size_t macs = s.macs * sizeof(struct plane_mac);
	struct plane_image *image =
		mem_alloc(mem_round(sizeof(*image), MEM_LINE) + mem_round(vlans, MEM_LINE) +
			  mem_round(maps, MEM_LINE) + mem_round(reaches, MEM_LINE) +
			  mem_round(macs, MEM_LINE));
	uint8_t *at = (uint8_t *)image;

	if (image == NULL)
		return NULL;
	carve(&at, sizeof(*image));
	image->n_vlans = in->n_vlans;
	image->vlans = carve(&at, vlans);
	image->no_vlans = carve(&at, maps);
	image->team_vlans = image->no_vlans + VLAN_MAP_WORDS;
	image->guest_vlans = image->team_vlans + (size_t)in->n_teams * VLAN_MAP_WORDS;
	image->guest_reach = carve(&at, reaches);
	image->macs = carve(&at, macs);
	image->plane.mac_table = image->macs;
	image->plane.mac_mask = (uint32_t)(s.macs - 1);
	for (size_t i = 0; i < s.macs; i++)
		image->macs[i].key = PLANE_MAC_EMPTY;
	for (unsigned int i = 0; i < in->n_vlans; i++) {
		image->vlans[i].id = in->vlans[i].id;
		if (in->vlans[i].id < VLAN_ID_SIZE)
			image->plane.vlan[in->vlans[i].id] = &image->vlans[i];
	}
	return image;
}

/*
 * Which ports there are. A guest that is down belongs to no worker: its rings may be gone. An
 * uplink stays with its worker, so that nothing old waits in its queue when it comes up.
 */
static void draft_ports(struct plane_draft *d)
{
	struct plane *plane = &d->image->plane;

	for (unsigned int i = 0; i < d->in->n_ports; i++) {
		const struct plane_port *p = &d->in->ports[i];
		bool guest = p->flags & PLANE_GUEST;

		if (p->id >= BITSET_SIZE)
			continue;
		if (p->up)
			bitset_set(guest ? &d->guests : &d->uplinks, p->id);
		if (p->up && guest && p->promiscuous)
			bitset_set(&d->promiscuous, p->id);
		if (p->copies)
			bitset_set(&plane->copies, p->id);
		if (p->worker < PLANE_MAX_WORKERS && (p->up || !guest))
			bitset_set(&plane->owned[p->worker], p->id);
	}
}

/* The first to claim an address in a VLAN has it. */
static int mac_add(struct plane_draft *d, uint16_t vlan, const struct mac_addr *mac, uint16_t port)
{
	uint64_t key = plane_mac_key(vlan, mac);
	uint32_t i = (uint32_t)hash_mix(key), mask = d->image->plane.mac_mask;
	struct bitset ports;
	struct plane_mac *m;

	if (!vlan_known(d, vlan) || mac_is_zero(mac) || mac_is_multicast(mac))
		return 0;
	while (d->image->macs[i & mask].key != PLANE_MAC_EMPTY) {
		if (d->image->macs[i++ & mask].key == key)
			return 0;
	}
	m = &d->image->macs[i & mask];
	bitset_and(&ports, &d->promiscuous, &d->image->plane.vlan[vlan]->unknown->ports);
	bitset_set(&ports, port);
	m->set = portset_get(d->sets, &ports);
	if (m->set == NULL)
		return -ENOMEM;
	m->key = key;
	m->port = port;
	return 0;
}

static int port_mac_add(
	struct plane_draft *d, const struct plane_port *p, const struct mac_addr *mac)
{
	int ret = 0;

	if (!(p->flags & PLANE_TRUNK))
		return mac_add(d, p->vlan, mac, p->id);
	for (unsigned int i = 0; i < p->n_trunk_vlans && ret == 0; i++)
		ret = mac_add(d, p->trunk_vlans[i], mac, p->id);
	return ret;
}

/* A guest's own address comes before any that is learnt: nobody takes it by sending from it. */
static int draft_macs(struct plane_draft *d)
{
	const struct plane_port *end = d->in->ports + d->in->n_ports;
	int ret = 0;

	for (const struct plane_port *p = d->in->ports; p < end && ret == 0; p++) {
		if (p->id < BITSET_SIZE && bitset_has(&d->guests, p->id))
			ret = port_mac_add(d, p, &p->mac);
	}
	for (const struct plane_port *p = d->in->ports; p < end; p++) {
		if (p->id >= BITSET_SIZE || !bitset_has(&d->guests, p->id))
			continue;
		for (unsigned int i = 0; i < p->n_more_macs && ret == 0; i++)
			ret = port_mac_add(d, p, &p->more_macs[i]);
	}
	return ret;
}

struct plane *plane_build(const struct plane_input *in, struct portset_pool *sets)
{
	struct plane_draft d = {.in = in, .sets = sets, .image = image_create(in)};

	if (d.image == NULL)
		return NULL;
	draft_ports(&d);
	plane_draft_teams(&d);
	plane_draft_ingress(&d);
	if (plane_draft_vlans(&d) < 0 || draft_macs(&d) < 0) {
		plane_destroy(&d.image->plane, sets);
		return NULL;
	}
	return &d.image->plane;
}

void plane_destroy(struct plane *p, struct portset_pool *sets)
{
	struct plane_image *image = (struct plane_image *)p;

	if (p == NULL)
		return;
	for (unsigned int i = 0; i < image->n_vlans; i++) {
		portset_put(sets, image->vlans[i].flood);
		portset_put(sets, image->vlans[i].routers);
		portset_put(sets, image->vlans[i].unregistered);
		portset_put(sets, image->vlans[i].unregistered6);
		portset_put(sets, image->vlans[i].unknown);
	}
	for (uint32_t i = 0; i <= p->mac_mask; i++)
		portset_put(sets, image->macs[i].set);
	free(image);
}

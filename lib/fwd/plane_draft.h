/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef FWD_PLANE_DRAFT_H
#define FWD_PLANE_DRAFT_H

#include <stdbool.h>
#include <stdint.h>

#include "fwd/plane.h"

/*
 * A plane while it is compiled, in three steps: what ports may enter and reach (plane_reach.c), the
 * sets of each VLAN (plane_vlan.c), the addresses (plane.c). Everything but the sets, which are the
 * pool's, lies in one piece of memory behind the plane itself.
 */
#define VLAN_MAP_WORDS (VLAN_ID_SIZE / 64)

struct plane_image {
	struct plane plane; /* first: a pointer to it is one to this */
	unsigned int n_vlans;
	struct plane_vlan *vlans;   /* [n_vlans], as the policies of the input */
	struct plane_mac *macs;     /* [plane.mac_mask + 1] */
	uint64_t *no_vlans;         /* the map with no bit */
	uint64_t *team_vlans;       /* a map a team */
	uint64_t *guest_vlans;      /* a map a trunk guest: those not handed out yet */
	struct bitset *guest_reach; /* those not handed out yet */
};

struct plane_draft {
	const struct plane_input *in;
	struct portset_pool *sets;
	struct plane_image *image;
	/* Ports that are up: the others are destinations of nothing. */
	struct bitset guests;
	struct bitset uplinks;
	struct bitset promiscuous; /* guests that listen to everything */
};

static inline void vlan_map_set(uint64_t *map, uint16_t id)
{
	map[id / 64] |= 1ULL << (id % 64);
}

static inline bool vlan_map_has(const uint64_t *map, uint16_t id)
{
	return id < VLAN_ID_SIZE && (map[id / 64] >> (id % 64) & 1) != 0;
}

static inline bool vlan_known(const struct plane_draft *d, uint16_t id)
{
	return id < VLAN_ID_SIZE && d->image->plane.vlan[id] != NULL;
}

static inline const uint64_t *team_vlan_map(const struct plane_draft *d, unsigned int team)
{
	return d->image->team_vlans + (size_t)team * VLAN_MAP_WORDS;
}

/* Is this guest part of this VLAN? Asks the ingress, so after plane_draft_ingress. */
static inline bool guest_in_vlan(
	const struct plane_draft *d, const struct plane_port *guest, uint16_t id)
{
	if (guest->flags & PLANE_TRUNK)
		return vlan_map_has(d->image->plane.ingress[guest->id].vlans, id);
	return guest->vlan == id;
}

void plane_draft_teams(struct plane_draft *d);   /* the VLANs of each team */
void plane_draft_ingress(struct plane_draft *d); /* after teams */
int plane_draft_vlans(struct plane_draft *d);    /* after ingress; 0 or -ENOMEM */

#endif

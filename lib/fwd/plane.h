/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef FWD_PLANE_H
#define FWD_PLANE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/bitset.h"
#include "fwd/portset.h"

/*
 * The plane: everything a worker must know besides the group table, compiled by the control lcore
 * into one immutable object and published by one pointer. Ports, VLANs, who carries whom, who may
 * reach whom, unicast addresses, which worker owns which port: a failover or a new guest is a new
 * plane, so a worker sees all of a change or none of it.
 */
#define PLANE_MAX_WORKERS 16
#define PLANE_N_BUCKETS   64 /* of an ip-hash team; equals TEAM_N_BUCKETS */

#define PLANE_GUEST      (1u << 0) /* else an uplink */
#define PLANE_TRUNK      (1u << 1) /* frames keep their tag; else one access VLAN */
#define PLANE_ROUTER     (1u << 2) /* may be a querier or multicast router */
#define PLANE_ANY_SOURCE (1u << 3) /* forged_transmits: accept */
#define PLANE_LEARN      (1u << 4) /* show control the source addresses it does not know */
#define PLANE_REFLECTION (1u << 5) /* uplink of a team of several: own frames may come back */
#define PLANE_BEACON     (1u << 6) /* uplink that is probed: probes go to control */

/*
 * What the worker asks of the port a frame came in by. A port that is not listed, or an uplink in
 * no team, is a trunk without VLANs that reaches nobody: reach and vlans are never NULL. A VLAN with
 * a bit in vlans is in plane.vlan; an access port's may not be.
 */
struct plane_ingress {
	uint32_t flags;
	uint16_t vlan;              /* access VLAN; a trunk's untagged frames are VLAN 0 */
	uint16_t n_buckets;         /* 1, or PLANE_N_BUCKETS under ip-hash */
	struct mac_addr mac;        /* of a guest; all zero while unknown */
	const struct bitset *reach; /* [n_buckets]: ports a frame from here may leave by */
	const uint64_t *vlans;      /* bit per VLAN id that may enter a trunk; 0: untagged frames */
	uint64_t punts_per_s;       /* reports_per_s of a guest; 0: no limit */
};

/* What the worker asks of a VLAN. Each set holds all uplinks of its teams that are up and every
 * guest that may get the frame; reach then leaves those that this sender may send to. */
struct plane_vlan {
	uint16_t id;
	/* Ports that get this VLAN's frames with a tag, be they up or down. */
	struct bitset tagged;
	const struct portset *flood;   /* everyone: broadcast, 224.0.0.0/24, ff02::1 */
	const struct portset *routers; /* router ports and uplinks */
	/* Groups without an entry, by policy: flood, or plane_always. Solicited-node groups take
	 * flood in any case. */
	const struct portset *unregistered; /* IPv4, and what is not IP */
	const struct portset *unregistered6;
	/* Unicast to an address nobody has: uplinks, and whoever listens to everything. */
	const struct portset *unknown;
	struct bitset uplinks; /* of its teams, up or down */
};

struct plane_mac; /* an open-addressed table of (VLAN, MAC) -> set */

struct plane {
	struct plane_ingress ingress[BITSET_SIZE];
	const struct plane_vlan *vlan[VLAN_ID_SIZE]; /* NULL: nobody here uses it */
	/* Ports that a worker polls and writes: uplinks, and the guests that are up. */
	struct bitset owned[PLANE_MAX_WORKERS];
	/* Ports that take a copy of a frame and leave it to us: vhost guests. */
	struct bitset copies;
	const struct plane_mac *mac_table;
	uint32_t mac_mask;
};

struct plane_mac {
	uint64_t key;              /* vlan << 48 | MAC; PLANE_MAC_EMPTY: end of the probe */
	const struct portset *set; /* that port, and whoever listens to everything */
	uint16_t port;
};

#define PLANE_MAC_EMPTY UINT64_MAX

static inline uint64_t plane_mac_key(uint16_t vlan, const struct mac_addr *mac)
{
	return (uint64_t)vlan << 48 | mac_to_u64(mac);
}

/* Reader. NULL: nobody has this address in this VLAN. */
static inline const struct plane_mac *plane_mac_find(const struct plane *p, uint64_t key)
{
	for (uint32_t i = (uint32_t)hash_mix(key) & p->mac_mask;; i = (i + 1) & p->mac_mask) {
		const struct plane_mac *m = &p->mac_table[i];

		if (m->key == key)
			return m;
		if (m->key == PLANE_MAC_EMPTY)
			return NULL;
	}
}

/*
 * Writer: fill a builder, then plane_build compiles it. The builder is the control lcore's picture
 * of the switch in plain words; the plane is what the worker needs of it.
 */
struct plane_port {
	uint16_t id;
	/* PLANE_*, but REFLECTION, which plane_build finds. An uplink gets TRUNK in any case. */
	uint32_t flags;
	uint16_t vlan;
	const uint16_t *trunk_vlans; /* PLANE_TRUNK; VLAN 0 among them admits untagged frames */
	unsigned int n_trunk_vlans;
	struct mac_addr mac;
	const struct mac_addr *more_macs; /* learnt behind a port with PLANE_ANY_SOURCE */
	unsigned int n_more_macs;
	bool promiscuous; /* a guest that gets all unicast and all groups of its VLANs */
	/* A port that is down is in no set, has no address, and if a guest, no worker: after a grace
	 * period nobody touches it. */
	bool up;
	bool copies;
	uint8_t worker;
	uint32_t punts_per_s;
};

struct plane_team {
	const uint16_t *uplinks; /* all members, live or not: their frames are taken in */
	unsigned int n_uplinks;
	const uint16_t *vlans; /* NULL: all that guests use and no other team names */
	unsigned int n_vlans;
	bool ip_hash;
	const uint16_t *carrier; /* [BITSET_SIZE] by guest port id, UINT16_MAX: none */
	const uint16_t *bucket;  /* [PLANE_N_BUCKETS] under ip_hash */
};

/*
 * Groups without an entry: flood, or only who always gets them. The latter serves both
 * `unregistered: router-ports` and `drop`: a guest's frames reach router ports and its uplink under
 * either, and an uplink's reach leaves only guests that are routers or listen to everything.
 */
struct plane_vlan_policy {
	uint16_t id;
	bool flood_unregistered; /* IPv4, and what is not IP */
	bool flood_unregistered6;
	struct bitset router_ports; /* guests and uplinks heard or configured as routers */
	struct bitset takes_all;    /* guests whose own filter takes every multicast frame */
};

struct plane_input {
	const struct plane_port *ports;
	unsigned int n_ports;
	const struct plane_team *teams;
	unsigned int n_teams;
	const struct plane_vlan_policy *vlans; /* every VLAN that a guest uses */
	unsigned int n_vlans;
};

struct retire;

/*
 * NULL: no memory. in is not kept. Where two guests claim one address in a VLAN, own addresses come
 * before learnt ones, then the order of ports decides. VLANs that in->vlans does not list do not
 * exist, whoever names them. Sets are shared through the pool; plane_destroy gives them back.
 */
struct plane *plane_build(const struct plane_input *in, struct portset_pool *sets);
void plane_destroy(struct plane *p, struct portset_pool *sets); /* after the grace period */

/* The ports that a group's entry in this VLAN holds besides its members: router ports, uplinks, and
 * whoever listens to everything. Uplinks that are down too: nobody's reach names them, and so a
 * failover leaves all entries as they are. Empty when nobody uses the VLAN. */
struct bitset plane_always(const struct plane *p, uint16_t vlan);

#endif

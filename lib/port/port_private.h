/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PORT_PORT_PRIVATE_H
#define PORT_PORT_PRIVATE_H

#include <stdatomic.h>

#include "port/carrier.h"
#include "port/port.h"
#include "port/ring_fault.h"

/* The room's own view of a port, and port_io.h's. */
struct port {
	enum port_kind kind;
	uint16_t id;
	uint16_t ethdev; /* PORT_ETHDEV: DPDK's port id */
	atomic_int vid;  /* PORT_VHOST: the library's device while its rings may be used, else -1 */
	struct rte_mempool *pool;
	/* PORT_VHOST with rings of our own: NULL while they may not be used */
	_Atomic(struct vhost_rings *) rings;
	atomic_ullong rarp;     /* an announcement to make for the guest; 0: none */
	atomic_int fault;       /* enum ring_fault: what broke a ring last */
	atomic_uint n_faults;   /* how often that was */
	uint64_t n_refused;     /* frames from the guest that its ring could not deliver */
	atomic_uint entries;    /* of the ring to the guest; 0: it may not be used */
	uint64_t stream_octets; /* in rings, from which on copies go past the caches */
	bool own_rings;
	/* below: not for workers */
	const struct port_env *env;
	uint16_t generation;
	atomic_bool up;
	atomic_bool removed; /* ethdev: the host has taken the device, or wants it; not up again */
	bool client;
	/* vhost-user: the library's thread */
	atomic_int node;               /* of the guest's memory, or -1 */
	int attached;                  /* the vid that rings are of, or -1 */
	bool calls_change;             /* eventfds are being exchanged */
	enum ring_fault ring_fault[2]; /* of the rings that were taken away last */
	bool registered;
	char device[128];
	char driver[PORT_DRIVER_SIZE];
	/* ethdev: what it was told, and the way of link detection that came of it */
	struct port_profile profile;
	char link_text[96];
	struct carrier_watch watch; /* PORT_LINK_KERNEL */
	/* ethdev filters as programmed */
	bool all_multicast, promiscuous, unicast_open;
	unsigned int n_unicast, n_multicast;
	struct mac_addr *unicast;
	char multicast_text[48], unicast_text[48];
	struct port *next; /* vhost ports by path */
};

void port_tell(const struct port *p, enum port_fact_type type);
struct port *port_new(
	const struct port_env *env, uint16_t id, enum port_kind kind, const char *device);

void port_filter_init(struct port *p);
void port_ethdev_destroy(struct port *p);
void port_vhost_destroy(struct port *p);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PORT_VHOST_RINGS_PRIVATE_H
#define PORT_VHOST_RINGS_PRIVATE_H

#include <stdatomic.h>
#include <sys/eventfd.h>

#include "port/port_private.h"
#include "port/ring.h"
#include "port/vhost_rings.h"

#define N_RINGS    2 /* one queue pair */
#define TO_GUEST   0 /* as the front-end numbers them */
#define FROM_GUEST 1

/* In port.rarp, above the address: somebody asked. */
#define VHOST_RINGS_RARP (1ULL << 63)

/* The worker's while port.rings points to it; freed a grace period after. */
struct vhost_rings {
	struct ring ring[N_RINGS];
	atomic_int call_fd[N_RINGS]; /* ours; -1: the guest has none */
	bool told[N_RINGS];          /* that the ring is broken */
	bool packed;
	struct ring_memory memory;
};

/* A ring is of no use: count, and one word to control, once for each time that it is set up. */
static inline void vhost_rings_broken(struct port *p, enum ring_fault fault)
{
	atomic_fetch_add_explicit(&p->n_faults, 1, memory_order_relaxed);
	atomic_store_explicit(&p->fault, fault, memory_order_relaxed);
	port_tell(p, PORT_RING_FAULT);
}

static inline void vhost_rings_kick(struct vhost_rings *v, unsigned int i)
{
	int fd = atomic_load_explicit(&v->call_fd[i], memory_order_relaxed);

	if (fd >= 0)
		eventfd_write(fd, 1);
}

#endif

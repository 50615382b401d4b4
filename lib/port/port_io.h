/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PORT_PORT_IO_H
#define PORT_PORT_IO_H

#include <rte_ethdev.h>
#include <rte_vhost.h>

#include "port/port_private.h"
#include "port/ring.h"
#include "port/vhost_rings.h"

/*
 * The data path's half of a port. Called by the worker that owns it, inside one turn.
 */
#define PORT_VHOST_TXQ 1 /* the guest transmits, we dequeue */
#define PORT_VHOST_RXQ 0 /* the guest receives, we enqueue */

/* Once a turn, before port_rx: what a driver wants to be called for although nobody sends. */
static inline void port_idle(struct port *p)
{
	if (unlikely(p->profile.idle_tx))
		rte_eth_tx_burst(p->ethdev, 0, NULL, 0);
}

static inline uint16_t port_rx(struct port *p, struct rte_mbuf **frames, uint16_t n)
{
	int vid;

	if (p->kind == PORT_ETHDEV)
		return rte_eth_rx_burst(p->ethdev, 0, frames, n);
	if (p->own_rings)
		return vhost_rings_rx(p, frames, n);
	vid = atomic_load_explicit(&p->vid, memory_order_acquire);
	if (vid < 0)
		return 0;
	return rte_vhost_dequeue_burst(vid, PORT_VHOST_TXQ, p->pool, frames, n);
}

/* Frames that a guest has sent and that no buffer of ours could take, or empty ones, since the last
 * call. They were received, and are to be counted as such and as dropped. */
static inline uint64_t port_rx_refused(struct port *p)
{
	uint64_t n = p->n_refused;

	if (unlikely(n > 0))
		p->n_refused = 0;
	return n;
}

/* Is there anybody who could take a frame? */
static inline bool port_is_open(struct port *p)
{
	return p->kind == PORT_ETHDEV || atomic_load_explicit(&p->vid, memory_order_relaxed) >= 0;
}

/*
 * Frames on their way to guests. A guest's ring takes a copy, so one array, prepared once, is written
 * to ring after ring, and the frames stay the caller's.
 */
#define PORT_BURST 64

struct port_copies {
	struct rte_mbuf **frames;
	uint16_t n;
	uint32_t octets;  /* of all frames */
	uint64_t entries; /* of the rings that get them, port_entries() */
	struct ring_frame piece[PORT_BURST];
};

static inline void port_copies_init(
	struct port_copies *c, struct rte_mbuf **frames, uint16_t n, uint64_t entries)
{
	c->frames = frames;
	c->n = n;
	c->octets = 0;
	c->entries = entries;
	for (uint16_t i = 0; i < n; i++) {
		c->piece[i].data = rte_pktmbuf_mtod(frames[i], uint8_t *);
		c->piece[i].size = frames[i]->data_len;
		c->octets += frames[i]->data_len;
	}
}

/* Buffers that come round again only when the guest's ring has; 0: nobody is there. */
static inline uint32_t port_entries(struct port *p)
{
	return atomic_load_explicit(&p->entries, memory_order_relaxed);
}

static inline struct ring_done port_library_copy(struct port *p, const struct port_copies *c)
{
	int vid = atomic_load_explicit(&p->vid, memory_order_acquire);
	struct ring_done done = {0, 0};

	if (vid < 0)
		return done;
	done.n = rte_vhost_enqueue_burst(vid, PORT_VHOST_RXQ, c->frames, c->n);
	for (uint16_t i = 0; i < done.n; i++)
		done.octets += c->piece[i].size;
	return done;
}

/* How many fitted into a guest's ring, and their octets. */
static inline struct ring_done port_tx_copy(struct port *p, const struct port_copies *c)
{
	if (p->own_rings)
		return vhost_rings_tx(p, c);
	return port_library_copy(p, c);
}

/* Give frames to an ethdev; those it took are gone. Returns how many it took. */
static inline uint16_t port_tx(struct port *p, struct rte_mbuf **frames, uint16_t n)
{
	return rte_eth_tx_burst(p->ethdev, 0, frames, n);
}

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PORT_VHOST_RINGS_H
#define PORT_VHOST_RINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "port/ring.h"

/*
 * Our own rings behind a guest's port. The library keeps the protocol, and whatever it is told may
 * move or unmap what a ring looks at. So before it acts on a message the rings are taken from the
 * worker: one pointer, one grace period; their positions are handed to the library, which answers
 * GET_VRING_BASE from them. Afterwards they are built anew from what the library then says.
 *
 * The worker that owns the port calls _rx and _tx. All else is called on the library's thread, with
 * the lock of vhost.c held.
 */
struct port;
struct port_copies;
struct rte_mbuf;
struct vhost_rings;

/* A connection is there; what is known of an earlier one with this vid is not of this one. 0, or
 * -ENOSPC: the connection is to be refused. */
int vhost_rings_connected(int vid);

/* Before and after the library acts on a message. p is NULL or the port that serves vid. A message
 * that failed has no after. */
void vhost_rings_message(struct port *p, int vid, const void *message);
void vhost_rings_message_done(struct port *p, int vid, const void *message);

/* The device is ready, or gone: p->vid is set, or about to be taken back. */
void vhost_rings_begin(struct port *p);
void vhost_rings_end(struct port *p);

/* The front-end enables or disables a queue. p as above. */
void vhost_rings_queue(struct port *p, int vid, uint16_t queue, bool on);

/* Frames from the guest; they are the caller's. */
uint16_t vhost_rings_rx(struct port *p, struct rte_mbuf **frames, uint16_t n);

/* Copies for the guest. */
struct ring_done vhost_rings_tx(struct port *p, const struct port_copies *c);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include <rte_arp.h>
#include <rte_mbuf.h>

#include "port/port_io.h"
#include "port/vhost_rings_private.h"

/* The worker's half of vhost_rings.h. */
#define BURST        64
#define STREAM_FRAME 512 /* octets */

static void broken_tell(struct port *p, struct vhost_rings *v, unsigned int i)
{
	v->told[i] = true;
	vhost_rings_broken(p, v->ring[i].fault);
}

static inline void broken_check(struct port *p, struct vhost_rings *v, unsigned int i)
{
	if (unlikely(v->ring[i].fault != RING_OK) && !v->told[i])
		broken_tell(p, v, i);
}

/* Interrupts for what the last turn used. Their barrier comes cheap by now: the stores it waits for
 * are a turn old. */
static inline void kicks_give(struct vhost_rings *v)
{
	if (!v->ring[TO_GUEST].unsignalled && !v->ring[FROM_GUEST].unsignalled)
		return;
	rte_atomic_thread_fence(__ATOMIC_SEQ_CST);
	for (unsigned int i = 0; i < N_RINGS; i++) {
		if (ring_kick_wanted(&v->ring[i]))
			vhost_rings_kick(v, i);
	}
}

/* The front-end's wish, as a frame from the guest (vhost-user.rst, VHOST_USER_SEND_RARP). */
static uint16_t rarp_build(struct port *p, struct rte_mbuf **frame)
{
	uint64_t asked = atomic_exchange(&p->rarp, 0);
	struct rte_ether_addr mac;

	memcpy(&mac, &asked, sizeof(mac));
	*frame = rte_net_make_rarp_packet(p->pool, &mac);
	return *frame != NULL;
}

static uint16_t frames_take(struct port *p, struct ring *r, struct rte_mbuf **frames, uint16_t n)
{
	struct ring_room rooms[BURST];
	uint16_t got, room;

	n = ring_waiting(r, RTE_MIN(n, (uint16_t)BURST));
	if (n == 0 || rte_pktmbuf_alloc_bulk(p->pool, frames, n) != 0)
		return 0;
	room = rte_pktmbuf_tailroom(frames[0]);
	for (uint16_t i = 0; i < n; i++)
		rooms[i] = (struct ring_room){rte_pktmbuf_mtod(frames[i], uint8_t *), room};
	got = ring_dequeue(r, rooms, n);
	for (uint16_t i = 0; i < got; i++)
		frames[i]->data_len = (uint16_t)(frames[i]->pkt_len = rooms[i].size);
	p->n_refused += r->n_bad;
	r->n_bad = 0;
	if (got < n)
		rte_pktmbuf_free_bulk(frames + got, (unsigned int)(n - got));
	return got;
}

uint16_t vhost_rings_rx(struct port *p, struct rte_mbuf **frames, uint16_t n)
{
	struct vhost_rings *v = atomic_load_explicit(&p->rings, memory_order_acquire);
	uint16_t got = 0;

	if (v == NULL)
		return 0;
	kicks_give(v);
	if (unlikely(atomic_load_explicit(&p->rarp, memory_order_relaxed) != 0))
		got = rarp_build(p, frames);
	got = (uint16_t)(got +
			 frames_take(p, &v->ring[FROM_GUEST], frames + got, (uint16_t)(n - got)));
	broken_check(p, v, FROM_GUEST);
	return got;
}

/*
 * Small frames go through the caches in any case: their reader would wait for each first line. Large
 * ones go past them when the rings they are for hold more than the caches do (ring_stores.h).
 */
static inline bool stores_stream(const struct port *p, const struct port_copies *c)
{
	uint32_t mean = c->octets / c->n;

	return mean >= STREAM_FRAME && c->entries * mean >= p->stream_octets;
}

struct ring_done vhost_rings_tx(struct port *p, const struct port_copies *c)
{
	struct vhost_rings *v = atomic_load_explicit(&p->rings, memory_order_acquire);
	struct ring_done done = {0, 0};

	if (v == NULL)
		return done;
	done = ring_enqueue(&v->ring[TO_GUEST], c->piece, c->n, stores_stream(p, c));
	broken_check(p, v, TO_GUEST);
	return done;
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include "port/vhost_rings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/vhost_types.h>
#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <linux/virtio_ring.h>
#include <rte_rcu_qsbr.h>
#include <rte_vhost.h>

#include "port/vhost_rings_private.h"

#define MAX_DEVICES 1024   /* of the library */
#define WRAP        0x8000 /* a packed ring's position: slot, and the wrap counter above it */

/* What a message may be asked to do, vhost-user.rst. */
enum request {
	REQUEST_GET_FEATURES = 1,
	REQUEST_SET_MEM_TABLE = 5,
	REQUEST_SET_VRING_NUM = 8,
	REQUEST_SET_VRING_ADDR = 9,
	REQUEST_SET_VRING_BASE = 10,
	REQUEST_SET_VRING_CALL = 13,
	REQUEST_GET_PROTOCOL_FEATURES = 15,
	REQUEST_GET_QUEUE_NUM = 17,
	REQUEST_SEND_RARP = 19,
	REQUEST_NET_SET_MTU = 20,
	REQUEST_ADD_MEM_REG = 37,
	REQUEST_REM_MEM_REG = 38,
	REQUEST_SET_STATUS = 39,
	REQUEST_GET_STATUS = 40,
};

/* On the wire: request, flags, size, and then what is asked. */
#define MESSAGE_PAYLOAD 12

/* What the library knows of a connection and does not tell. */
struct session {
	bool memory; /* there is a memory table */
	bool on[N_RINGS];
};

static struct session sessions[MAX_DEVICES];

/* --- building and taking apart: the library's thread --- */

static int memory_read(int vid, struct ring_memory *memory)
{
	struct ring_region regions[RING_MAX_REGIONS];
	struct rte_vhost_memory *table = NULL;
	enum ring_fault fault = RING_FAULT_REGIONS;

	if (rte_vhost_get_mem_table(vid, &table) < 0)
		return -ENODEV;
	if (table->nregions <= RING_MAX_REGIONS) {
		for (uint32_t i = 0; i < table->nregions; i++)
			regions[i] = (struct ring_region){
				.guest = table->regions[i].guest_phys_addr,
				.size = table->regions[i].size,
				.host = (uint8_t *)(uintptr_t)table->regions[i].host_user_addr,
			};
		fault = ring_memory_init(memory, regions, table->nregions);
	}
	free(table);
	return fault == RING_OK ? 0 : -EINVAL;
}

static bool has(uint64_t features, unsigned int bit)
{
	return features >> bit & 1;
}

static void log_read(int vid, uint64_t features, struct ring_log *log)
{
	uint64_t base = 0, size = 0;

	if (!has(features, VHOST_F_LOG_ALL) || rte_vhost_get_log_base(vid, &base, &size) < 0)
		return;
	log->bits = (uint8_t *)(uintptr_t)base;
	log->size = size;
}

/* Where the library says ring i is, and with what the front-end agreed to. */
static int setup_read(int vid, uint16_t i, uint64_t features, struct ring_setup *setup)
{
	struct rte_vhost_vring vring = {.callfd = -1};
	uint16_t next = 0, used = 0;

	rte_vhost_get_vhost_vring(vid, i, &vring);
	rte_vhost_get_vring_base(vid, i, &next, &used);
	setup->descriptors = vring.desc;
	setup->driver = vring.avail;
	setup->device = vring.used;
	setup->size = vring.size;
	setup->packed = has(features, VIRTIO_F_RING_PACKED);
	setup->next = setup->packed ? next & (WRAP - 1) : next;
	setup->wrap = next & WRAP;
	setup->mergeable = has(features, VIRTIO_NET_F_MRG_RXBUF);
	setup->event_index = has(features, VIRTIO_RING_F_EVENT_IDX);
	setup->indirect = has(features, VIRTIO_RING_F_INDIRECT_DESC);
	setup->short_header = !has(features, VIRTIO_F_VERSION_1) && !setup->mergeable;
	log_read(vid, features, &setup->log);
	return vring.callfd;
}

/*
 * Our copy of the eventfd that interrupts the guest. The worker writes to it, so it must not make
 * the worker wait, whatever the front-end sent: a pipe or a file is not taken, and an eventfd that
 * its owner has filled up to the brim refuses. Those have no type of file, as all anonymous inodes.
 */
static int fd_copy(int fd)
{
	struct stat st;
	int flags;

	if (fd < 0 || fstat(fd, &st) < 0 || (st.st_mode & S_IFMT) != 0)
		return -1;
	flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return -1;
	return fcntl(fd, F_DUPFD_CLOEXEC, 0);
}

static void fd_close(int fd)
{
	if (fd >= 0)
		close(fd);
}

/* A ring that its guest has broken stays so until it is set up again. False: the library knows of
 * no ring. */
static bool ring_attach(struct port *p, struct vhost_rings *v, uint16_t i, uint64_t features)
{
	struct ring_setup setup = {.memory = &v->memory};
	int call_fd = setup_read(p->attached, i, features, &setup);

	if (setup.descriptors == NULL)
		return false;
	atomic_store(&v->call_fd[i], fd_copy(call_fd));
	v->packed = setup.packed;
	ring_open(&v->ring[i], &setup);
	if (p->ring_fault[i] != RING_OK) {
		v->ring[i].fault = p->ring_fault[i];
		v->told[i] = true;
	}
	ring_quiet(&v->ring[i]);
	return true;
}

static struct vhost_rings *rings_new(void)
{
	struct vhost_rings *v =
		aligned_alloc(RTE_CACHE_LINE_SIZE, RTE_ALIGN_CEIL(sizeof(*v), RTE_CACHE_LINE_SIZE));

	if (v == NULL)
		return NULL;
	memset(v, 0, sizeof(*v));
	for (uint16_t i = 0; i < N_RINGS; i++)
		atomic_init(&v->call_fd[i], -1);
	return v;
}

static void rings_free(struct vhost_rings *v)
{
	for (uint16_t i = 0; i < N_RINGS; i++)
		fd_close(v->call_fd[i]);
	free(v);
}

static void rings_attach(struct port *p)
{
	const struct session *s = &sessions[p->attached];
	struct vhost_rings *v;
	uint64_t features = 0;
	int rc;

	if (!p->own_rings || !s->memory || !s->on[TO_GUEST] || !s->on[FROM_GUEST])
		return;
	v = rings_new();
	if (v == NULL)
		return;
	rc = memory_read(p->attached, &v->memory);
	if (rc == -EINVAL)
		vhost_rings_broken(p, RING_FAULT_REGIONS);
	if (rc < 0 || rte_vhost_get_negotiated_features(p->attached, &features) < 0 ||
		!ring_attach(p, v, TO_GUEST, features) ||
		!ring_attach(p, v, FROM_GUEST, features)) {
		rings_free(v);
		return;
	}
	atomic_store_explicit(&p->rings, v, memory_order_release);
	atomic_store(&p->entries, v->ring[TO_GUEST].size);
	/* Whatever was used before may not have been told. */
	for (unsigned int i = 0; i < N_RINGS; i++)
		vhost_rings_kick(v, i);
}

static void rings_detach(struct port *p)
{
	struct vhost_rings *v = atomic_exchange(&p->rings, NULL);

	if (v == NULL)
		return;
	atomic_store(&p->entries, 0);
	rte_rcu_qsbr_synchronize(p->env->qsbr, RTE_QSBR_THRID_INVALID);
	for (uint16_t i = 0; i < N_RINGS; i++) {
		const struct ring *r = &v->ring[i];
		uint16_t next = (uint16_t)(r->next | (v->packed && r->wrap ? WRAP : 0));

		p->ring_fault[i] = r->fault;
		rte_vhost_set_vring_base(p->attached, i, next, next);
		if (r->unsignalled)
			vhost_rings_kick(v, i);
	}
	rings_free(v);
}

int vhost_rings_connected(int vid)
{
	if (vid < 0 || vid >= MAX_DEVICES)
		return -ENOSPC;
	sessions[vid] = (struct session){0};
	return 0;
}

void vhost_rings_begin(struct port *p)
{
	p->attached = atomic_load(&p->vid);
	memset(p->ring_fault, 0, sizeof(p->ring_fault));
	rings_attach(p);
}

void vhost_rings_end(struct port *p)
{
	rings_detach(p);
	p->attached = -1;
	p->calls_change = false;
}

void vhost_rings_queue(struct port *p, int vid, uint16_t queue, bool on)
{
	if (vid < 0 || vid >= MAX_DEVICES || queue >= N_RINGS)
		return;
	sessions[vid].on[queue] = on;
	if (p == NULL || p->attached != vid || p->calls_change)
		return;
	if (!on)
		rings_detach(p);
	else if (atomic_load(&p->rings) == NULL)
		rings_attach(p);
}

/* --- messages --- */

static bool is_harmless(uint32_t request)
{
	switch (request) {
	case REQUEST_GET_FEATURES:
	case REQUEST_GET_PROTOCOL_FEATURES:
	case REQUEST_GET_QUEUE_NUM:
	case REQUEST_SEND_RARP:
	case REQUEST_NET_SET_MTU:
	case REQUEST_SET_STATUS:
	case REQUEST_GET_STATUS:
		return true;
	default:
		return false;
	}
}

static bool moves_memory(uint32_t request)
{
	return request == REQUEST_SET_MEM_TABLE || request == REQUEST_ADD_MEM_REG ||
	       request == REQUEST_REM_MEM_REG;
}

static uint32_t message_request(const void *message)
{
	uint32_t request;

	memcpy(&request, message, sizeof(request));
	return request;
}

static uint64_t message_u64(const void *message)
{
	uint64_t v;

	memcpy(&v, (const uint8_t *)message + MESSAGE_PAYLOAD, sizeof(v));
	return v;
}

/* QEMU changes the eventfd whenever a guest masks its interrupt, and the library takes the queue for
 * disabled meanwhile. Nothing moves, so the rings stay, and no frame is lost. */
static void call_renew(struct port *p, uint32_t i)
{
	struct vhost_rings *v = atomic_load(&p->rings);
	struct rte_vhost_vring vring = {.callfd = -1};
	int old;

	if (v == NULL || i >= N_RINGS ||
		rte_vhost_get_vhost_vring(p->attached, (uint16_t)i, &vring) < 0)
		return;
	old = atomic_exchange(&v->call_fd[i], fd_copy(vring.callfd));
	rte_rcu_qsbr_synchronize(p->env->qsbr, RTE_QSBR_THRID_INVALID);
	fd_close(old);
	vhost_rings_kick(v, i);
}

/* With the next message: has the library enabled the queue again? */
static void calls_end(struct port *p)
{
	const struct session *s = &sessions[p->attached];

	p->calls_change = false;
	if (!s->on[TO_GUEST] || !s->on[FROM_GUEST])
		rings_detach(p);
}

void vhost_rings_message(struct port *p, int vid, const void *message)
{
	uint32_t request = message_request(message);

	if (vid < 0 || vid >= MAX_DEVICES)
		return;
	/* Until the message has succeeded nobody knows; the library itself does not look. */
	if (moves_memory(request))
		sessions[vid].memory = false;
	if (p == NULL || p->attached != vid)
		return;
	if (request == REQUEST_SEND_RARP)
		atomic_store(&p->rarp, message_u64(message) | VHOST_RINGS_RARP);
	if (p->calls_change)
		calls_end(p);
	if (request == REQUEST_SET_VRING_CALL)
		p->calls_change = true;
	else if (!is_harmless(request))
		rings_detach(p);
}

void vhost_rings_message_done(struct port *p, int vid, const void *message)
{
	uint32_t request = message_request(message), ring = (uint32_t)message_u64(message);

	if (vid < 0 || vid >= MAX_DEVICES)
		return;
	if (moves_memory(request))
		sessions[vid].memory = true;
	if (p == NULL || p->attached != vid)
		return;
	if ((request == REQUEST_SET_VRING_NUM || request == REQUEST_SET_VRING_ADDR ||
		    request == REQUEST_SET_VRING_BASE) &&
		ring < N_RINGS)
		p->ring_fault[ring] = RING_OK;
	if (request == REQUEST_SET_VRING_CALL)
		call_renew(p, ring & 0xff);
	if (atomic_load(&p->rings) == NULL)
		rings_attach(p);
}

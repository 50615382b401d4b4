/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <linux/vhost_types.h>
#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <numaif.h>
#include <rte_rcu_qsbr.h>
#include <rte_vhost.h>

#include "port/port_private.h"
#include "port/vhost_rings.h"

/*
 * The back-end of a guest's virtio NIC. The library speaks vhost-user on a thread of its own and
 * calls back there; a callback finds its port by the socket's path, changes the one word that
 * workers look at, and tells control. A device that goes is let go only after every worker has
 * passed a quiescent state, so no worker ever holds a ring that the library unmaps.
 */
static pthread_mutex_t vhost_lock = PTHREAD_MUTEX_INITIALIZER;
static struct port *vhost_ports;

/* Offered to no guest: checksum and segmentation offloads have been the way into the library
 * (threats.md), and a switch needs none of them; so have indirect descriptors, which only our own
 * rings take. One queue pair a guest: a pair belongs to one worker. */
static const unsigned int refused_features[] = {
	VIRTIO_NET_F_MQ,
	VIRTIO_NET_F_CSUM,
	VIRTIO_NET_F_GUEST_CSUM,
	VIRTIO_NET_F_GUEST_TSO4,
	VIRTIO_NET_F_GUEST_TSO6,
	VIRTIO_NET_F_GUEST_ECN,
	VIRTIO_NET_F_GUEST_UFO,
	VIRTIO_NET_F_HOST_TSO4,
	VIRTIO_NET_F_HOST_TSO6,
	VIRTIO_NET_F_HOST_ECN,
	VIRTIO_NET_F_HOST_UFO,
};

/* vhost-user.rst: request, flags and size of a message, then what it says. */
#define REQUEST_SET_LOG_BASE 6
#define REQUEST_SEND_RARP    19
#define MESSAGE_LOG_OFFSET   20 /* 12, and 8 for the size of the log */

#define PROTOCOL_F_INFLIGHT_SHMFD 12 /* vhost-user.rst; not for guests, threats.md */

static struct port *port_of_path(const char *path)
{
	struct port *p;

	for (p = vhost_ports; p != NULL; p = p->next) {
		if (strcmp(p->device, path) == 0)
			return p;
	}
	return NULL;
}

/* With vhost_lock held. */
static struct port *port_of_vid(int vid)
{
	char path[sizeof(((struct port *)0)->device)];

	if (rte_vhost_get_ifname(vid, path, sizeof(path)) < 0)
		return NULL;
	return port_of_path(path);
}

/*
 * The library counts the offset of a dirty log twice (CVE-2026-86563), so that whoever logs writes
 * behind the mapping. QEMU's logs begin at 0; another one ends the connection.
 */
static bool log_is_shifted(const void *message)
{
	uint64_t offset;

	memcpy(&offset, (const uint8_t *)message + MESSAGE_LOG_OFFSET, sizeof(offset));
	return offset != 0;
}

/*
 * VHOST_USER_SEND_RARP, as it comes: QEMU sends it for a guest that has moved in and cannot announce
 * itself. The frame that the library makes of it would tell the same, but a guest can send such
 * frames too, and an untagged one does not pass a trunk. A message begins with its request.
 */
static enum rte_vhost_msg_result message_seen(int vid, void *message)
{
	uint32_t request;
	struct port *p;

	memcpy(&request, message, sizeof(request));
	if (request == REQUEST_SET_LOG_BASE && log_is_shifted(message))
		return RTE_VHOST_MSG_RESULT_ERR;
	pthread_mutex_lock(&vhost_lock);
	p = port_of_vid(vid);
	if (request == REQUEST_SEND_RARP && p != NULL && atomic_load(&p->vid) == vid)
		port_tell(p, PORT_ANNOUNCED);
	vhost_rings_message(p, vid, message);
	pthread_mutex_unlock(&vhost_lock);
	return RTE_VHOST_MSG_RESULT_NOT_HANDLED;
}

static enum rte_vhost_msg_result message_done(int vid, void *message)
{
	pthread_mutex_lock(&vhost_lock);
	vhost_rings_message_done(port_of_vid(vid), vid, message);
	pthread_mutex_unlock(&vhost_lock);
	return RTE_VHOST_MSG_RESULT_NOT_HANDLED;
}

static int connection_made(int vid)
{
	static const struct rte_vhost_user_extern_ops ops = {
		.pre_msg_handle = message_seen,
		.post_msg_handle = message_done,
	};

	return vhost_rings_connected(vid) < 0 ? -1
					      : rte_vhost_extern_callback_register(vid, &ops, NULL);
}

static int queue_changed(int vid, uint16_t queue, int on)
{
	pthread_mutex_lock(&vhost_lock);
	vhost_rings_queue(port_of_vid(vid), vid, queue, on);
	pthread_mutex_unlock(&vhost_lock);
	return 0;
}

/* Rings that were used before this connection: the guest has moved in, or we were restarted. A packed
 * ring begins at slot 0 with its wrap counter set, the bit above the slot (virtio 1.2, 2.8.1). */
static bool rings_are_old(int vid)
{
	uint16_t used = 0, avail = 0, fresh;
	uint64_t features = 0;

	rte_vhost_get_negotiated_features(vid, &features);
	fresh = features & (1ULL << VIRTIO_F_RING_PACKED) ? 0x8000 : 0;
	for (uint16_t ring = 0; ring < 2; ring++) {
		if (rte_vhost_get_vring_base(vid, ring, &avail, &used) == 0 && used != fresh)
			return true;
	}
	return false;
}

/* Where the guest's memory is: its first ring, which the guest has written, so that the page exists.
 * -1: a kernel without NUMA, or a service that may not ask. */
static int node_of_guest(int vid)
{
	struct rte_vhost_vring ring;
	int node = -1;

	if (rte_vhost_get_vhost_vring(vid, 0, &ring) < 0 ||
		get_mempolicy(&node, NULL, 0, ring.desc, MPOL_F_NODE | MPOL_F_ADDR) < 0)
		return -1;
	return node;
}

static int device_ready(int vid)
{
	struct port *p;
	int result = -1;

	rte_vhost_enable_guest_notification(vid, 1, 0); /* we poll: no kicks */
	pthread_mutex_lock(&vhost_lock);
	p = port_of_vid(vid);
	/* A socket serves one front-end; a second one that connects meanwhile gets no rings. */
	if (p != NULL && atomic_load(&p->vid) < 0) {
		if (rings_are_old(vid))
			port_tell(p, PORT_MOVED_IN);
		atomic_store_explicit(&p->vid, vid, memory_order_release);
		vhost_rings_begin(p);
		atomic_store(&p->node, node_of_guest(vid));
		atomic_store(&p->up, true);
		port_tell(p, PORT_UP);
		result = 0;
	}
	pthread_mutex_unlock(&vhost_lock);
	return result;
}

static void device_gone(int vid)
{
	struct port *p;

	pthread_mutex_lock(&vhost_lock);
	p = port_of_vid(vid);
	if (p != NULL && atomic_load(&p->vid) == vid) {
		atomic_store_explicit(&p->vid, -1, memory_order_seq_cst);
		atomic_store(&p->up, false);
		atomic_store(&p->node, -1);
		vhost_rings_end(p);
		rte_rcu_qsbr_synchronize(p->env->qsbr, RTE_QSBR_THRID_INVALID);
		port_tell(p, PORT_DOWN);
	}
	pthread_mutex_unlock(&vhost_lock);
}

/* After device_gone, if there was a device. */
static void connection_lost(int vid)
{
	struct port *p;

	pthread_mutex_lock(&vhost_lock);
	p = port_of_vid(vid);
	if (p != NULL && atomic_load(&p->vid) < 0)
		port_tell(p, PORT_CLOSED);
	pthread_mutex_unlock(&vhost_lock);
}

static int features_changed(int vid, uint64_t features)
{
	struct port *p;

	pthread_mutex_lock(&vhost_lock);
	p = port_of_vid(vid);
	if (p != NULL)
		port_tell(p, features & (1ULL << VHOST_F_LOG_ALL) ? PORT_LOG_START : PORT_LOG_STOP);
	pthread_mutex_unlock(&vhost_lock);
	return 0;
}

static const struct rte_vhost_device_ops vhost_ops = {
	.new_connection = connection_made,
	.destroy_connection = connection_lost,
	.new_device = device_ready,
	.destroy_device = device_gone,
	.features_changed = features_changed,
	.vring_state_changed = queue_changed,
};

/* 0 when path is free to bind, having removed a socket that nobody serves any more. */
static int path_make_free(const char *path, struct error *err)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	struct stat st;
	int fd, rc;

	if (lstat(path, &st) < 0)
		return errno == ENOENT
			       ? 0
			       : error_set(err, -errno, "socket %s: %s", path, strerror(errno));
	if (!S_ISSOCK(st.st_mode))
		return error_set(err, -EEXIST,
			"socket %s: a file that is no socket stands there; remove it or choose "
			"another path",
			path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return error_set(err, -errno, "socket %s: %s", path, strerror(errno));
	memcpy(addr.sun_path, path, strlen(path) + 1);
	rc = connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ? errno : 0;
	close(fd);
	if (rc == 0)
		return error_set(err, -EADDRINUSE,
			"socket %s is in use by another process; stop it or choose another path",
			path);
	if (rc != ECONNREFUSED || unlink(path) < 0)
		return error_set(err, -EADDRINUSE, "socket %s exists and cannot be replaced: %s",
			path, strerror(rc != ECONNREFUSED ? rc : errno));
	return 0;
}

static int driver_configure(const char *path, bool own_rings, struct error *err)
{
	uint64_t protocol = 0, refused = 0;

	for (unsigned int i = 0; i < sizeof(refused_features) / sizeof(refused_features[0]); i++)
		refused |= 1ULL << refused_features[i];
	if (!own_rings)
		refused |= 1ULL << VIRTIO_RING_F_INDIRECT_DESC;
	if (rte_vhost_driver_disable_features(path, refused) < 0)
		return error_set(
			err, -EINVAL, "socket %s: the vhost library refuses our features", path);
	if (rte_vhost_driver_get_protocol_features(path, &protocol) == 0)
		rte_vhost_driver_set_protocol_features(
			path, protocol & ~(1ULL << PROTOCOL_F_INFLIGHT_SHMFD));
	if (rte_vhost_driver_callback_register(path, &vhost_ops) < 0)
		return error_set(err, -EINVAL, "socket %s: the vhost library refuses it", path);
	return 0;
}

/* Bind (server) or begin to connect (client). The socket is born 0660: umask, not chmod after. */
static int driver_start(const char *path, struct error *err)
{
	mode_t old = umask(0117);
	int rc = rte_vhost_driver_start(path);

	umask(old);
	if (rc < 0)
		return error_set(err, -EACCES,
			"socket %s cannot be served: %s; does its directory exist and is it "
			"writable?",
			path, errno != 0 ? strerror(errno) : "refused by the vhost library");
	return 0;
}

static void vhost_ports_remove(struct port *p)
{
	struct port **at;

	pthread_mutex_lock(&vhost_lock);
	for (at = &vhost_ports; *at != NULL; at = &(*at)->next) {
		if (*at == p) {
			*at = p->next;
			break;
		}
	}
	pthread_mutex_unlock(&vhost_lock);
}

int port_vhost_create(const struct port_env *env, uint16_t id, const char *path, bool client,
	struct port **out, struct error *err)
{
	struct port *p;
	int rc;

	if (strlen(path) >= sizeof(((struct sockaddr_un *)0)->sun_path))
		return error_set(
			err, -ENAMETOOLONG, "socket %s: longer than a socket path may be", path);
	if (!client) {
		rc = path_make_free(path, err);
		if (rc < 0)
			return rc;
	}
	p = port_new(env, id, PORT_VHOST, path);
	if (p == NULL)
		return error_set(err, -ENOMEM, "socket %s: no memory", path);
	snprintf(p->driver, sizeof(p->driver), "vhost-user");
	p->client = client;
	if (rte_vhost_driver_register(path, client ? RTE_VHOST_USER_CLIENT : 0) < 0) {
		rc = error_set(err, -EBUSY, "socket %s: already served by this switch", path);
		goto free_port;
	}
	rc = driver_configure(path, env->own_rings, err);
	if (rc < 0)
		goto unregister;
	pthread_mutex_lock(&vhost_lock);
	p->next = vhost_ports;
	vhost_ports = p;
	pthread_mutex_unlock(&vhost_lock);
	errno = 0;
	rc = driver_start(path, err);
	if (rc < 0)
		goto remove;
	p->registered = true;
	*out = p;
	return 0;

remove:
	vhost_ports_remove(p);
unregister:
	rte_vhost_driver_unregister(path);
free_port:
	free(p);
	return rc;
}

/* Unregistering closes the connection, which calls device_gone on this thread. */
void port_vhost_destroy(struct port *p)
{
	if (p->registered)
		rte_vhost_driver_unregister(p->device);
	vhost_ports_remove(p);
}

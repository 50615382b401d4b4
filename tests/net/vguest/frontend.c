/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <inttypes.h>
#include <linux/virtio_config.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "frontend.h"
#include "link.h"
#include "rings.h"

#define ANSWER_TIMEOUT_S 5

enum request {
	GET_FEATURES = 1,
	SET_FEATURES = 2,
	SET_OWNER = 3,
	SET_MEM_TABLE = 5,
	SET_LOG_BASE = 6,
	SET_VRING_NUM = 8,
	SET_VRING_ADDR = 9,
	SET_VRING_BASE = 10,
	GET_VRING_BASE = 11,
	SET_VRING_KICK = 12,
	SET_VRING_CALL = 13,
	GET_PROTOCOL_FEATURES = 15,
	SET_PROTOCOL_FEATURES = 16,
	SET_VRING_ENABLE = 18,
	SET_INFLIGHT_FD = 32,
};

#define FLAG_VERSION    1u
#define FLAG_NEED_REPLY 8u
#define F_PROTOCOL      (UINT64_C(1) << 30)
#define P_RARP          (UINT64_C(1) << 2)
#define P_REPLY_ACK     (UINT64_C(1) << 3)
#define WANT_PROTOCOL   (P_RARP | P_REPLY_ACK)

struct vring_state {
	uint32_t index, num;
};
struct vring_addr {
	uint32_t index, flags;
	uint64_t desc, used, avail, log;
};
struct memory_table {
	uint32_t n, pad;
	uint64_t guest, size, user, offset; /* the one region */
};

struct msg {
	uint32_t request, flags, size;
	union {
		uint64_t u64;
		struct vring_state state;
		struct vring_addr addr;
		struct memory_table memory;
		uint8_t raw[512];
	};
} __attribute__((packed));
#define MSG_HDR offsetof(struct msg, u64)

uint64_t frontend_default_features(void)
{
	return UINT64_C(1) << VIRTIO_F_VERSION_1 | UINT64_C(1) << VIRTIO_NET_F_MRG_RXBUF |
	       F_PROTOCOL;
}

/* ---- one message ---- */

static int msg_send(int conn, const struct msg *msg, int fd)
{
	char control[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec iov = {(void *)msg, MSG_HDR + msg->size};
	struct msghdr hdr = {.msg_iov = &iov, .msg_iovlen = 1};

	if (fd >= 0) {
		hdr.msg_control = control;
		hdr.msg_controllen = sizeof(control);
		struct cmsghdr *cmsg = CMSG_FIRSTHDR(&hdr);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(cmsg), &fd, sizeof(int));
	}
	return sendmsg(conn, &hdr, MSG_NOSIGNAL) == (ssize_t)iov.iov_len ? 0 : -EPIPE;
}

static int msg_recv(int conn, struct msg *msg)
{
	if (recv(conn, msg, MSG_HDR, MSG_WAITALL) != (ssize_t)MSG_HDR)
		return -EPIPE;
	if (msg->size > sizeof(msg->raw))
		return -EMSGSIZE;
	if (msg->size && recv(conn, msg->raw, msg->size, MSG_WAITALL) != (ssize_t)msg->size)
		return -EPIPE;
	return 0;
}

/* Sends a request that has an answer, and waits for it. */
static int ask(const struct frontend *frontend, struct msg *msg)
{
	uint32_t request = msg->request;

	msg->flags |= FLAG_VERSION;
	int rc = msg_send(frontend->conn, msg, -1);
	if (rc == 0)
		rc = msg_recv(frontend->conn, msg);
	return rc == 0 && msg->request != request ? -EPROTO : rc;
}

static int ask_u64(const struct frontend *frontend, uint32_t request, uint64_t *value)
{
	struct msg msg = {.request = request};
	int rc = ask(frontend, &msg);

	*value = msg.u64;
	return rc;
}

/* Sends a request that has none, and waits until it is acknowledged if that was negotiated. */
static int tell(const struct frontend *frontend, struct msg msg, int fd)
{
	bool acknowledged = frontend->protocol & P_REPLY_ACK;

	msg.flags = FLAG_VERSION | (acknowledged ? FLAG_NEED_REPLY : 0);
	int rc = msg_send(frontend->conn, &msg, fd);
	if (rc < 0 || !acknowledged)
		return rc;
	rc = msg_recv(frontend->conn, &msg);
	return rc == 0 && msg.u64 != 0 ? -EREMOTEIO : rc;
}

static int tell_u64(const struct frontend *frontend, uint32_t request, uint64_t value, int fd)
{
	return tell(frontend, (struct msg){.request = request, .size = 8, .u64 = value}, fd);
}

static int tell_state(
	const struct frontend *frontend, uint32_t request, uint32_t index, uint32_t num)
{
	const struct msg msg = {.request = request, .size = 8, .state = {index, num}};
	return tell(frontend, msg, -1);
}

/* ---- negotiation, in QEMU's order ---- */

static int tell_memory(const struct frontend *frontend)
{
	const struct rings *rings = frontend->rings;
	struct msg msg = {.request = SET_MEM_TABLE, .size = sizeof(struct memory_table)};

	msg.memory = (struct memory_table){
		.n = 1,
		.guest = MEMORY_GUEST,
		.size = MEMORY_SIZE,
		.user = (uintptr_t)rings->memory,
	};
	return tell(frontend, msg, rings->memory_fd);
}

static int tell_queue(const struct frontend *frontend, uint32_t index)
{
	const struct queue *queue = &frontend->rings->queue[index];
	struct msg addr = {.request = SET_VRING_ADDR, .size = sizeof(struct vring_addr)};
	uint16_t base = rings_base(frontend->rings, index);
	int rc;

	addr.addr = (struct vring_addr){
		.index = index,
		.desc = (uintptr_t)queue->ring.desc,
		.used = (uintptr_t)queue->ring.used,
		.avail = (uintptr_t)queue->ring.avail,
	};
	if ((rc = tell_state(frontend, SET_VRING_NUM, index, RING_SIZE)) < 0)
		return rc;
	if ((rc = tell_state(frontend, SET_VRING_BASE, index, base)) < 0)
		return rc;
	if ((rc = tell(frontend, addr, -1)) < 0)
		return rc;
	if ((rc = tell_u64(frontend, SET_VRING_KICK, index, queue->kick)) < 0)
		return rc;
	return tell_u64(frontend, SET_VRING_CALL, index, queue->call);
}

static int negotiate_features(struct frontend *frontend)
{
	uint64_t protocol = 0;
	int rc = ask_u64(frontend, GET_FEATURES, &frontend->offered);

	if (rc < 0)
		return rc;
	frontend->features = frontend->offered & frontend->want_features;
	frontend->rings->mergeable = frontend->features & UINT64_C(1) << VIRTIO_NET_F_MRG_RXBUF;
	frontend->protocol = 0;
	if (frontend->features & F_PROTOCOL) {
		if ((rc = ask_u64(frontend, GET_PROTOCOL_FEATURES, &protocol)) < 0)
			return rc;
		protocol &= WANT_PROTOCOL;
		if ((rc = tell_u64(frontend, SET_PROTOCOL_FEATURES, protocol, -1)) < 0)
			return rc;
		frontend->protocol = protocol;
	}
	if ((rc = tell(frontend, (struct msg){.request = SET_OWNER}, -1)) < 0)
		return rc;
	return tell_u64(frontend, SET_FEATURES, frontend->features, -1);
}

static int negotiate(struct frontend *frontend)
{
	int rc = negotiate_features(frontend);

	if (rc < 0)
		return rc;
	if ((rc = tell_memory(frontend)) < 0)
		return rc;
	for (uint32_t i = 0; i < N_QUEUES; i++)
		if ((rc = tell_queue(frontend, i)) < 0)
			return rc;
	for (uint32_t i = 0; i < N_QUEUES && (frontend->features & F_PROTOCOL); i++)
		if ((rc = tell_state(frontend, SET_VRING_ENABLE, i, 1)) < 0)
			return rc;
	return 0;
}

/* ---- the connection ---- */

static void conn_close(struct frontend *frontend, const char *why)
{
	if (frontend->conn < 0)
		return;
	close(frontend->conn);
	frontend->conn = -1;
	frontend->up = false;
	link_text('E', "{\"event\": \"down\", \"why\": \"%s\"}", why);
	if (!frontend->reconnects)
		frontend->finished = true;
}

static void conn_start(struct frontend *frontend, int conn)
{
	struct timeval limit = {.tv_sec = ANSWER_TIMEOUT_S};

	frontend->conn = conn;
	setsockopt(conn, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(conn, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	int rc = negotiate(frontend);
	if (rc < 0) {
		conn_close(frontend, rc == -EREMOTEIO ? "a message was refused" : "no answer");
		return;
	}
	frontend->up = true;
	frontend->n_connections++;
	link_text('E', "{\"event\": \"up\", \"features\": %" PRIu64 "}", frontend->features);
	for (int i = 0; i < N_QUEUES; i++)
		rings_kick(frontend->rings, i);
}

static struct sockaddr_un address(const struct frontend *frontend)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (strlen(frontend->path) >= sizeof(address.sun_path)) {
		errno = ENAMETOOLONG;
		die(frontend->path);
	}
	strcpy(address.sun_path, frontend->path);
	return address;
}

void frontend_open(struct frontend *frontend)
{
	struct sockaddr_un at = address(frontend);

	frontend->conn = frontend->listener = -1;
	if (!frontend->listens)
		return;
	unlink(frontend->path);
	frontend->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (frontend->listener < 0 || bind(frontend->listener, (void *)&at, sizeof(at)) < 0 ||
		listen(frontend->listener, 1) < 0)
		die(frontend->path);
}

static void try_to_connect(struct frontend *frontend)
{
	struct sockaddr_un at = address(frontend);
	int conn = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (conn < 0)
		die("socket");
	if (connect(conn, (void *)&at, sizeof(at)) == 0)
		conn_start(frontend, conn);
	else
		close(conn); /* no switch yet */
}

/* What the switch says unasked: its answer to a raw message, or the end. */
static void conn_input(struct frontend *frontend)
{
	struct msg msg = {0};

	if (msg_recv(frontend->conn, &msg) < 0)
		conn_close(frontend, "closed");
	else
		link_answer(&msg.request, msg.raw, msg.size);
}

int frontend_fd(const struct frontend *frontend)
{
	return frontend->conn >= 0 ? frontend->conn : frontend->listener;
}

void frontend_run(struct frontend *frontend, bool readable)
{
	if (frontend->conn >= 0 && readable) {
		conn_input(frontend);
	} else if (frontend->conn < 0 && frontend->listener >= 0 && readable) {
		int conn = accept4(frontend->listener, NULL, NULL, SOCK_CLOEXEC);
		if (conn >= 0)
			conn_start(frontend, conn);
	} else if (frontend->conn < 0 && frontend->listener < 0) {
		try_to_connect(frontend);
	}
}

void frontend_close(struct frontend *frontend)
{
	for (uint32_t i = 0; frontend->up && i < N_QUEUES; i++) {
		struct msg msg = {.request = GET_VRING_BASE, .size = 8, .state = {i, 0}};
		if (ask(frontend, &msg) < 0)
			break;
	}
	frontend->reconnects = false;
	conn_close(frontend, "stopped");
	if (frontend->listener >= 0)
		unlink(frontend->path);
}

/* A dirty log for all of the memory, which a test may read through /proc. */
static int log_fd(void)
{
	static int fd = -1;

	if (fd >= 0)
		return fd;
	fd = memfd_create("vguest-log", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, LOG_BYTES) < 0)
		die("memfd");
	return fd;
}

void frontend_say_raw(struct frontend *frontend, const uint8_t *body, size_t size)
{
	struct msg msg = {0};

	if (size < 8 || size - 8 > sizeof(msg.raw) || frontend->conn < 0)
		return;
	memcpy(&msg.request, body, 8);
	memcpy(msg.raw, body + 8, size - 8);
	msg.size = size - 8;
	int fd = -1;
	if (msg.request == SET_MEM_TABLE || msg.request == SET_INFLIGHT_FD)
		fd = frontend->rings->memory_fd;
	else if (msg.request == SET_LOG_BASE)
		fd = log_fd();
	if (msg_send(frontend->conn, &msg, fd) < 0)
		conn_close(frontend, "closed");
}

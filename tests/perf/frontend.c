/* SPDX-License-Identifier: BSD-3-Clause */
#include "frontend.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum request {
	GET_FEATURES = 1,
	SET_FEATURES = 2,
	SET_OWNER = 3,
	SET_MEM_TABLE = 5,
	SET_VRING_NUM = 8,
	SET_VRING_ADDR = 9,
	SET_VRING_BASE = 10,
	SET_VRING_KICK = 12,
	SET_VRING_CALL = 13,
	GET_PROTOCOL_FEATURES = 15,
	SET_PROTOCOL_FEATURES = 16,
	SET_VRING_ENABLE = 18,
};

#define VERSION                  0x1u
#define FLAG_REPLY               0x4u
#define NET_F_MRG_RXBUF          (1ULL << 15)
#define USER_F_PROTOCOL_FEATURES (1ULL << 30)
#define F_VERSION_1              (1ULL << 32)

struct vring_state {
	uint32_t index;
	uint32_t num;
};

struct vring_addr {
	uint32_t index;
	uint32_t flags;
	uint64_t desc;
	uint64_t used;
	uint64_t avail;
	uint64_t log;
};

struct memory {
	uint32_t n_regions;
	uint32_t padding;
	uint64_t guest_addr;
	uint64_t size;
	uint64_t user_addr;
	uint64_t mmap_offset;
};

struct message {
	uint32_t request;
	uint32_t flags;
	uint32_t size;
	union {
		uint64_t u64;
		struct vring_state state;
		struct vring_addr addr;
		struct memory memory;
	};
} __attribute__((packed));

enum { HEADER_SIZE = offsetof(struct message, u64) };

static int message_send(int fd, struct message *msg, size_t size, int attached_fd)
{
	struct iovec iov = {.iov_base = msg, .iov_len = HEADER_SIZE + size};
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {0};
	struct msghdr hdr = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t sent;

	msg->flags = VERSION;
	msg->size = size;
	if (attached_fd >= 0) {
		struct cmsghdr *cmsg;

		hdr.msg_control = control.bytes;
		hdr.msg_controllen = sizeof(control.bytes);
		cmsg = CMSG_FIRSTHDR(&hdr);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(cmsg), &attached_fd, sizeof(int));
	}
	sent = sendmsg(fd, &hdr, MSG_NOSIGNAL);
	if (sent < 0)
		return -errno;
	return sent == (ssize_t)iov.iov_len ? 0 : -EPROTO;
}

static int u64_get(int fd, enum request request, uint64_t *value)
{
	struct message msg = {.request = request};
	size_t want = HEADER_SIZE + sizeof(msg.u64);
	ssize_t got;
	int ret = message_send(fd, &msg, 0, -1);

	if (ret < 0)
		return ret;
	got = recv(fd, &msg, want, MSG_WAITALL);
	if (got < 0)
		return -errno;
	if (got != (ssize_t)want || msg.request != request || !(msg.flags & FLAG_REPLY))
		return -EPROTO;
	*value = msg.u64;
	return 0;
}

static int u64_set(int fd, enum request request, uint64_t value, int attached_fd)
{
	struct message msg = {.request = request, .u64 = value};

	return message_send(fd, &msg, sizeof(msg.u64), attached_fd);
}

static int state_set(int fd, enum request request, unsigned int index, unsigned int num)
{
	struct message msg = {.request = request, .state = {.index = index, .num = num}};

	return message_send(fd, &msg, sizeof(msg.state), -1);
}

int frontend_connect(const char *path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	struct timeval limit = {.tv_sec = 5};
	int fd, err;

	if (strlen(path) >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	strcpy(addr.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		goto fail;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0)
		goto fail;
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) < 0)
		goto fail;
	return fd;
fail:
	err = errno;
	close(fd);
	return -err;
}

int frontend_negotiate(int fd)
{
	uint64_t wanted = F_VERSION_1 | NET_F_MRG_RXBUF;
	struct message owner = {.request = SET_OWNER};
	uint64_t offered = 0, protocol;
	int ret = u64_get(fd, GET_FEATURES, &offered);

	if (ret < 0)
		return ret;
	if ((offered & wanted) != wanted)
		return -ENOTSUP;
	if (offered & USER_F_PROTOCOL_FEATURES) {
		wanted |= USER_F_PROTOCOL_FEATURES;
		ret = u64_get(fd, GET_PROTOCOL_FEATURES, &protocol);
		if (ret == 0)
			ret = u64_set(fd, SET_PROTOCOL_FEATURES, 0, -1);
	}
	if (ret == 0)
		ret = message_send(fd, &owner, 0, -1);
	if (ret == 0)
		ret = u64_set(fd, SET_FEATURES, wanted, -1);
	return ret;
}

int frontend_share_memory(int fd, int mem_fd, void *base, size_t size, uint64_t guest_addr)
{
	struct message msg = {
		.request = SET_MEM_TABLE,
		.memory =
			{
				.n_regions = 1,
				.guest_addr = guest_addr,
				.size = size,
				.user_addr = (uintptr_t)base,
			},
	};

	return message_send(fd, &msg, sizeof(msg.memory), mem_fd);
}

int frontend_start_ring(int fd, const struct frontend_ring *ring)
{
	struct message msg = {
		.request = SET_VRING_ADDR,
		.addr =
			{
				.index = ring->index,
				.desc = (uintptr_t)ring->desc,
				.used = (uintptr_t)ring->used,
				.avail = (uintptr_t)ring->avail,
			},
	};
	int ret = state_set(fd, SET_VRING_NUM, ring->index, ring->n_entries);

	if (ret == 0)
		ret = state_set(fd, SET_VRING_BASE, ring->index, 0);
	if (ret == 0)
		ret = message_send(fd, &msg, sizeof(msg.addr), -1);
	if (ret == 0)
		ret = u64_set(fd, SET_VRING_CALL, ring->index, ring->call_fd);
	if (ret == 0)
		ret = u64_set(fd, SET_VRING_KICK, ring->index, ring->kick_fd);
	if (ret == 0)
		ret = state_set(fd, SET_VRING_ENABLE, ring->index, 1);
	return ret;
}

int frontend_is_lost(int fd)
{
	char byte;
	ssize_t n = recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

	return n == 0 || (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include "port/carrier.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/if.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

struct carrier {
	int fd;
	uint32_t asked; /* sequence number of the last question */
	struct carrier_watch *watches;
	struct carrier_watch *asked_about; /* by that question; NULL: answered */
};

struct carrier *carrier_create(struct error *err)
{
	struct sockaddr_nl self = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK};
	struct carrier *c = calloc(1, sizeof(*c));

	if (c == NULL) {
		error_set(err, -ENOMEM, "no memory");
		return NULL;
	}
	c->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	if (c->fd < 0 || bind(c->fd, (struct sockaddr *)&self, sizeof(self)) < 0) {
		error_set(err, -errno, "rtnetlink cannot be listened to: %s", strerror(errno));
		carrier_destroy(c);
		return NULL;
	}
	return c;
}

void carrier_destroy(struct carrier *c)
{
	if (c == NULL)
		return;
	if (c->fd >= 0)
		close(c->fd);
	free(c);
}

int carrier_fd(const struct carrier *c)
{
	return c->fd;
}

static void state_set(struct carrier_watch *w, bool up)
{
	if (w->up == up)
		return;
	w->up = up;
	if (w->changed != NULL)
		w->changed(w);
}

/* A bridge tells of its ports by messages of its own family: a port that leaves it is "deleted". */
static unsigned int link_seen(struct carrier *c, uint16_t type, const struct ifinfomsg *info)
{
	bool up = type == RTM_NEWLINK && (info->ifi_flags & IFF_UP) &&
		  (info->ifi_flags & IFF_LOWER_UP) && !(info->ifi_flags & IFF_DORMANT);
	unsigned int n = 0;

	if (info->ifi_family != AF_UNSPEC)
		return 0;
	for (struct carrier_watch *w = c->watches; w != NULL; w = w->next) {
		if (w->ifindex != info->ifi_index)
			continue;
		state_set(w, up);
		n++;
	}
	return n;
}

/* The kernel refuses to tell of an interface that is gone. */
static unsigned int refusal_seen(struct carrier *c, uint32_t seq, const struct nlmsgerr *e)
{
	if (e->error != -ENODEV || seq != c->asked || c->asked_about == NULL)
		return 0;
	state_set(c->asked_about, false);
	return 1;
}

/* The head of one message; of a message that was cut, the head is enough. */
static unsigned int message_seen(
	struct carrier *c, const struct nlmsghdr *head, const uint8_t *body, size_t size)
{
	struct ifinfomsg info;
	struct nlmsgerr e;

	switch (head->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		if (size < sizeof(info))
			return 0;
		memcpy(&info, body, sizeof(info));
		return link_seen(c, head->nlmsg_type, &info);
	case NLMSG_ERROR:
		if (size < sizeof(e))
			return 0;
		memcpy(&e, body, sizeof(e));
		return refusal_seen(c, head->nlmsg_seq, &e);
	default:
		return 0;
	}
}

unsigned int carrier_datagram_seen(struct carrier *c, const void *datagram, size_t size)
{
	const uint8_t *at = datagram;
	unsigned int n = 0;
	struct nlmsghdr head;
	size_t length;

	while (size >= sizeof(head)) {
		memcpy(&head, at, sizeof(head));
		if (head.nlmsg_len < sizeof(head))
			break;
		length = head.nlmsg_len < size ? head.nlmsg_len : size;
		n += message_seen(c, &head, at + sizeof(head), length - sizeof(head));
		length = NLMSG_ALIGN(length) < size ? NLMSG_ALIGN(length) : size;
		at += length;
		size -= length;
	}
	return n;
}

/* Everything that waits. False when the kernel had to drop notices for want of room. */
static bool drain(struct carrier *c)
{
	uint8_t buf[16384];
	bool whole = true;

	for (;;) {
		struct sockaddr_nl from = {0};
		struct iovec iov = {.iov_base = buf, .iov_len = sizeof(buf)};
		struct msghdr m = {.msg_name = &from,
			.msg_namelen = sizeof(from),
			.msg_iov = &iov,
			.msg_iovlen = 1};
		ssize_t n = recvmsg(c->fd, &m, MSG_DONTWAIT);

		if (n < 0 && errno == ENOBUFS)
			whole = false;
		else if (n < 0 && errno != EINTR)
			return whole;
		else if (n == 0)
			return whole;
		else if (n > 0 && m.msg_namelen == sizeof(from) && from.nl_pid == 0)
			carrier_datagram_seen(c, buf, (size_t)n);
	}
}

bool carrier_ask(struct carrier *c, struct carrier_watch *w)
{
	const struct {
		struct nlmsghdr head;
		struct ifinfomsg info;
	} question = {
		.head = {.nlmsg_len = sizeof(question),
			.nlmsg_type = RTM_GETLINK,
			.nlmsg_flags = NLM_F_REQUEST,
			.nlmsg_seq = ++c->asked},
		.info = {.ifi_family = AF_UNSPEC, .ifi_index = w->ifindex},
	};
	struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};

	/* The kernel has answered when sendto returns. Where the answer found no room, the state
	 * stays what it was until the next question. */
	c->asked_about = w;
	if (sendto(c->fd, &question, sizeof(question), MSG_DONTWAIT, (struct sockaddr *)&kernel,
		    sizeof(kernel)) == sizeof(question))
		drain(c);
	c->asked_about = NULL;
	return w->up;
}

void carrier_read(struct carrier *c)
{
	if (drain(c))
		return;
	for (struct carrier_watch *w = c->watches; w != NULL; w = w->next)
		carrier_ask(c, w);
}

void carrier_watch(struct carrier *c, struct carrier_watch *w)
{
	void (*changed)(struct carrier_watch * w) = w->changed;

	w->up = false;
	w->changed = NULL;
	w->next = c->watches;
	c->watches = w;
	carrier_ask(c, w);
	w->changed = changed;
}

void carrier_unwatch(struct carrier *c, struct carrier_watch *w)
{
	for (struct carrier_watch **p = &c->watches; *p != NULL; p = &(*p)->next) {
		if (*p == w) {
			*p = w->next;
			return;
		}
	}
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "receiver.h"

#define MAX_SOCKETS 16
#define MAX_STREAMS 256
#define WINDOW      4096 /* how far back late and repeated numbers are told from lost ones */
#define BUFFER      (8 << 20)

struct stream {
	struct address source, group;
	uint16_t port;
	uint64_t n_packets, n_duplicates, n_late, n_corrupt;
	uint64_t first, last, highest; /* sequence numbers */
	uint64_t first_ns, last_ns;    /* times of arrival */
	uint64_t gap_ns, gap_after;    /* the longest pause, and the sequence number before it */
	uint8_t seen[WINDOW / 8];      /* by sequence number modulo WINDOW, up to highest */
};

static struct socket {
	int fd, family;
	uint16_t port;
} sockets[MAX_SOCKETS];
static int n_sockets;
static struct stream streams[MAX_STREAMS];
static int n_streams;

static int socket_open(int family, uint16_t port)
{
	const struct address any = {.family = family};
	struct sockaddr_storage local;
	int on = 1, off = 0, size = BUFFER;

	if (n_sockets == MAX_SOCKETS)
		return -ENOSPC;
	int fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on));
	if (family == AF_INET) {
		setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on));
		setsockopt(fd, IPPROTO_IP, IP_MULTICAST_ALL, &off, sizeof(off));
	} else {
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
		setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on));
		setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_ALL, &off, sizeof(off));
	}
	if (bind(fd, (void *)&local, address_sockaddr(&any, port, 0, &local)) < 0) {
		int error = errno;
		close(fd);
		return -error;
	}
	sockets[n_sockets++] = (struct socket){fd, family, port};
	return 0;
}

int receiver_listen(uint16_t port)
{
	int rc = socket_open(AF_INET, port);
	int rc6 = socket_open(AF_INET6, port);

	return rc == 0 && rc6 == -EAFNOSUPPORT ? 0 : rc ? rc : rc6;
}

/*
 * Every socket of the family takes part: which port the data will use is not known, and the kernel
 * counts users.
 */
int receiver_change(enum receiver_change change, const struct address *group,
	const struct address *source, unsigned ifindex)
{
	static const int with_source[] = {MCAST_JOIN_SOURCE_GROUP, MCAST_LEAVE_SOURCE_GROUP,
		MCAST_BLOCK_SOURCE, MCAST_UNBLOCK_SOURCE};
	static const int any_source[] = {MCAST_JOIN_GROUP, MCAST_LEAVE_GROUP};
	int level = group->family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6;
	int rc = -EPROTONOSUPPORT;

	if (!source && change > LEAVE)
		return -EINVAL;
	if (!ifindex)
		ifindex = default_ifindex();
	for (int i = 0; i < n_sockets; i++) {
		if (sockets[i].family != group->family)
			continue;
		if (source) {
			struct group_source_req request = {.gsr_interface = ifindex};
			address_sockaddr(group, 0, 0, &request.gsr_group);
			address_sockaddr(source, 0, 0, &request.gsr_source);
			rc = setsockopt(sockets[i].fd, level, with_source[change], &request,
				sizeof(request));
		} else {
			struct group_req request = {.gr_interface = ifindex};
			address_sockaddr(group, 0, 0, &request.gr_group);
			rc = setsockopt(sockets[i].fd, level, any_source[change], &request,
				sizeof(request));
		}
		if (rc < 0)
			return -errno;
	}
	return rc;
}

static struct stream *stream_find(
	const struct address *source, const struct address *group, uint16_t port)
{
	for (int i = 0; i < n_streams; i++)
		if (streams[i].port == port && address_same(&streams[i].group, group) &&
			address_same(&streams[i].source, source))
			return &streams[i];
	if (n_streams == MAX_STREAMS)
		return NULL;
	struct stream *stream = &streams[n_streams++];
	*stream = (struct stream){.source = *source, .group = *group, .port = port};
	return stream;
}

static bool window_test_and_set(struct stream *stream, uint64_t sequence)
{
	uint8_t *byte = &stream->seen[sequence % WINDOW / 8], bit = 1 << sequence % 8;
	bool was = *byte & bit;

	*byte |= bit;
	return was;
}

static void window_advance(struct stream *stream, uint64_t sequence)
{
	if (sequence - stream->highest >= WINDOW)
		memset(stream->seen, 0, sizeof(stream->seen));
	else
		for (uint64_t i = stream->highest + 1; i <= sequence; i++)
			stream->seen[i % WINDOW / 8] &= ~(1 << i % 8);
	stream->highest = sequence;
}

static void stream_count(struct stream *stream, uint64_t sequence, uint64_t ns)
{
	if (stream->n_packets++ == 0) {
		stream->first = stream->highest = sequence;
		stream->first_ns = ns;
		window_test_and_set(stream, sequence);
	} else {
		if (ns - stream->last_ns > stream->gap_ns && ns > stream->last_ns) {
			stream->gap_ns = ns - stream->last_ns;
			stream->gap_after = stream->last;
		}
		if (sequence > stream->highest) {
			window_advance(stream, sequence);
			window_test_and_set(stream, sequence);
		} else if (stream->highest - sequence >= WINDOW ||
			   window_test_and_set(stream, sequence)) {
			stream->n_duplicates++;
		} else {
			stream->n_late++;
			if (sequence < stream->first)
				stream->first = sequence;
		}
	}
	stream->last = sequence;
	stream->last_ns = ns;
}

static void datagram_seen(
	const struct socket *socket, const struct msghdr *msg, const uint8_t *data, size_t size)
{
	struct address source = {.family = socket->family}, group = {.family = socket->family};
	uint64_t ns = 0, sequence;
	uint32_t magic;

	memcpy(&magic, data, 4);
	memcpy(&sequence, data + 4, 8);
	if (be32toh(magic) != DATA_MAGIC)
		return;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR((struct msghdr *)msg, c)) {
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_TIMESTAMPNS) {
			const struct timespec *at = (const void *)CMSG_DATA(c);
			ns = (uint64_t)at->tv_sec * 1000000000 + at->tv_nsec;
		} else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			memcpy(group.bytes, &((struct in_pktinfo *)CMSG_DATA(c))->ipi_addr, 4);
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			memcpy(group.bytes, &((struct in6_pktinfo *)CMSG_DATA(c))->ipi6_addr, 16);
		}
	}
	if (socket->family == AF_INET)
		memcpy(source.bytes, &((struct sockaddr_in *)msg->msg_name)->sin_addr, 4);
	else
		memcpy(source.bytes, &((struct sockaddr_in6 *)msg->msg_name)->sin6_addr, 16);
	struct stream *stream = stream_find(&source, &group, socket->port);
	if (!stream)
		return;
	stream_count(stream, be64toh(sequence), ns ? ns : now_ns());
	stream->n_corrupt += !data_is_whole(data + DATA_SIZE, size - DATA_SIZE, be64toh(sequence));
}

static void socket_read(const struct socket *socket)
{
	uint8_t data[2048], control[256];
	struct sockaddr_storage from;

	for (int i = 0; i < 1024; i++) {
		struct iovec iov = {data, sizeof(data)};
		struct msghdr msg = {.msg_name = &from,
			.msg_namelen = sizeof(from),
			.msg_iov = &iov,
			.msg_iovlen = 1,
			.msg_control = control,
			.msg_controllen = sizeof(control)};
		ssize_t size = recvmsg(socket->fd, &msg, 0);
		if (size < 0)
			return;
		if (size >= DATA_SIZE)
			datagram_seen(socket, &msg, data, size);
	}
}

int receiver_pollfds(struct pollfd *fds, int size)
{
	int n = n_sockets < size ? n_sockets : size;

	for (int i = 0; i < n; i++)
		fds[i] = (struct pollfd){.fd = sockets[i].fd, .events = POLLIN};
	return n;
}

void receiver_run(void)
{
	for (int i = 0; i < n_sockets; i++)
		socket_read(&sockets[i]);
}

void receiver_reset(void)
{
	n_streams = 0;
}

void receiver_stats(FILE *out)
{
	char source[46], group[46];

	fputc('[', out);
	for (int i = 0; i < n_streams; i++) {
		const struct stream *s = &streams[i];
		uint64_t n_distinct = s->n_packets - s->n_duplicates;
		uint64_t n_sent = s->highest - s->first + 1;
		fprintf(out,
			"%s{\"group\": \"%s\", \"source\": \"%s\", \"port\": %u, \"packets\": "
			"%" PRIu64 ", \"first\": %" PRIu64 ", \"last\": %" PRIu64
			", \"highest\": %" PRIu64 ", \"lost\": %" PRIu64
			", \"duplicates\": %" PRIu64 ", \"late\": %" PRIu64
			", \"corrupt\": %" PRIu64 ", \"max_gap_us\": %" PRIu64
			", \"gap_after\": %" PRIu64 ", \"first_ns\": %" PRIu64
			", \"last_ns\": %" PRIu64 "}",
			i ? ", " : "", address_text(&s->group, group),
			address_text(&s->source, source), s->port, s->n_packets, s->first, s->last,
			s->highest, n_sent > n_distinct ? n_sent - n_distinct : 0, s->n_duplicates,
			s->n_late, s->n_corrupt, s->gap_ns / 1000, s->gap_after, s->first_ns,
			s->last_ns);
	}
	fputc(']', out);
}

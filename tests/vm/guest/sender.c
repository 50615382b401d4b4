/* SPDX-License-Identifier: BSD-3-Clause */
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "sender.h"

#define MAX_STREAMS 16
#define BURST       64 /* per turn, so that receiving gets its turn too */
#define MAX_SIZE    1472

static struct stream {
	struct sender_options options;
	int fd; /* -1: ended */
	uint64_t start_ns, n_sent, n_errors;
} streams[MAX_STREAMS];
static int n_streams;

static int socket_prepare(int fd, const struct sender_options *o)
{
	unsigned ifindex = o->ifindex ? o->ifindex : default_ifindex();
	struct ip_mreqn out = {.imr_ifindex = ifindex};
	struct sockaddr_storage address;
	int hops = o->ttl, off = 0;

	if (o->to.family == AF_INET) {
		setsockopt(fd, IPPROTO_IP, IP_MULTICAST_TTL, &hops, sizeof(hops));
		setsockopt(fd, IPPROTO_IP, IP_MULTICAST_LOOP, &off, sizeof(off));
		if (setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &out, sizeof(out)) < 0)
			return -errno;
	} else {
		setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &hops, sizeof(hops));
		setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, &off, sizeof(off));
		if (setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, &ifindex, sizeof(ifindex)) < 0)
			return -errno;
	}
	if (o->source.family &&
		bind(fd, (void *)&address, address_sockaddr(&o->source, 0, ifindex, &address)) < 0)
		return -errno;
	bool scoped = address_is_multicast(&o->to);
	socklen_t size = address_sockaddr(&o->to, o->port, scoped ? ifindex : 0, &address);
	return connect(fd, (void *)&address, size) < 0 ? -errno : 0;
}

int sender_start(const struct sender_options *options)
{
	int slot = 0;

	while (slot < n_streams && streams[slot].fd >= 0)
		slot++;
	if (slot == MAX_STREAMS)
		return -ENOSPC;
	int fd = socket(options->to.family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	int rc = socket_prepare(fd, options);
	if (rc < 0) {
		close(fd);
		return rc;
	}
	streams[slot] = (struct stream){.options = *options, .fd = fd, .start_ns = now_ns()};
	if (slot == n_streams)
		n_streams++;
	return 0;
}

static void stream_end(struct stream *stream)
{
	if (stream->fd >= 0)
		close(stream->fd);
	stream->fd = -1;
}

void sender_stop(void)
{
	for (int i = 0; i < n_streams; i++)
		stream_end(&streams[i]);
}

static bool stream_send(struct stream *stream)
{
	uint8_t data[MAX_SIZE];
	uint32_t magic = htobe32(DATA_MAGIC);
	uint64_t number = stream->options.first + stream->n_sent, sequence = htobe64(number);
	uint64_t ns = htobe64(now_ns());
	unsigned size = stream->options.size;

	if (size < DATA_SIZE)
		size = DATA_SIZE;
	if (size > MAX_SIZE)
		size = MAX_SIZE;
	memcpy(data, &magic, 4);
	memcpy(data + 4, &sequence, 8);
	memcpy(data + 12, &ns, 8);
	data_fill(data + DATA_SIZE, size - DATA_SIZE, number);
	if (send(stream->fd, data, size, 0) < 0) {
		if (errno == EAGAIN || errno == ENOBUFS)
			return false;
		stream->n_errors++; /* the number is used up: a dead link loses what is sent */
	}
	stream->n_sent++;
	return true;
}

static uint64_t stream_n_due(const struct stream *stream, uint64_t ns)
{
	const struct sender_options *o = &stream->options;
	uint64_t n = o->rate ? (ns - stream->start_ns) / 1000 * o->rate / 1000000 + 1 : UINT64_MAX;

	if (o->count && n > o->count)
		n = o->count;
	return n > stream->n_sent ? n - stream->n_sent : 0;
}

int64_t sender_run(void)
{
	int64_t wait_ns = -1;

	for (int i = 0; i < n_streams; i++) {
		struct stream *stream = &streams[i];
		const struct sender_options *o = &stream->options;
		if (stream->fd < 0)
			continue;
		uint64_t n_due = stream_n_due(stream, now_ns());
		for (int n = 0; n_due > 0 && n < BURST && stream_send(stream); n++)
			n_due--;
		if (o->count && stream->n_sent >= o->count) {
			stream_end(stream);
			continue;
		}
		int64_t next_ns = 0;
		if (!n_due && o->rate)
			next_ns =
				stream->start_ns + stream->n_sent * 1000000000 / o->rate - now_ns();
		if (next_ns < 0)
			next_ns = 0;
		if (wait_ns < 0 || next_ns < wait_ns)
			wait_ns = next_ns;
	}
	return wait_ns;
}

void sender_stats(FILE *out)
{
	char to[46];

	fputc('[', out);
	for (int i = 0; i < n_streams; i++) {
		const struct stream *s = &streams[i];
		fprintf(out,
			"%s{\"group\": \"%s\", \"port\": %u, \"sent\": %" PRIu64
			", \"errors\": %" PRIu64 ", \"next\": %" PRIu64 ", \"running\": %s}",
			i ? ", " : "", address_text(&s->options.to, to), s->options.port, s->n_sent,
			s->n_errors, s->options.first + s->n_sent, s->fd >= 0 ? "true" : "false");
	}
	fputc(']', out);
}

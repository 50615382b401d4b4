/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "pkt/eth.h"
#include "pkt/group_family.h"
#include "pkt/group_frame.h"
#include "pkt/group_msg.h"

/* RFC 3376 4.1, RFC 3810 5.1: the older query, then S and QRV, QQIC, number of sources, sources. */
#define TAIL_SIZE      4u
#define SUPPRESS       0x08
#define ROBUSTNESS_MAX 7

/* RFC 3376 7.1, RFC 3810 8.1. 0: no version has this length. */
static uint8_t query_version(const struct group_family *f, const uint8_t *p, size_t size)
{
	size_t short_size = group_family_short_size(f);

	if (size >= short_size + TAIL_SIZE)
		return f->version;
	if (size != short_size)
		return 0;
	return f->version == 3 && p[1] == 0 ? 1 : f->version - 1;
}

static enum group_msg_error tail_read(
	const struct group_family *f, const uint8_t *tail, size_t size, struct group_msg *out)
{
	out->suppress = (tail[0] & SUPPRESS) != 0;
	out->robustness = tail[0] & ROBUSTNESS_MAX;
	out->query_interval_s = group_code8_decode(tail[1]);
	out->n_sources = get_be16(tail + 2);
	out->body = tail + TAIL_SIZE;
	out->body_size = (size_t)out->n_sources * f->addr_size;
	if (size - TAIL_SIZE < out->body_size)
		return GROUP_MSG_E_LENGTH;
	if (out->n_sources > 0 && ip_is_unspecified(&out->group))
		return GROUP_MSG_E_GROUP; /* RFC 3376 4.1.8: sources of which group? */
	return GROUP_MSG_OK;
}

enum group_msg_error group_query_read(
	const struct group_family *f, const uint8_t *p, size_t size, struct group_msg *out)
{
	size_t short_size = group_family_short_size(f);

	out->version = query_version(f, p, size);
	if (out->version == 0)
		return GROUP_MSG_E_LENGTH;
	out->max_response = f->max_response_read(p, out->version);
	if (f->version == 3 && out->version == 1)
		return GROUP_MSG_OK; /* RFC 1112 appendix I: always general, the field is ignored */
	out->group = group_family_addr(f, p + f->group_at);
	if (!group_family_owns(f, &out->group) ||
		(!ip_is_unspecified(&out->group) && !ip_is_multicast(&out->group)))
		return GROUP_MSG_E_GROUP;
	if (out->version != f->version)
		return GROUP_MSG_OK;
	return tail_read(f, p + short_size, size - short_size, out);
}

struct ip_addr group_msg_query_source(const struct group_msg *msg, uint16_t i)
{
	const struct group_family *f = group_family(msg->v6);

	return group_family_addr(f, msg->body + (size_t)i * f->addr_size);
}

static void tail_write(const struct group_family *f, const struct group_query *q, uint8_t *p)
{
	uint8_t robustness = q->robustness > ROBUSTNESS_MAX ? 0 : q->robustness;

	p[0] = robustness | (q->suppress ? SUPPRESS : 0);
	p[1] = group_code8_encode(q->query_interval_s);
	put_be16(p + 2, q->n_sources);
	p += TAIL_SIZE;
	for (uint16_t i = 0; i < q->n_sources; i++)
		group_family_addr_write(f, p + (size_t)i * f->addr_size, &q->sources[i]);
}

static bool query_is_sane(const struct group_family *f, const struct group_query *q)
{
	if (q->version == 0 || q->version > f->version)
		return false;
	if (ip_is_unspecified(&q->group))
		return q->version < f->version || q->n_sources == 0;
	if (f->version == 3 && q->version == 1) /* has no group-specific query */
		return false;
	return group_family_is_group(f, &q->group);
}

int group_query_build(const struct group_query *q, uint8_t *frame, size_t size)
{
	const struct group_family *f = group_family(!ip_is_v4(&q->source));
	size_t short_size = group_family_short_size(f);
	bool general = ip_is_unspecified(&q->group);
	struct group_frame around = {
		.eth_source = q->eth_source,
		.eth_destination = q->eth_destination,
		.source = q->source,
		.destination = general ? f->all_nodes : q->group,
		.router_alert = q->router_alert,
		.message_size = short_size,
		.min_size = q->min_frame_size,
	};
	uint8_t *p;

	if (!query_is_sane(f, q))
		return -EINVAL;
	if (q->version == f->version)
		around.message_size += TAIL_SIZE + (size_t)q->n_sources * f->addr_size;
	p = group_frame_open(&around, frame, size);
	if (p == NULL)
		return -ENOSPC;
	p[0] = group_family_wire_of(f, GROUP_MSG_QUERY, 0)->octet;
	f->max_response_write(p, q->version, q->max_response);
	if (!general)
		group_family_addr_write(f, p + f->group_at, &q->group);
	if (q->version == f->version)
		tail_write(f, q, p + short_size);
	return group_frame_close(&around, p);
}

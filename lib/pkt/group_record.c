/* SPDX-License-Identifier: BSD-3-Clause */
#include "pkt/group_record.h"

#include "pkt/eth.h"
#include "pkt/group_family.h"

#define RECORD_HEAD_SIZE 4u /* type, auxiliary length, number of sources */

static bool is_known(enum group_record_type type)
{
	return type >= GROUP_RECORD_IS_IN && type <= GROUP_RECORD_BLOCK;
}

/* The record at the front, of whatever type. false: it runs past the end. */
static bool record_take(struct group_record_iter *it, struct group_record *out)
{
	size_t addr_size = it->v6 ? 16 : 4;
	size_t size = RECORD_HEAD_SIZE + addr_size;
	size_t room = (size_t)(it->end - it->at);

	if (room < size)
		return false;
	out->v6 = it->v6;
	out->type = (enum group_record_type)it->at[0];
	out->n_sources = get_be16(it->at + 2);
	out->group = ip_from_octets(it->at + RECORD_HEAD_SIZE, it->v6);
	out->sources = it->at + size;
	size += out->n_sources * addr_size;
	size += it->at[1] * 4u; /* RFC 3376 4.2.6: words */
	if (room < size)
		return false;
	it->at += size;
	it->n_left--;
	return true;
}

struct group_record_iter group_msg_records(const struct group_msg *msg)
{
	return (struct group_record_iter){
		.at = msg->body,
		.end = msg->body + msg->body_size,
		.n_left = msg->n_records,
		.v6 = msg->v6,
	};
}

bool group_record_next(struct group_record_iter *it, struct group_record *out)
{
	while (it->n_left > 0 && record_take(it, out)) {
		if (is_known(out->type))
			return true;
	}
	return false;
}

enum group_msg_error group_record_check(const struct group_msg *msg, size_t *size)
{
	const struct group_family *f = group_family(msg->v6);
	struct group_record_iter it = group_msg_records(msg);
	struct group_record r;

	while (it.n_left > 0) {
		if (!record_take(&it, &r))
			return GROUP_MSG_E_RECORD;
		if (is_known(r.type) && !group_family_is_group(f, &r.group))
			return GROUP_MSG_E_GROUP;
	}
	*size = (size_t)(it.at - msg->body);
	return GROUP_MSG_OK;
}

struct ip_addr group_record_source(const struct group_record *r, uint16_t i)
{
	const struct group_family *f = group_family(r->v6);

	return group_family_addr(f, r->sources + (size_t)i * f->addr_size);
}

static size_t record_size(const struct group_family *f, const struct group_report_record *r)
{
	return RECORD_HEAD_SIZE + f->addr_size + (size_t)r->n_sources * f->addr_size;
}

size_t group_record_size(bool v6, const struct group_report_record *r)
{
	return record_size(group_family(v6), r);
}

size_t group_record_write(bool v6, const struct group_report_record *r, uint8_t *p)
{
	const struct group_family *f = group_family(v6);

	p[0] = (uint8_t)r->type;
	p[1] = 0;
	put_be16(p + 2, r->n_sources);
	group_family_addr_write(f, p + RECORD_HEAD_SIZE, &r->group);
	p += RECORD_HEAD_SIZE + f->addr_size;
	for (uint16_t i = 0; i < r->n_sources; i++)
		group_family_addr_write(f, p + (size_t)i * f->addr_size, &r->sources[i]);
	return record_size(f, r);
}

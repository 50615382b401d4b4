/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "pkt/eth.h"
#include "pkt/group_family.h"
#include "pkt/group_frame.h"
#include "pkt/group_record.h"

/* RFC 3376 4.2, RFC 3810 5.2: type, reserved, checksum, reserved, number of records. */
#define RECORDS_AT   8u
#define N_RECORDS_AT 6u

enum group_msg_error group_report_read(
	const struct group_family *f, const uint8_t *p, size_t size, struct group_msg *out)
{
	/* Octets after the group are ignored, RFC 2236 2.5, RFC 2710 3.7. */
	out->group = group_family_addr(f, p + f->group_at);
	return group_family_is_group(f, &out->group) ? GROUP_MSG_OK : GROUP_MSG_E_GROUP;
}

enum group_msg_error group_records_read(
	const struct group_family *f, const uint8_t *p, size_t size, struct group_msg *out)
{
	out->n_records = get_be16(p + N_RECORDS_AT);
	out->body = p + RECORDS_AT;
	out->body_size = size - RECORDS_AT;
	return group_record_check(out, &out->body_size);
}

/* The row of what is to be sent, NULL when the version has no such message. */
static const struct group_wire *report_wire(
	const struct group_family *f, const struct group_report *r)
{
	enum group_msg_type type = r->leave ? GROUP_MSG_LEAVE : GROUP_MSG_REPORT;

	if (!r->leave && r->version == f->version)
		type = GROUP_MSG_RECORDS;
	if (type != GROUP_MSG_RECORDS && r->n_records != 1)
		return NULL;
	for (uint16_t i = 0; i < r->n_records; i++) {
		if (!group_family_is_group(f, &r->records[i].group))
			return NULL;
	}
	return group_family_wire_of(f, type, r->version);
}

static size_t report_size(
	const struct group_family *f, const struct group_report *r, enum group_msg_type type)
{
	size_t size = RECORDS_AT;

	if (type != GROUP_MSG_RECORDS)
		return group_family_short_size(f);
	for (uint16_t i = 0; i < r->n_records; i++)
		size += group_record_size(f->addr_size == 16, &r->records[i]);
	return size;
}

static struct ip_addr report_destination(
	const struct group_family *f, const struct group_report *r, enum group_msg_type type)
{
	if (type == GROUP_MSG_RECORDS)
		return f->all_reports;
	return type == GROUP_MSG_LEAVE ? f->all_routers : r->records[0].group;
}

static void records_write(const struct group_family *f, const struct group_report *r, uint8_t *p)
{
	put_be16(p + N_RECORDS_AT, r->n_records);
	p += RECORDS_AT;
	for (uint16_t i = 0; i < r->n_records; i++)
		p += group_record_write(f->addr_size == 16, &r->records[i], p);
}

int group_report_build(const struct group_report *r, uint8_t *frame, size_t size)
{
	const struct group_family *f = group_family(!ip_is_v4(&r->source));
	const struct group_wire *wire = report_wire(f, r);
	struct group_frame around;
	uint8_t *p;

	if (wire == NULL)
		return -EINVAL;
	around = (struct group_frame){
		.eth_source = r->eth_source,
		.source = r->source,
		.destination = report_destination(f, r, wire->type),
		.router_alert = r->router_alert,
		.message_size = report_size(f, r, wire->type),
	};
	p = group_frame_open(&around, frame, size);
	if (p == NULL)
		return -ENOSPC;
	p[0] = wire->octet;
	if (wire->type == GROUP_MSG_RECORDS)
		records_write(f, r, p);
	else
		group_family_addr_write(f, p + f->group_at, &r->records[0].group);
	return group_frame_close(&around, p);
}

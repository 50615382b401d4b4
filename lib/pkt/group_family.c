/* SPDX-License-Identifier: BSD-3-Clause */
#include "pkt/group_family.h"

#include "pkt/eth.h"

/* 224.0.0.0/24 and ff02::/16, by their last octet. clang-format would break these lines. */
/* clang-format off */
#define V4_LINK(last) {.b = {[10] = 0xff, 0xff, 224, [15] = (last)}}
#define V6_LINK(last) {.b = {0xff, 0x02, [15] = (last)}}
/* clang-format on */

#define DECISECOND      (100 * NSEC_PER_MS)
#define IGMPV1_RESPONSE (10 * NSEC_PER_SEC) /* RFC 2236 4 */

/* Queries of every version share one octet, so their row has no version. An MRD solicitation is no
 * router's: it goes on to the routers unread. */
static const struct group_wire igmp_wires[] = {
	{0x11, GROUP_MSG_QUERY, 0, 8, group_query_read},
	{0x12, GROUP_MSG_REPORT, 1, 8, group_report_read},
	{0x16, GROUP_MSG_REPORT, 2, 8, group_report_read},
	{0x17, GROUP_MSG_LEAVE, 2, 8, group_report_read},
	{0x22, GROUP_MSG_RECORDS, 3, 8, group_records_read},
	{0x30, GROUP_MSG_MRD, 0, 8, mrd_read},
	{0x31, GROUP_MSG_UNKNOWN, 0, 4, NULL},
	{0x32, GROUP_MSG_MRD, 0, 4, NULL},
};

static const struct group_wire mld_wires[] = {
	{130, GROUP_MSG_QUERY, 0, 24, group_query_read},
	{131, GROUP_MSG_REPORT, 1, 24, group_report_read},
	{132, GROUP_MSG_LEAVE, 1, 24, group_report_read},
	{143, GROUP_MSG_RECORDS, 2, 8, group_records_read},
	{151, GROUP_MSG_MRD, 0, 8, mrd_read},
	{152, GROUP_MSG_UNKNOWN, 0, 4, NULL},
	{153, GROUP_MSG_MRD, 0, 4, NULL},
};

/* value lies between what two neighbouring codes say: is the upper one the nearer? */
static bool rounds_up(uint32_t value, uint32_t below, uint32_t above)
{
	return above > value && above - value < value - below;
}

static uint8_t code8_nearest(uint32_t value)
{
	uint8_t code = group_code8_encode(value);

	if (code == UINT8_MAX)
		return code;
	return (uint8_t)(code + rounds_up(value, group_code8_decode(code),
					group_code8_decode((uint8_t)(code + 1))));
}

static uint16_t code16_nearest(uint32_t value)
{
	uint16_t code = group_code16_encode(value);

	if (code == UINT16_MAX)
		return code;
	return (uint16_t)(code + rounds_up(value, group_code16_decode(code),
					 group_code16_decode((uint16_t)(code + 1))));
}

static uint32_t units(nsec t, nsec unit, uint32_t max)
{
	nsec n = t / unit + (t % unit >= unit / 2);

	return n > max ? max : (uint32_t)n;
}

static nsec igmp_max_response_read(const uint8_t *p, uint8_t version)
{
	if (version == 1)
		return IGMPV1_RESPONSE;
	return DECISECOND * (version == 2 ? p[1] : group_code8_decode(p[1]));
}

static void igmp_max_response_write(uint8_t *p, uint8_t version, nsec t)
{
	uint32_t v = units(t, DECISECOND, version == 3 ? UINT16_MAX : UINT8_MAX);

	if (version == 1)
		p[1] = 0;
	else if (version == 2)
		p[1] = v == 0 ? 1 : (uint8_t)v; /* 0 would make it a version 1 query */
	else
		p[1] = code8_nearest(v);
}

static nsec mld_max_response_read(const uint8_t *p, uint8_t version)
{
	uint16_t code = get_be16(p + 4);

	return NSEC_PER_MS * (version == 1 ? code : group_code16_decode(code));
}

static void mld_max_response_write(uint8_t *p, uint8_t version, nsec t)
{
	uint32_t v = units(t, NSEC_PER_MS, version == 2 ? UINT32_MAX : UINT16_MAX);

	put_be16(p + 4, version == 2 ? code16_nearest(v) : (uint16_t)v);
}

static const struct group_family igmp = {
	.protocol = IPPROTO_NR_IGMP,
	.addr_size = 4,
	.group_at = 4,
	.version = 3,
	.wires = igmp_wires,
	.n_wires = sizeof(igmp_wires) / sizeof(igmp_wires[0]),
	.max_response_read = igmp_max_response_read,
	.max_response_write = igmp_max_response_write,
	.all_nodes = V4_LINK(1),
	.all_routers = V4_LINK(2),
	.all_reports = V4_LINK(22),
	.all_snoopers = V4_LINK(106),
	.all_pim = V4_LINK(13),
};

static const struct group_family mld = {
	.protocol = IPPROTO_NR_ICMPV6,
	.addr_size = 16,
	.group_at = 8,
	.version = 2,
	.wires = mld_wires,
	.n_wires = sizeof(mld_wires) / sizeof(mld_wires[0]),
	.max_response_read = mld_max_response_read,
	.max_response_write = mld_max_response_write,
	.all_nodes = V6_LINK(0x01),
	.all_routers = V6_LINK(0x02),
	.all_reports = V6_LINK(0x16),
	.all_snoopers = V6_LINK(0x6a),
	.all_pim = V6_LINK(0x0d),
};

const struct group_family *group_family(bool v6)
{
	return v6 ? &mld : &igmp;
}

const struct group_wire *group_family_wire(const struct group_family *f, uint8_t octet)
{
	for (unsigned int i = 0; i < f->n_wires; i++) {
		if (f->wires[i].octet == octet)
			return &f->wires[i];
	}
	return NULL;
}

const struct group_wire *group_family_wire_of(
	const struct group_family *f, enum group_msg_type type, uint8_t version)
{
	for (unsigned int i = 0; i < f->n_wires; i++) {
		if (f->wires[i].type == type && f->wires[i].version == version)
			return &f->wires[i];
	}
	return NULL;
}

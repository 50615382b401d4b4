/* SPDX-License-Identifier: BSD-3-Clause */
#include "pkt/eth.h"
#include "pkt/group_family.h"

/* Messages by which a router makes itself known. */

#define MRD_INTERVAL_DEFAULT_S 20 /* RFC 4286 3.1.1 */
#define MRD_DEAD_INTERVALS     3

#define PIM_VERSION         2
#define PIM_TYPE_HELLO      0
#define PIM_HEADER_SIZE     4u
#define PIM_OPTION_HOLDTIME 1
#define PIM_HOLD_DEFAULT_S  105 /* RFC 7761 4.11 */

/* An advertisement; the termination, which says no more than its type, needs no reader. */
enum group_msg_error mrd_read(
	const struct group_family *f, const uint8_t *p, size_t size, struct group_msg *out)
{
	uint16_t interval_s = p[1] != 0 ? p[1] : MRD_INTERVAL_DEFAULT_S;

	out->router_hold_s = (uint16_t)(interval_s * MRD_DEAD_INTERVALS);
	return GROUP_MSG_OK;
}

/* RFC 7761 4.9.2: options of type, length, value. */
static enum group_msg_error hello_read(const uint8_t *at, const uint8_t *end, struct group_msg *out)
{
	while (at < end) {
		if (end - at < 4 || end - at - 4 < get_be16(at + 2))
			return GROUP_MSG_E_LENGTH;
		if (get_be16(at) == PIM_OPTION_HOLDTIME && get_be16(at + 2) == 2)
			out->router_hold_s = get_be16(at + 4);
		at += 4 + get_be16(at + 2);
	}
	return GROUP_MSG_OK;
}

enum group_msg_error pim_read(const uint8_t *p, size_t size, struct group_msg *out)
{
	out->type = GROUP_MSG_PIM_HELLO;
	out->router_hold_s = PIM_HOLD_DEFAULT_S;
	if (p[0] != (PIM_VERSION << 4 | PIM_TYPE_HELLO))
		return GROUP_MSG_OK;
	return hello_read(p + PIM_HEADER_SIZE, p + size, out);
}

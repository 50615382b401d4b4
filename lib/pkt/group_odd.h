/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PKT_GROUP_ODD_H
#define PKT_GROUP_ODD_H

#include <stdint.h>

struct group_msg;
struct ip_packet;

/* What of the IP around msg the RFCs do not have: GROUP_MSG_ODD_*. Private to this room. */
uint8_t group_odd(const struct ip_packet *ip, const struct group_msg *msg);

#endif

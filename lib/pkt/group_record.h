/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PKT_GROUP_RECORD_H
#define PKT_GROUP_RECORD_H

#include "pkt/group_msg.h"

/* Records of IGMPv3 and MLDv2 reports (RFC 3376 4.2.4, RFC 3810 5.2.4), checked and written.
 * Private to this room; group_msg.h has the iterator. */

/* Walk msg->n_records records from msg->body: RECORD when one runs past body_size, GROUP when one
 * of a known type names no group. size: of all records, whatever follows them left out. */
enum group_msg_error group_record_check(const struct group_msg *msg, size_t *size);

/* Octets on the wire, and write them: p has room for that many. */
size_t group_record_size(bool v6, const struct group_report_record *r);
size_t group_record_write(bool v6, const struct group_report_record *r, uint8_t *p);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_HANDOVER_H
#define CONTROL_HANDOVER_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/addr.h"
#include "base/error.h"

/*
 * A guest's memberships as they leave a switch and enter one: what `mcctl export` prints, `mcctl
 * import` reads, and the state file keeps of every guest.
 *
 *   {"version": 1, "guest": "vm1", "igmp_version": 3, "mld_version": 2,
 *    "ip": "10.0.0.1", "ip6": "fe80::1",
 *    "rows": [{"vlan": 20, "group": "239.1.1.1", "mode": "exclude", "sources": []}]}
 *
 * ip and ip6 are where its reports came from, absent where it has sent none; versions are 0 then.
 * Pure: text and JSON on one side, values on the other.
 */
#define HANDOVER_VERSION     1
#define HANDOVER_MAX_ROWS    65536
#define HANDOVER_MAX_SOURCES 512 /* of a row; a longer list is handed over as EXCLUDE{} */

struct handover_row {
	uint16_t vlan;
	bool exclude;
	uint16_t n_sources;
	struct ip_addr group;
	struct ip_addr *sources; /* owned; NULL: none */
};

struct handover {
	char guest[32];
	uint8_t igmp_version, mld_version;
	struct ip_addr address[2]; /* [v6]; unspecified: not known */
	size_t n_rows, max_rows;
	struct handover_row *rows;
};

struct handover *handover_new(const char *guest); /* NULL: no memory */
void handover_free(struct handover *h);           /* NULL is fine */

/* 0, -ENOMEM or -ENOSPC. sources are copied. */
int handover_add(struct handover *h, uint16_t vlan, const struct ip_addr *group, bool exclude,
	const struct ip_addr *sources, unsigned int n_sources);

/* 0, -EINVAL with what is wrong, -ENOMEM. What is read is whole and within bounds: groups that can be
 * forwarded by membership, sources of their family. */
int handover_read(const json_t *json, struct handover **out, struct error *err);

/* As JSON in one line, without a newline. */
void handover_print(const struct handover *h, FILE *out);

#endif

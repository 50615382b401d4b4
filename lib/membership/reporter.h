/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MEMBERSHIP_REPORTER_H
#define MEMBERSHIP_REPORTER_H

#include "membership/row.h"

/*
 * Explicit tracking: the hosts behind a row, by IP and MAC, in the list of the row when they want
 * any source and in those of sources when they ask for sources. Tracking never decides what is
 * forwarded; it decides whether a leave may act before anybody is asked. When it cannot know (no
 * memory, too many hosts, a sibling that the RFC's tables forgot) the row is `untracked`.
 */
struct reporter {
	struct reporter *next;
	struct ip_addr address;
	struct mac_addr mac;
	uint8_t version;
	bool left; /* kept for its times as long as the list lives, or one interval */
	uint32_t since, last_join, last_leave;
};

/* Who sent a message. */
struct host {
	struct ip_addr address;
	struct mac_addr mac;
	uint8_t version;
};

void reporter_joined(
	struct membership *m, struct row *r, struct reporter **list, const struct host *h);
void reporter_left(
	struct membership *m, struct row *r, struct reporter **list, const struct host *h);
void reporter_clear(struct membership *m, struct row *r, struct reporter **list);

bool reporter_is_live(const struct membership *m, const struct row *r, const struct reporter *rep);
/* Does the list hold this host; does it hold another one? */
bool reporter_has(const struct membership *m, const struct row *r, const struct reporter *list,
	const struct host *h);
bool reporter_has_other(const struct membership *m, const struct row *r,
	const struct reporter *list, const struct host *h);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MEMBERSHIP_ROW_H
#define MEMBERSHIP_ROW_H

#include "membership/family.h"
#include "membership/group.h"

struct leave;
struct reporter;
struct source;

enum filter_mode { MODE_INCLUDE, MODE_EXCLUDE, MODE_N };

/*
 * What one port wants of one group. What was heard (snooped, or restored until it is heard) is the
 * router state of RFC 3376 6.2; what is configured stands beside it and never expires. In a row of
 * a MAC group only port, origins, since and n_behind mean anything.
 *
 * There may be 80,000 of these: every octet counts (tests/unit/test_membership.c holds the line).
 */
struct row {
	struct timer timer; /* group timer; runs in EXCLUDE mode only */
	struct group *group;
	struct row *group_next; /* of the group, by port */
	struct row *port_next;  /* of the port, in no order */
	struct row **port_pprev;
	struct source *sources; /* by address */
	struct reporter
		*reporters;  /* hosts in EXCLUDE mode; those in INCLUDE are at their sources */
	struct leave *leave; /* last member queries to send, or NULL */
	uint32_t since;
	union {
		uint32_t v1_until;
		uint32_t n_behind; /* MAC row: snooped rows of this port behind the MAC */
	};
	uint32_t v2_until;
	uint16_t port;
	uint8_t origins;       /* bit = enum membership_origin */
	uint8_t mode : 1;      /* enum filter_mode, of what was heard */
	uint8_t is_static : 1; /* configured for any source */
	uint8_t untracked : 1; /* a host behind it stands in no list: no leave is instant */
	uint8_t leaving : 1;   /* its timer was lowered by a leave */
	uint8_t named : 1;     /* scratch of mac_filter.c */
};

#define ROW_HEARD (1u << ORIGIN_SNOOPED | 1u << ORIGIN_RESTORED)

static inline bool row_has(const struct row *r, enum membership_origin origin)
{
	return r->origins >> origin & 1;
}

static inline bool row_is_heard(const struct row *r)
{
	return (r->origins & ROW_HEARD) != 0;
}

/* Do sources that are in no list pass? */
static inline bool row_wants_unlisted(const struct row *r)
{
	return r->is_static || (row_is_heard(r) && r->mode == MODE_EXCLUDE);
}

struct row *row_find(const struct group *g, uint16_t port);
/* Find or create, without an origin yet. NULL: no memory. The caller gives it an origin or calls
 * row_settle. */
struct row *row_get(struct membership *m, struct group *g, uint16_t port);

/* An origin begins; host may be NULL. The first one is told as MEMBERSHIP_JOINED. */
void row_origin_add(struct membership *m, struct row *r, enum membership_origin origin,
	const struct ip_addr *host);
/* Origins (bits) end, with what they had: sources, timers, reporters. reason goes to the event when
 * nothing is left of the row, which is then freed. Returns whether the row is still there. */
bool row_origins_end(struct membership *m, struct row *r, unsigned int origins, const char *reason);
/* After the state of a row was changed: end what wants nothing any more. Same result. */
bool row_settle(struct membership *m, struct row *r, const char *reason);

/* RFC 3376 6.5: back to INCLUDE with the sources that are requested still. The caller settles. */
void row_exclude_end(struct membership *m, struct row *r);
void row_timer_expire(struct membership *m, struct timer *t);

enum compat row_compat(const struct membership *m, const struct row *r);
void row_older_host_seen(struct membership *m, struct row *r, enum compat compat);

/* Settings or an adopted querier made the group membership interval shorter. */
void row_lower(struct membership *m, struct row *r, nsec after);

#endif

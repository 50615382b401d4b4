/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MEMBERSHIP_SOURCE_H
#define MEMBERSHIP_SOURCE_H

#include "membership/row.h"

/*
 * A source in the list of a row. Listed with its timer running: requested. Listed with its timer
 * stopped, which is so only in EXCLUDE mode: excluded. Not listed: there by configuration alone.
 */
struct source {
	struct timer timer;
	struct row *row;
	struct source *next;
	struct reporter *reporters; /* hosts that asked for it in INCLUDE mode */
	struct ip_addr address;
	uint8_t n_queries; /* last member queries still to send, RFC 3376 6.6.3.2 */
	uint8_t listed : 1;
	uint8_t is_static : 1;
	uint8_t named : 1; /* scratch of filter_mode.c: in the record at hand */
	uint8_t asked : 1; /* and of leave.c: to be asked about */
};

static inline bool source_is_requested(const struct source *s)
{
	return s->listed && timer_is_running(&s->timer);
}

/* Does the row get what this source sends? */
static inline bool source_passes(const struct source *s)
{
	if (s->row->is_static || s->is_static || timer_is_running(&s->timer))
		return true;
	return !s->listed && row_wants_unlisted(s->row);
}

/* The source of this address or else the last one before it, NULL when all come after it. `from` is
 * a result for an earlier address, or NULL: those who look for many mostly look in order. */
struct source *source_find(const struct row *r, struct source *from, const struct ip_addr *address);
/* The source of this address or NULL. */
struct source *source_find_exact(const struct row *r, const struct ip_addr *address);
struct source *source_create(struct membership *m, const struct ip_addr *address);
void source_free(struct membership *m, struct source *s);

/* Move a sorted list into the row's; the two share no address. */
void source_adopt(struct row *r, struct source *list);
/* Free the sources that are neither listed nor configured. */
void source_sweep(struct membership *m, struct row *r);

/* Requested for `after` from now; excluded; no longer listed. Each touches the group if that
 * changes what is forwarded. */
void source_request(struct membership *m, struct source *s, nsec after);
void source_exclude(struct membership *m, struct source *s);
void source_unlist(struct membership *m, struct source *s);

/* The rule of an expired source timer, RFC 3376 6.3, without the sweep. */
void source_end(struct membership *m, struct source *s);
void source_timer_expire(struct membership *m, struct timer *t);

#endif

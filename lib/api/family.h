/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef API_FAMILY_H
#define API_FAMILY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/families.h"
#include "membership/membership.h"

/* The private half of families.h: a row of its table, and how the samples of a row are written. */
enum family_type { COUNTER, GAUGE, HISTOGRAM };

/* A row of the table. Its samples are written by one of the functions below; several families
 * may share one, then member is the offset of the figure that is theirs. */
struct family {
	const char *name; /* after "mcswitch_"; NULL ends the table */
	enum family_type type;
	const char *unit; /* the last word of the name, or NULL */
	const char *help;
	bool (*write)(struct families_walk *w, const struct family *f); /* true: not all yet */
	size_t member;
};

/* Taken at the beginning, so that the answer is of one moment and the table may change meanwhile. */
struct group_figures {
	struct membership_group group;
	uint16_t vlan;
	uint64_t packets;
};

/* By the type of the member: an unsigned int (number) or a uint64_t (count) of struct control_status,
 * a uint64_t of struct control_port (ports), a uint64_t (cores) or unsigned int (rings) of struct
 * control_core. The others have no member. */
#define FAMILY_WRITERS(X) \
	X(build)          \
	X(uptime)         \
	X(number)         \
	X(count)          \
	X(law)            \
	X(ports)          \
	X(ports_up)       \
	X(ports_rows)     \
	X(drops)          \
	X(refusals)       \
	X(messages)       \
	X(cores)          \
	X(rings)          \
	X(bursts)         \
	X(fanouts)        \
	X(groups)         \
	X(omitted)

#define X(name) bool family_##name##_write(struct families_walk *w, const struct family *f);
FAMILY_WRITERS(X)
#undef X

#endif

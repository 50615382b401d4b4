/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TEAM_SLOTS_H
#define TEAM_SLOTS_H

#include "team/team.h"

/*
 * The uplinks in use. A team has one slot an active uplink; a failed one's slot is filled by a
 * standby uplink and empty when there is none left. Under explicit order there is one slot, of the
 * whole team.
 */
struct slots {
	unsigned int n;
	uint16_t uplink[TEAM_MAX_UPLINKS]; /* TEAM_NO_UPLINK: empty */
	bool fresh[TEAM_MAX_UPLINKS];      /* came into use now, and guests may move to it */
};

/* before: the slots of the last decision, all empty when there was none. */
void slots_fill(struct slots *t, const struct team_config *c, const struct bitset *live,
	const uint16_t before[TEAM_MAX_UPLINKS]);

/* The slot this uplink fills, -1 when it is not in use. */
int slots_find(const struct slots *t, uint16_t uplink);

#endif

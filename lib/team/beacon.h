/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TEAM_BEACON_H
#define TEAM_BEACON_H

#include "base/clock.h"
#include "team/team.h"

/*
 * Beacon probing: failures that no link tells of, beyond the first hop. Each uplink of a team sends
 * a probe every interval and hears those of the others, through the physical network. One that has
 * exchanged none with anybody for BEACON_MISSES intervals, while two others have with each other, is
 * lost. Both directions count: who is heard by nobody carries nobody. Of two uplinks that do not
 * hear each other nothing can be said, so it takes three.
 */
#define BEACON_MISSES 3

struct beacon {
	unsigned int n;
	uint16_t uplink[TEAM_MAX_UPLINKS];
	nsec since[TEAM_MAX_UPLINKS];                   /* watched without a break; 0: is not */
	nsec heard[TEAM_MAX_UPLINKS][TEAM_MAX_UPLINKS]; /* [by][from], 0: never */
	nsec looked;                                    /* the last decision */
};

/* Begin anew with these uplinks, of which nothing is known. At most TEAM_MAX_UPLINKS. */
void beacon_start(struct beacon *b, const uint16_t *uplinks, unsigned int n);

/* uplink `by` has received the probe of uplink `from`. Others than the team's are ignored. */
void beacon_heard(struct beacon *b, uint16_t by, uint16_t from, nsec now);

/*
 * The uplinks that are lost. live: port ids of those whose link is up; the others are not judged,
 * nor is one that has been live for less than BEACON_MISSES intervals. To be called at least once an
 * interval: after a longer break everything is watched anew.
 */
struct bitset beacon_lost(struct beacon *b, const struct bitset *live, nsec interval, nsec now);

#endif

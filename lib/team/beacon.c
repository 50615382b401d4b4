/* SPDX-License-Identifier: BSD-3-Clause */
#include "team/beacon.h"

#include <string.h>

void beacon_start(struct beacon *b, const uint16_t *uplinks, unsigned int n)
{
	memset(b, 0, sizeof(*b));
	b->n = n < TEAM_MAX_UPLINKS ? n : TEAM_MAX_UPLINKS;
	memcpy(b->uplink, uplinks, b->n * sizeof(b->uplink[0]));
}

static int find(const struct beacon *b, uint16_t uplink)
{
	for (unsigned int i = 0; i < b->n; i++)
		if (b->uplink[i] == uplink)
			return (int)i;
	return -1;
}

void beacon_heard(struct beacon *b, uint16_t by, uint16_t from, nsec now)
{
	int i = find(b, by), k = find(b, from);

	if (i >= 0 && k >= 0 && i != k)
		b->heard[i][k] = now;
}

static bool is_live(const struct beacon *b, const struct bitset *live, unsigned int i)
{
	return b->uplink[i] < BITSET_SIZE && bitset_has(live, b->uplink[i]);
}

/* Who was down, or was not looked at in time, is watched from now on. */
static void watch(struct beacon *b, const struct bitset *live, nsec interval, nsec now)
{
	bool broken = now - b->looked > BEACON_MISSES * interval;

	for (unsigned int i = 0; i < b->n; i++) {
		if (!is_live(b, live, i))
			b->since[i] = 0;
		else if (b->since[i] == 0 || broken)
			b->since[i] = now;
	}
	b->looked = now;
}

static bool is_recent(nsec heard, nsec window, nsec now)
{
	return heard != 0 && now - heard <= window;
}

/* Both live uplinks have heard each other lately. */
static bool exchange(const struct beacon *b, unsigned int i, unsigned int k, nsec window, nsec now)
{
	return b->since[i] != 0 && b->since[k] != 0 && is_recent(b->heard[i][k], window, now) &&
	       is_recent(b->heard[k][i], window, now);
}

static bool exchanges_with_any(const struct beacon *b, unsigned int i, nsec window, nsec now)
{
	for (unsigned int k = 0; k < b->n; k++)
		if (k != i && exchange(b, i, k, window, now))
			return true;
	return false;
}

struct bitset beacon_lost(struct beacon *b, const struct bitset *live, nsec interval, nsec now)
{
	nsec window = BEACON_MISSES * interval;
	struct bitset silent = {{0}}, none = {{0}};
	bool network = false; /* some two exchange */

	watch(b, live, interval, now);
	for (unsigned int i = 0; i < b->n; i++) {
		if (exchanges_with_any(b, i, window, now))
			network = true;
		else if (b->since[i] != 0 && now - b->since[i] > window)
			bitset_set(&silent, b->uplink[i]);
	}
	return network ? silent : none;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A decision has two steps: which uplinks are in use (slots.c), then who goes where. port-id and
 * ip-hash are the same even spread, of guests and of buckets; mac-hash is a rendezvous; explicit
 * order has one slot.
 */
#include "team/team.h"

#include <errno.h>
#include <string.h>

#include "team/slots.h"

static const char *const policy_names[] = {
	[TEAM_PORT_ID] = "port-id",
	[TEAM_MAC_HASH] = "mac-hash",
	[TEAM_IP_HASH] = "ip-hash",
	[TEAM_EXPLICIT] = "explicit",
};

#define N_POLICIES (sizeof(policy_names) / sizeof(policy_names[0]))

const char *team_policy_name(enum team_policy p)
{
	return (unsigned int)p < N_POLICIES ? policy_names[p] : "unknown";
}

int team_policy_parse(const char *name, enum team_policy *out)
{
	for (unsigned int i = 0; i < N_POLICIES; i++) {
		if (strcmp(name, policy_names[i]) == 0) {
			*out = (enum team_policy)i;
			return 0;
		}
	}
	return -EINVAL;
}

void team_state_init(struct team_state *s)
{
	for (unsigned int i = 0; i < BITSET_SIZE; i++)
		s->carrier[i] = TEAM_NO_UPLINK;
	for (unsigned int i = 0; i < TEAM_N_BUCKETS; i++)
		s->bucket[i] = TEAM_NO_UPLINK;
	memset(&s->listed, 0, sizeof(s->listed));
	team_state_reorder(s);
}

void team_state_reorder(struct team_state *s)
{
	for (unsigned int i = 0; i < TEAM_MAX_UPLINKS; i++)
		s->slot[i] = TEAM_NO_UPLINK;
}

/* The slot with the smallest load, the first of equals; fresh_only: among those that came into
 * use now. -1: there is none. */
static int lightest(const struct slots *t, const unsigned int *load, bool fresh_only)
{
	int best = -1;

	for (unsigned int i = 0; i < t->n; i++)
		if (t->uplink[i] != TEAM_NO_UPLINK && (!fresh_only || t->fresh[i]) &&
			(best < 0 || load[i] < load[best]))
			best = (int)i;
	return best;
}

static int heaviest(const struct slots *t, const unsigned int *load)
{
	int best = -1;

	for (unsigned int i = 0; i < t->n; i++)
		if (t->uplink[i] != TEAM_NO_UPLINK && (best < 0 || load[i] > load[best]))
			best = (int)i;
	return best;
}

/* Which item of uplink from moves to slot to: one that an undisturbed team has there, so that who
 * had to flee comes home, else the last. */
static unsigned int pick(
	const struct slots *t, const uint16_t *at, unsigned int n, uint16_t from, unsigned int to)
{
	unsigned int last = n;

	for (unsigned int i = 0; i < n; i++) {
		if (at[i] != from)
			continue;
		if (i % t->n == to)
			return i;
		last = i;
	}
	return last;
}

/* Spread n items evenly. at: the uplink of each, in and out. */
static void spread(const struct slots *t, uint16_t *at, unsigned int n)
{
	unsigned int load[TEAM_MAX_UPLINKS] = {0};
	int slot, to, from;

	for (unsigned int i = 0; i < n; i++) {
		slot = slots_find(t, at[i]);
		if (slot >= 0)
			load[slot]++;
		else
			at[i] = TEAM_NO_UPLINK;
	}
	for (unsigned int i = 0; i < n; i++) {
		if (at[i] != TEAM_NO_UPLINK)
			continue;
		slot = lightest(t, load, false);
		if (slot < 0)
			return;
		at[i] = t->uplink[slot];
		load[slot]++;
	}
	for (;;) {
		to = lightest(t, load, true);
		from = heaviest(t, load);
		if (to < 0 || load[from] <= load[to] + 1)
			return;
		at[pick(t, at, n, t->uplink[from], (unsigned int)to)] = t->uplink[to];
		load[from]--;
		load[to]++;
	}
}

/* The slot whose configured uplink and this key agree best: another slot's coming or going does not
 * change the order of the rest. */
static int rendezvous(const struct slots *t, const struct team_config *c, uint64_t key)
{
	uint64_t weight, best_weight = 0;
	int best = -1;

	for (unsigned int i = 0; i < t->n; i++) {
		if (t->uplink[i] == TEAM_NO_UPLINK)
			continue;
		weight = hash_mix(hash_mix(key) + c->active[i]);
		if (best < 0 || weight > best_weight) {
			best = (int)i;
			best_weight = weight;
		}
	}
	return best;
}

static uint16_t by_mac(const struct slots *t, const struct team_config *c,
	const struct team_guest *g, uint16_t now)
{
	uint64_t key = mac_is_zero(&g->mac) ? g->port : mac_to_u64(&g->mac);
	int slot = rendezvous(t, c, key);

	if (slots_find(t, now) >= 0 && !t->fresh[slot])
		return now;
	return slot < 0 ? TEAM_NO_UPLINK : t->uplink[slot];
}

static void place(const struct slots *t, const struct team_config *c,
	const struct team_guest *guests, unsigned int n, struct team_state *s, uint16_t *at)
{
	switch (c->policy) {
	case TEAM_PORT_ID:
		spread(t, at, n);
		return;
	case TEAM_MAC_HASH:
		for (unsigned int i = 0; i < n; i++)
			at[i] = by_mac(t, c, &guests[i], at[i]);
		return;
	case TEAM_IP_HASH:
		spread(t, s->bucket, TEAM_N_BUCKETS);
		for (unsigned int i = 0; i < n; i++)
			at[i] = s->bucket[guests[i].port % TEAM_N_BUCKETS];
		return;
	case TEAM_EXPLICIT:
		for (unsigned int i = 0; i < n; i++)
			at[i] = t->uplink[0];
		return;
	}
}

void team_decide(const struct team_config *c, const struct bitset *live,
	const struct team_guest *guests, unsigned int n_guests, struct team_state *s,
	struct bitset *moved)
{
	struct bitset listed = {0}, changed = {0};
	uint16_t at[BITSET_SIZE];
	struct slots slots;

	slots_fill(&slots, c, live, s->slot);
	memcpy(s->slot, slots.uplink, sizeof(s->slot));

	for (unsigned int i = 0; i < n_guests; i++) {
		at[i] = s->carrier[guests[i].port];
		bitset_set(&listed, guests[i].port);
	}
	if (c->policy != TEAM_IP_HASH)
		for (unsigned int i = 0; i < TEAM_N_BUCKETS; i++)
			s->bucket[i] = TEAM_NO_UPLINK;
	place(&slots, c, guests, n_guests, s, at);

	for (unsigned int i = 0; i < BITSET_SIZE; i++)
		if (!bitset_has(&listed, i))
			s->carrier[i] = TEAM_NO_UPLINK;
	for (unsigned int i = 0; i < n_guests; i++) {
		if (s->carrier[guests[i].port] != at[i] && bitset_has(&s->listed, guests[i].port))
			bitset_set(&changed, guests[i].port);
		s->carrier[guests[i].port] = at[i];
	}
	s->listed = listed;
	if (moved != NULL)
		*moved = changed;
}

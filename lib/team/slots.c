/* SPDX-License-Identifier: BSD-3-Clause */
#include "team/slots.h"

static bool is_live(const struct bitset *live, uint16_t uplink)
{
	return uplink < BITSET_SIZE && bitset_has(live, uplink);
}

static bool list_has(const uint16_t *list, unsigned int n, uint16_t uplink)
{
	for (unsigned int i = 0; i < n; i++)
		if (list[i] == uplink)
			return true;
	return false;
}

int slots_find(const struct slots *t, uint16_t uplink)
{
	if (uplink == TEAM_NO_UPLINK)
		return -1;
	for (unsigned int i = 0; i < t->n; i++)
		if (t->uplink[i] == uplink)
			return (int)i;
	return -1;
}

/* Put the uplinks of list that are live and unused into the empty slots, both in order. */
static void fill_in_order(
	struct slots *t, const uint16_t *list, unsigned int n, const struct bitset *live)
{
	unsigned int slot = 0;

	for (unsigned int i = 0; i < n; i++) {
		if (!is_live(live, list[i]) || slots_find(t, list[i]) >= 0)
			continue;
		while (slot < t->n && t->uplink[slot] != TEAM_NO_UPLINK)
			slot++;
		if (slot == t->n)
			return;
		t->uplink[slot] = list[i];
	}
}

/* What replaces a failed uplink stays in its slot if it is in allowed and lives. */
static void keep_incumbents(struct slots *t, const uint16_t *before, const uint16_t *allowed,
	unsigned int n_allowed, const struct bitset *live)
{
	for (unsigned int i = 0; i < t->n; i++)
		if (t->uplink[i] == TEAM_NO_UPLINK && is_live(live, before[i]) &&
			list_has(allowed, n_allowed, before[i]) && slots_find(t, before[i]) < 0)
			t->uplink[i] = before[i];
}

static void fill_own(struct slots *t, const struct team_config *c, const struct bitset *live)
{
	for (unsigned int i = 0; i < t->n; i++)
		if (t->uplink[i] == TEAM_NO_UPLINK && is_live(live, c->active[i]) &&
			slots_find(t, c->active[i]) < 0)
			t->uplink[i] = c->active[i];
}

/* Every live active uplink is in its own slot, and the first live standby ones in the others. */
static void fill_preferred(struct slots *t, const struct team_config *c, const struct bitset *live,
	const uint16_t *before)
{
	uint16_t due[TEAM_MAX_UPLINKS] = {0};
	unsigned int n_due = 0, n_empty = 0;

	fill_own(t, c, live);
	for (unsigned int i = 0; i < t->n; i++)
		n_empty += t->uplink[i] == TEAM_NO_UPLINK;
	for (unsigned int i = 0; i < c->n_standby && n_due < n_empty; i++)
		if (is_live(live, c->standby[i]))
			due[n_due++] = c->standby[i];
	keep_incumbents(t, before, due, n_due, live);
	fill_in_order(t, due, n_due, live);
}

/* Who is in use stays in use; the empty slots are filled in order of preference. */
static void fill_sticky(struct slots *t, const struct team_config *c, const struct bitset *live,
	const uint16_t *before)
{
	keep_incumbents(t, before, c->active, c->n_active, live);
	keep_incumbents(t, before, c->standby, c->n_standby, live);
	fill_own(t, c, live);
	fill_in_order(t, c->active, c->n_active, live);
	fill_in_order(t, c->standby, c->n_standby, live);
}

static void fill_explicit(struct slots *t, const struct team_config *c, const struct bitset *live,
	const uint16_t *before)
{
	if (!c->failback) {
		keep_incumbents(t, before, c->active, c->n_active, live);
		keep_incumbents(t, before, c->standby, c->n_standby, live);
	}
	fill_in_order(t, c->active, c->n_active, live);
	fill_in_order(t, c->standby, c->n_standby, live);
}

void slots_fill(struct slots *t, const struct team_config *c, const struct bitset *live,
	const uint16_t before[TEAM_MAX_UPLINKS])
{
	bool anew = true;

	*t = (struct slots){.n = c->policy == TEAM_EXPLICIT ? 1 : c->n_active};
	for (unsigned int i = 0; i < TEAM_MAX_UPLINKS; i++) {
		t->uplink[i] = TEAM_NO_UPLINK;
		anew = anew && before[i] == TEAM_NO_UPLINK;
	}
	if (c->policy == TEAM_EXPLICIT)
		fill_explicit(t, c, live, before);
	else if (c->failback)
		fill_preferred(t, c, live, before);
	else
		fill_sticky(t, c, live, before);
	for (unsigned int i = 0; i < t->n; i++)
		t->fresh[i] = t->uplink[i] != TEAM_NO_UPLINK && (c->failback || anew) &&
			      !list_has(before, TEAM_MAX_UPLINKS, t->uplink[i]);
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "control/control_private.h"

/*
 * Teams of uplinks: what is configured, as lib/team wants it, and what it decides. Who is carried by
 * another uplink than before is collected until the plane that says so is published (moved.c).
 */
static uint16_t uplink_id(const struct control *c, const char *name)
{
	int id = control_port_find(c, name);

	return id < 0 ? TEAM_NO_UPLINK : (uint16_t)id;
}

/* Take over what the configuration says now. */
static void team_configure(struct control *c, struct ctl_team *t)
{
	const struct conf_team *conf = t->conf;

	t->config = (struct team_config){
		.policy = (enum team_policy)conf->policy,
		.failback = conf->failback,
	};
	for (size_t k = 0; k < conf->n_active; k++)
		t->config.active[t->config.n_active++] = uplink_id(c, conf->active[k]);
	for (size_t k = 0; k < conf->n_standby; k++)
		t->config.standby[t->config.n_standby++] = uplink_id(c, conf->standby[k]);
}

static void team_begin(struct control *c, struct ctl_team *t, const struct conf_team *conf)
{
	memset(t, 0, sizeof(*t));
	t->conf = conf;
	team_configure(c, t);
	ctl_beacons_init(t);
	team_state_init(&t->state);
	t->failover.at = NSEC_NEVER;
}

int ctl_teams_init(struct control *c, struct error *err)
{
	if (c->conf->n_teams > CONTROL_MAX_TEAMS)
		return error_set(err, -ENOSPC, "%zu teams; %u are the most", c->conf->n_teams,
			CONTROL_MAX_TEAMS);
	for (size_t i = 0; i < c->conf->n_teams; i++)
		team_begin(c, &c->teams[c->n_teams++], &c->conf->teams[i]);
	return 0;
}

static bool same_config(const struct team_config *a, const struct team_config *b)
{
	return a->policy == b->policy && a->failback == b->failback && a->n_active == b->n_active &&
	       a->n_standby == b->n_standby &&
	       memcmp(a->active, b->active, a->n_active * sizeof(a->active[0])) == 0 &&
	       memcmp(a->standby, b->standby, a->n_standby * sizeof(a->standby[0])) == 0;
}

/* What a channel has learnt as one, its former members have not: everyone is announced. */
static void channel_leave(struct ctl_team *t, enum team_policy was)
{
	if (was == TEAM_IP_HASH && t->config.policy != TEAM_IP_HASH)
		bitset_or(&t->moved, &t->moved, &t->state.listed);
}

static void team_keep(struct ctl_team *t, const struct ctl_team *teams, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		if (strcmp(teams[i].conf->name, t->conf->name) != 0)
			continue;
		t->state = teams[i].state;
		t->moved = teams[i].moved;
		t->failover = teams[i].failover;
		if (!same_config(&t->config, &teams[i].config))
			team_state_reorder(&t->state);
		channel_leave(t, teams[i].config.policy);
	}
}

void ctl_teams_reload(struct control *c)
{
	static struct ctl_team was[CONTROL_MAX_TEAMS]; /* large; control is one thread */
	unsigned int n = c->n_teams;

	memcpy(was, c->teams, sizeof(was));
	c->n_teams = 0;
	for (size_t i = 0; i < c->conf->n_teams; i++) {
		team_begin(c, &c->teams[c->n_teams], &c->conf->teams[i]);
		team_keep(&c->teams[c->n_teams++], was, n);
	}
}

static bool team_names_vlan(const struct conf_team *t, uint16_t vlan)
{
	for (size_t i = 0; i < t->n_vlans; i++) {
		if (t->vlans[i] == vlan)
			return true;
	}
	return false;
}

/* The team that lists the VLAN, else the one that takes all. */
const struct ctl_team *ctl_team_of_vlan(const struct control *c, uint16_t vlan)
{
	const struct ctl_team *all = NULL;

	for (unsigned int i = 0; i < c->n_teams; i++) {
		if (c->teams[i].conf->all_vlans)
			all = &c->teams[i];
		else if (team_names_vlan(c->teams[i].conf, vlan))
			return &c->teams[i];
	}
	return all;
}

const struct ctl_team *ctl_team_of_uplink(const struct control *c, uint16_t uplink)
{
	for (unsigned int i = 0; i < c->n_teams; i++) {
		for (unsigned int k = 0; k < c->teams[i].beacon.n; k++) {
			if (c->teams[i].beacon.uplink[k] == uplink)
				return &c->teams[i];
		}
	}
	return NULL;
}

bool ctl_team_serves(const struct control *c, const struct ctl_team *t, const struct ctl_port *p)
{
	if (!p->used || p->is_uplink)
		return false;
	if (!p->guest.trunk)
		return ctl_team_of_vlan(c, p->guest.vlan) == t;
	for (size_t i = 0; i < p->guest.n_trunk; i++) {
		if (ctl_team_of_vlan(c, p->guest.trunk_vlans[i]) == t)
			return true;
	}
	return false;
}

uint16_t ctl_carrier(const struct control *c, uint16_t vlan, uint16_t guest)
{
	const struct ctl_team *t = ctl_team_of_vlan(c, vlan);

	return t != NULL ? t->state.carrier[guest] : TEAM_NO_UPLINK;
}

bool ctl_uplink_works(const struct control *c, uint16_t uplink)
{
	const struct ctl_port *p = &c->ports[uplink];

	return p->used && p->is_uplink && p->up && p->admin_up && !p->lost;
}

/* The uplinks over which an ip-hash team spreads frames, for people. */
static void channel_name(const struct control *c, struct ctl_team *t)
{
	size_t used = 0;

	t->channel[0] = '\0';
	if (t->config.policy != TEAM_IP_HASH)
		return;
	for (unsigned int i = 0; i < TEAM_MAX_UPLINKS && used < sizeof(t->channel); i++) {
		if (t->state.slot[i] != TEAM_NO_UPLINK)
			used += (size_t)snprintf(t->channel + used, sizeof(t->channel) - used,
				"%s%s", used > 0 ? "," : "", c->ports[t->state.slot[i]].name);
	}
}

static void team_decide_now(const struct control *c, struct ctl_team *t, const struct bitset *live)
{
	struct bitset moved, was_listed = t->state.listed;
	struct team_guest guests[BITSET_SIZE];
	uint16_t buckets[TEAM_N_BUCKETS];
	unsigned int n = 0;

	for (unsigned int id = 0; id < BITSET_SIZE; id++) {
		const struct ctl_port *p = &c->ports[id];

		if (ctl_team_serves(c, t, p))
			guests[n++] = (struct team_guest){.port = p->id, .mac = p->mac};
	}
	memcpy(buckets, t->state.bucket, sizeof(buckets));
	team_decide(&t->config, live, guests, n, &t->state, &moved);
	if (t->config.policy == TEAM_IP_HASH) {
		/* Frames are spread, not guests: a bucket that moves concerns everyone. */
		memset(&moved, 0, sizeof(moved));
		if (memcmp(buckets, t->state.bucket, sizeof(buckets)) != 0)
			bitset_and(&moved, &was_listed, &t->state.listed);
	}
	/* Added to those of a decision that could not be published. */
	bitset_or(&t->moved, &t->moved, &moved);
	channel_name(c, t);
}

void ctl_teams_decide(struct control *c)
{
	struct bitset live = {{0}};

	for (unsigned int id = 0; id < BITSET_SIZE; id++) {
		if (ctl_uplink_works(c, (uint16_t)id))
			bitset_set(&live, id);
	}
	for (unsigned int i = 0; i < c->n_teams; i++)
		team_decide_now(c, &c->teams[i], &live);
}

bool ctl_uplink_in_use(const struct ctl_team *t, uint16_t uplink)
{
	for (unsigned int i = 0; i < TEAM_MAX_UPLINKS; i++) {
		if (t->state.slot[i] == uplink)
			return true;
	}
	return false;
}

uint16_t ctl_team_speaker(const struct control *c, uint16_t vlan)
{
	const struct ctl_team *t = ctl_team_of_vlan(c, vlan);

	for (unsigned int i = 0; t != NULL && i < TEAM_MAX_UPLINKS; i++) {
		if (t->state.slot[i] != TEAM_NO_UPLINK)
			return t->state.slot[i];
	}
	return TEAM_NO_UPLINK;
}

static struct ctl_team *by_name(struct control *c, const char *name)
{
	for (unsigned int i = 0; i < c->n_teams; i++) {
		if (strcmp(c->teams[i].conf->name, name) == 0)
			return &c->teams[i];
	}
	return NULL;
}

int control_team_set(
	struct control *c, const char *team, const char *key, const char *value, struct error *err)
{
	struct ctl_team *t = by_name(c, team);
	int rc = conf_team_set(c->conf, team, key, value, err);
	enum team_policy was;

	if (rc < 0 || t == NULL)
		return rc;
	was = t->config.policy;
	team_configure(c, t);
	if (strcmp(key, "policy") == 0 || strcmp(key, "active") == 0 ||
		strcmp(key, "standby") == 0 || strcmp(key, "failback") == 0)
		team_state_reorder(&t->state);
	channel_leave(t, was);
	t->beacon_due = 0;
	c->fact_at = c->now;
	c->topology_dirty = true;
	c->filters_dirty = true;
	ctl_event(c, "config", NULL, -1, NULL, "team %s: %s is %s", team, key, value);
	return 0;
}

/* --- what can be seen --- */

void control_carried(const struct control *c, uint16_t uplink, control_carried_fn *fn, void *ctx)
{
	const struct ctl_team *t = ctl_team_of_uplink(c, uplink);

	for (unsigned int id = 0; id < BITSET_SIZE; id++) {
		if (t == NULL || !ctl_team_serves(c, t, &c->ports[id]))
			continue;
		if (t->config.policy == TEAM_IP_HASH ? ctl_uplink_in_use(t, uplink)
						     : t->state.carrier[id] == uplink)
			if (!fn(c->ports[id].name, ctx))
				return;
	}
}

static unsigned int team_guests(const struct control *c, const struct ctl_team *t)
{
	unsigned int n = 0;

	for (unsigned int id = 0; id < BITSET_SIZE; id++)
		n += ctl_team_serves(c, t, &c->ports[id]) && t->state.carrier[id] != TEAM_NO_UPLINK;
	return n;
}

void control_teams(const struct control *c, control_team_fn *fn, void *ctx)
{
	for (unsigned int i = 0; i < c->n_teams; i++) {
		const struct ctl_team *t = &c->teams[i];
		const char *active[CONF_MAX_UPLINKS], *standby[CONF_MAX_UPLINKS];
		const struct control_team view = {
			.name = t->conf->name,
			.policy = team_policy_name(t->config.policy),
			.failback = t->conf->failback,
			.notify_switches = t->conf->notify_switches,
			.replay_memberships = t->conf->replay_memberships,
			.channel_replay = t->conf->channel_replay,
			.beacon_ms = t->conf->beacon_ms,
			.active = active,
			.n_active = t->conf->n_active,
			.standby = standby,
			.n_standby = t->conf->n_standby,
			.n_guests = team_guests(c, t),
			.failover = t->failover,
		};

		for (size_t k = 0; k < t->conf->n_active; k++)
			active[k] = t->conf->active[k];
		for (size_t k = 0; k < t->conf->n_standby; k++)
			standby[k] = t->conf->standby[k];
		if (!fn(&view, ctx))
			return;
	}
}

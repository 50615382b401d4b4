/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conf/check.h"

#define IMPLIED_TEAM "default"

bool names_have(const char (*names)[CONF_NAME_SIZE], size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

static bool team_has(const struct conf_team *t, const char *uplink)
{
	return names_have(t->active, t->n_active, uplink) ||
	       names_have(t->standby, t->n_standby, uplink);
}

const struct conf_team *team_of(const struct conf *c, const char *uplink)
{
	for (size_t i = 0; i < c->n_teams; i++)
		if (team_has(&c->teams[i], uplink))
			return &c->teams[i];
	return NULL;
}

/* The uplinks that team i lists are there and in no team before, nor listed before in it. */
static void team_uplinks_check(const struct conf *c, const struct site *site, size_t i,
	const char *key, const char (*names)[CONF_NAME_SIZE], size_t n)
{
	const struct conf_team *t = &c->teams[i];

	for (size_t k = 0; k < n; k++) {
		const char *at = AT("teams[%zu].%s[%zu]", i, key, k);
		const struct conf_team *first = team_of(c, names[k]);
		int port = port_find(c, names[k]);

		if (port < 0 || (size_t)port >= c->n_uplinks)
			site_error(
				site, at, "team %s: no uplink is called '%s'", t->name, names[k]);
		else if (first != t)
			site_error(site, at, "team %s: uplink %s is in team %s already", t->name,
				names[k], first->name);
		else if (names_have(names, k, names[k]))
			site_error(
				site, at, "team %s: uplink %s is listed twice", t->name, names[k]);
		else if (names != t->active && names_have(t->active, t->n_active, names[k]))
			site_error(site, at, "team %s: uplink %s is active already", t->name,
				names[k]);
	}
}

static void team_vlans_check(
	const struct conf *c, const struct site *site, size_t i, uint8_t owner[VLAN_ID_SIZE])
{
	const struct conf_team *t = &c->teams[i];

	if (t->all_vlans && c->n_teams > 1)
		site_error(site, AT("teams[%zu].vlans", i),
			"team %s carries all VLANs, so it must be the only team; list the VLANs of "
			"each",
			t->name);
	for (size_t k = 0; k < t->n_vlans; k++) {
		uint16_t id = t->vlans[k];

		if (owner[id] != 0)
			site_error(site, AT("teams[%zu].vlans", i),
				"team %s: VLAN %u is that of team %s already", t->name, id,
				c->teams[owner[id] - 1].name);
		else
			owner[id] = (uint8_t)(i + 1);
	}
}

void teams_check(const struct conf *c, const struct site *site)
{
	uint8_t owner[VLAN_ID_SIZE] = {0};

	for (size_t i = 0; i < c->n_teams; i++) {
		const struct conf_team *t = &c->teams[i];

		for (size_t j = 0; j < i; j++) {
			if (t->name[0] == '\0' || strcmp(t->name, c->teams[j].name) != 0)
				continue;
			site_error(site, AT("teams[%zu].name", i),
				"the name %s is used by two teams", t->name);
			break;
		}
		team_uplinks_check(c, site, i, "active", t->active, t->n_active);
		team_uplinks_check(c, site, i, "standby", t->standby, t->n_standby);
		team_vlans_check(c, site, i, owner);
	}
}

static struct conf_team *implied_team(struct conf *c)
{
	for (size_t i = 0; i < c->n_teams; i++)
		if (strcmp(c->teams[i].name, IMPLIED_TEAM) == 0)
			return &c->teams[i];
	return NULL;
}

static struct conf_team *implied_team_add(struct conf *c)
{
	struct conf_team *grown;

	grown = reallocarray(c->teams, c->n_teams + 1, sizeof(*grown));
	if (grown == NULL)
		return NULL;
	c->teams = grown;
	c->teams[c->n_teams] = (struct conf_team){.name = IMPLIED_TEAM,
		.all_vlans = true,
		.notify_switches = true,
		.failback = true,
		.replay_memberships = true};
	return &c->teams[c->n_teams++];
}

int teams_complete(struct conf *c, const struct site *site)
{
	struct conf_team *t = implied_team(c);

	for (size_t i = 0; i < c->n_uplinks; i++) {
		const char *name = c->uplinks[i].name;

		if (team_of(c, name) != NULL)
			continue;
		if (t == NULL && c->n_teams > 0) {
			site_error(site, AT("uplinks[%zu]", i),
				"uplink %s is in no team, and the team that is made for such "
				"uplinks would carry all VLANs; list it in one of the teams",
				name);
			continue;
		}
		if (t == NULL)
			t = implied_team_add(c);
		if (t == NULL)
			return -ENOMEM;
		strcpy(t->active[t->n_active++], name);
	}
	return 0;
}

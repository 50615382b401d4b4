/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>

#include "conf/check.h"
#include "conf/fields.h"

/*
 * One setting of a team, changed while the switch runs. Who is in the team does not change, only
 * what he is there: a list that is given takes its uplinks from the other list, and what it leaves
 * out goes to the end of that one.
 */
struct names {
	size_t n;
	char name[CONF_MAX_UPLINKS][CONF_NAME_SIZE];
};

static void names_add(struct names *to, const char *name)
{
	if (to->n < CONF_MAX_UPLINKS)
		memcpy(to->name[to->n++], name, CONF_NAME_SIZE);
}

/* Those of list that are not among except. */
static void names_add_others(
	struct names *to, const char (*list)[CONF_NAME_SIZE], size_t n, const struct names *except)
{
	for (size_t i = 0; i < n; i++)
		if (!names_have(except->name, except->n, list[i]))
			names_add(to, list[i]);
}

static int name_take(const struct conf_team *t, const char *text, size_t size, struct names *out,
	struct error *err)
{
	char name[CONF_NAME_SIZE] = "";

	if (size < sizeof(name))
		memcpy(name, text, size);
	if (name[0] == '\0' || (!names_have(t->active, t->n_active, name) &&
				       !names_have(t->standby, t->n_standby, name)))
		return error_set(err, -EINVAL, "team %s: '%.*s' is not one of its uplinks", t->name,
			(int)(size < 64 ? size : 64), text);
	if (names_have(out->name, out->n, name))
		return error_set(err, -EINVAL, "team %s: uplink %s is listed twice", t->name, name);
	names_add(out, name);
	return 0;
}

/* "up0,up1"; "none" or nothing is the empty list. */
static int names_parse(
	const struct conf_team *t, const char *text, struct names *out, struct error *err)
{
	size_t size;
	int rc;

	if (text[0] == '\0' || strcmp(text, "none") == 0)
		return 0;
	for (;; text += size + 1) {
		size = strcspn(text, ",");
		rc = name_take(t, text, size, out, err);
		if (rc < 0 || text[size] == '\0')
			return rc;
	}
}

static int lists_set(struct conf_team *t, bool is_active, const char *value, struct error *err)
{
	struct names given = {0}, other = {0};
	const struct names *active = is_active ? &given : &other;
	const struct names *standby = is_active ? &other : &given;
	int rc = names_parse(t, value, &given, err);

	if (rc < 0)
		return rc;
	if (is_active)
		names_add_others(&other, t->standby, t->n_standby, &given);
	names_add_others(&other, t->active, t->n_active, &given);
	if (!is_active)
		names_add_others(&other, t->standby, t->n_standby, &given);
	if (active->n == 0)
		return error_set(err, -EINVAL,
			"team %s would have no active uplink; list at least one", t->name);
	t->n_active = active->n;
	t->n_standby = standby->n;
	memcpy(t->active, active->name, sizeof(t->active));
	memcpy(t->standby, standby->name, sizeof(t->standby));
	return 0;
}

int conf_team_set(
	struct conf *c, const char *team, const char *key, const char *value, struct error *err)
{
	const struct field *f = fields_find(team_fields, key);
	int rc;

	for (size_t i = 0; i < c->n_teams; i++) {
		struct conf_team *t = &c->teams[i];

		if (strcmp(t->name, team) != 0)
			continue;
		if (strcmp(key, "active") == 0 || strcmp(key, "standby") == 0)
			return lists_set(t, key[0] == 'a', value, err);
		if (f == NULL || strcmp(key, "name") == 0)
			return error_set(err, -EINVAL,
				"'%.64s' cannot be set; policy, active, standby, failback, "
				"notify_switches, replay_memberships, channel_replay and beacon_ms "
				"can",
				key);
		rc = field_parse(f, value, t, err);
		if (rc < 0)
			error_prefix(err, "team %s", t->name);
		return rc;
	}
	return error_set(err, -ENOENT, "there is no team named %.64s", team);
}

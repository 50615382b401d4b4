/* SPDX-License-Identifier: BSD-3-Clause */
/* A team's settings changed one at a time: what comes of it, and that a refusal changes nothing. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "conf/conf.h"

static const char text[] = "uplinks:\n"
			   "- {name: a, device: d0}\n"
			   "- {name: b, device: d1}\n"
			   "- {name: c, device: d2}\n"
			   "- {name: d, device: d3}\n"
			   "teams:\n"
			   "- {name: one, vlans: [1], active: [a, b], standby: [c]}\n"
			   "- {name: two, vlans: [2], active: [d]}\n";

static struct conf *load(void)
{
	struct conf_errors errors = {0};
	struct conf *c = conf_load_text("text", text, strlen(text), &errors);

	if (c == NULL)
		fail_msg("%s", errors.text[0]);
	return c;
}

/* "a,b/c port-id ..." */
static const char *describe(const struct conf_team *t)
{
	static char out[256];
	size_t n = 0;

	for (size_t i = 0; i < t->n_active; i++)
		n += (size_t)sprintf(out + n, "%s%s", i > 0 ? "," : "", t->active[i]);
	n += (size_t)sprintf(out + n, "/");
	for (size_t i = 0; i < t->n_standby; i++)
		n += (size_t)sprintf(out + n, "%s%s", i > 0 ? "," : "", t->standby[i]);
	sprintf(out + n, " %u %d%d%d%d %u", t->policy, t->failback, t->notify_switches,
		t->replay_memberships, t->channel_replay, t->beacon_ms);
	return out;
}

#define BEFORE "a,b/c 0 1110 0"

static const struct {
	const char *key, *value;
	const char *after; /* NULL: refused */
	const char *error;
} sets[] = {
	{"policy", "explicit", "a,b/c 3 1110 0", NULL},
	{"policy", "lacp", NULL, "team one: policy 'lacp' is not accepted"},
	{"failback", "false", "a,b/c 0 0110 0", NULL},
	{"notify_switches", "off", "a,b/c 0 1010 0", NULL},
	{"replay_memberships", "no", "a,b/c 0 1100 0", NULL},
	{"channel_replay", "true", "a,b/c 0 1111 0", NULL},
	{"beacon_ms", "100", "a,b/c 0 1110 100", NULL},
	{"beacon_ms", "60001", NULL, "not a number from 0 to 60000"},
	{"failback", "maybe", NULL, "failback 'maybe' is not accepted"},
	{"active", "c", "c/a,b 0 1110 0", NULL},
	{"active", "b", "b/c,a 0 1110 0", NULL},
	{"active", "c,a,b", "c,a,b/ 0 1110 0", NULL},
	{"active", "b,a", "b,a/c 0 1110 0", NULL},
	{"standby", "none", "a,b,c/ 0 1110 0", NULL},
	{"standby", "", "a,b,c/ 0 1110 0", NULL},
	{"standby", "b,c", "a/b,c 0 1110 0", NULL},
	{"standby", "a", "b,c/a 0 1110 0", NULL},
	{"standby", "a,b,c", NULL, "team one would have no active uplink"},
	{"active", "none", NULL, "team one would have no active uplink"},
	{"active", "d", NULL, "'d' is not one of its uplinks"},
	{"active", "a,nothing", NULL, "'nothing' is not one of its uplinks"},
	{"active", "a,a", NULL, "uplink a is listed twice"},
	{"active", "a,", NULL, "'' is not one of its uplinks"},
	{"active",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		NULL, "is not one of its uplinks"},
	{"name", "three", NULL, "'name' cannot be set"},
	{"vlans", "3", NULL, "'vlans' cannot be set"},
	{"colour", "red", NULL, "'colour' cannot be set"},
};

static void test_sets(void **state)
{
	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
		struct conf_errors errors = {0};
		struct conf *c = load();
		struct error err = {""};
		int rc = conf_team_set(c, "one", sets[i].key, sets[i].value, &err);

		assert_int_equal(rc, sets[i].after != NULL ? 0 : -EINVAL);
		assert_string_equal(
			describe(&c->teams[0]), sets[i].after != NULL ? sets[i].after : BEFORE);
		assert_string_equal(describe(&c->teams[1]), "d/ 0 1110 0");
		if (rc < 0 && strstr(err.text, sets[i].error) == NULL)
			fail_msg("%s %s: %s", sets[i].key, sets[i].value, err.text);
		assert_int_equal(conf_validate(c, &errors), 0);
		conf_free(c);
	}
}

static void test_no_such_team(void **state)
{
	struct conf *c = load();
	struct error err = {""};

	assert_int_equal(conf_team_set(c, "three", "failback", "true", &err), -ENOENT);
	assert_string_equal(err.text, "there is no team named three");
	conf_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sets),
		cmocka_unit_test(test_no_such_team),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* A VLAN's settings and static members changed one at a time: what is printed then, and that a refusal
 * changes nothing. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "conf/conf.h"

static const char text[] =
	"vlans:\n"
	"- {id: 20, static: [{group: 239.9.9.9, ports: [vm1]}], router_ports: [up0]}\n"
	"uplinks:\n"
	"- {name: up0, device: d0}\n"
	"guests:\n"
	"- {name: vm1, socket: /s1, vlan: 20}\n"
	"- {name: vm2, socket: /s2, trunk: [20, 30]}\n";

static struct conf *load(void)
{
	struct conf_errors errors = {0};
	struct conf *c = conf_load_text("text", text, strlen(text), &errors);

	if (c == NULL)
		fail_msg("%s", errors.text[0]);
	return c;
}

/* conf_print's part on VLANs, to be freed. */
static char *describe(const struct conf *c)
{
	char *out = NULL, *begin, *end;
	size_t size;
	FILE *f = open_memstream(&out, &size);

	assert_int_equal(conf_print(c, f), 0);
	fclose(f);
	begin = strstr(out, "vlans:\n");
	end = strstr(out, "uplinks:\n");
	assert_non_null(end);
	*end = '\0';
	memmove(out, begin != NULL ? begin : end, strlen(begin != NULL ? begin : end) + 1);
	return out;
}

static const struct {
	uint16_t vlan;
	const char *key, *value;
	const char *printed; /* NULL: refused */
	const char *error;
} sets[] = {
	{20, "unregistered", "drop", "unregistered: drop\n", NULL},
	{20, "validation", "strict", "validation: strict\n", NULL},
	{20, "querier", "on", "querier: on\n", NULL},
	{20, "querier_address", "10.0.0.7", "querier_address: \"10.0.0.7\"\n", NULL},
	{20, "fast_leave", "true", "fast_leave: true\n", NULL},
	{20, "robustness", "3", "{robustness: 3, ", NULL},
	{20, "query_interval_ms", "20000", ", query_interval_ms: 20000, ", NULL},
	{20, "query_response_ms", "100", ", query_response_ms: 100, ", NULL},
	{20, "last_member_interval_ms", "200", ", last_member_interval_ms: 200}", NULL},
	{20, "router_ports", "vm1,up0", "router_ports: [vm1, up0]\n", NULL},
	{30, "querier", "off",
		"- id: 30\n    unregistered: router-ports\n    validation: lenient\n"
		"    querier: off\n",
		NULL},
	{0, "fast_leave", "yes", "vlans:\n  - id: 0\n", NULL},
	{4000, "querier", "off", "- id: 4000\n", NULL},
	{20, "unregistered", "maybe", NULL, "VLAN 20: unregistered 'maybe' is not accepted"},
	{20, "robustness", "8", NULL, "robustness '8' is not a number from 1 to 7"},
	{20, "query_interval_ms", "10000", NULL, "query_response_ms 10000 must be less than"},
	{20, "querier_address", "239.1.1.1", NULL, "is not an IPv4 address of a host"},
	{20, "id", "21", NULL, "'id' cannot be set"},
	{20, "static", "x", NULL, "'static' cannot be set"},
	{20, "router_ports", "up9", NULL, "no guest is called 'up9', as router_ports says"},
	{20, "router_ports", "up0,up0", NULL, "up0 is listed twice"},
	{20, "router_ports", "up0,", NULL, "is called ''"},
	{20, "router_ports", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", NULL,
		"no list of ports"},
	{30, "router_ports", "vm1", NULL, "vm1 is not in this VLAN"},
	{31, "querier", "perhaps", NULL, "querier 'perhaps' is not accepted"},
};

static void same_after_refusal(struct conf *c, const char *before)
{
	char *after = describe(c);

	assert_string_equal(before, after);
	free(after);
}

static void sets_one(void **state)
{
	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
		struct conf_errors errors = {0};
		struct conf *c = load();
		char *before = describe(c), *after;
		struct error err = {""};
		int rc = conf_vlan_set(c, sets[i].vlan, sets[i].key, sets[i].value, &err);

		assert_int_equal(rc, sets[i].printed != NULL ? 0 : -EINVAL);
		after = describe(c);
		if (rc < 0 && strstr(err.text, sets[i].error) == NULL)
			fail_msg("%s %s: %s", sets[i].key, sets[i].value, err.text);
		if (rc < 0)
			same_after_refusal(c, before);
		else if (strstr(after, sets[i].printed) == NULL)
			fail_msg("%s %s: %s", sets[i].key, sets[i].value, after);
		assert_int_equal(conf_validate(c, &errors), 0);
		free(before);
		free(after);
		conf_free(c);
	}
}

static void router_ports_may_be_none(void **state)
{
	struct conf *c = load();
	struct error err;

	assert_int_equal(conf_vlan_set(c, 20, "router_ports", "none", &err), 0);
	assert_int_equal(conf_vlan_find(c, 20)->n_router_ports, 0);
	assert_int_equal(conf_vlan_set(c, 20, "router_ports", "vm2", &err), 0);
	conf_guest_del(c, "vm2");
	assert_int_equal(conf_vlan_find(c, 20)->n_router_ports, 0);
	conf_free(c);
}

static const struct {
	bool add;
	uint16_t vlan;
	const char *group, *source, *port;
	int rc;
	const char *text; /* printed, or of the error */
} statics[] = {
	{true, 20, "239.9.9.9", NULL, "vm2", 0, "{group: \"239.9.9.9\", ports: [vm1, vm2]}\n"},
	{true, 20, "232.1.1.1", "10.0.0.9", "up0", 0,
		"{group: \"232.1.1.1\", source: \"10.0.0.9\", ports: [up0]}\n"},
	{true, 30, "ff15::1", NULL, "vm2", 0, "- {group: \"ff15::1\", ports: [vm2]}\n"},
	{true, 20, "239.9.9.9", NULL, "vm1", -EINVAL, "vm1 is listed twice"},
	{true, 20, "239.9.9.9", NULL, "vm9", -EINVAL, "no guest is called 'vm9'"},
	{true, 30, "239.9.9.9", NULL, "vm1", -EINVAL, "vm1 is not in this VLAN"},
	{true, 20, "10.0.0.1", NULL, "vm1", -EINVAL, "group '10.0.0.1' is not a multicast"},
	{true, 20, "224.0.0.9", NULL, "vm1", -EINVAL, "beyond the link-local"},
	{true, 20, "239.1.1.1", "224.1.1.1", "vm1", -EINVAL, "source '224.1.1.1' is not"},
	{true, 20, "ff15::1", "10.0.0.9", "vm1", -EINVAL, "not of the same family"},
	{false, 20, "239.9.9.9", NULL, "vm1", 0, "last_member_interval_ms: 1000}\n"},
	{false, 20, "239.9.9.9", NULL, "vm2", -ENOENT, "vm2 is no static member of 239.9.9.9"},
	{false, 20, "239.9.9.9", "10.0.0.9", "vm1", -ENOENT, "is no static member"},
	{false, 31, "239.9.9.9", NULL, "vm1", -ENOENT, "is no static member"},
};

static void members_come_and_go(void **state)
{
	for (size_t i = 0; i < sizeof(statics) / sizeof(statics[0]); i++) {
		struct conf_errors errors = {0};
		struct conf *c = load();
		char *before = describe(c), *after;
		struct error err = {""};
		struct conf_static what;
		int rc = conf_static_parse(statics[i].group, statics[i].source, &what, &err);

		if (rc == 0)
			rc = (statics[i].add ? conf_static_add : conf_static_del)(
				c, statics[i].vlan, &what, statics[i].port, &err);
		after = describe(c);
		assert_int_equal(rc, statics[i].rc);
		if (strstr(rc < 0 ? err.text : after, statics[i].text) == NULL)
			fail_msg("%s: %s", statics[i].text, rc < 0 ? err.text : after);
		if (rc < 0)
			same_after_refusal(c, before);
		assert_int_equal(conf_validate(c, &errors), 0);
		free(before);
		free(after);
		conf_free(c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sets_one),
		cmocka_unit_test(router_ports_may_be_none),
		cmocka_unit_test(members_come_and_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

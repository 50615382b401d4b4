/* SPDX-License-Identifier: BSD-3-Clause */
/* What a configuration says: as a file, as arguments, and by default. */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "conf/conf.h"
#include "team/team.h"

static struct conf *load_file(const char *path)
{
	struct conf_errors errors = {0};
	struct conf *c = conf_load(path, &errors);

	if (c == NULL)
		fail_msg("%s", errors.text[0]);
	assert_int_equal(errors.n, 0);
	return c;
}

static struct conf *load_text(const char *text)
{
	struct conf_errors errors = {0};
	struct conf *c = conf_load_text("test.yaml", text, strlen(text), &errors);

	if (c == NULL)
		fail_msg("%s", errors.text[0]);
	return c;
}

static void assert_ip(const struct ip_addr *ip, const char *expected)
{
	char text[IP_STR_SIZE];

	assert_string_equal(ip_format(ip, text), expected);
}

/* The example of interface.md, every value of it. */
static void check_example_vlan(const struct conf_vlan *v)
{
	assert_int_equal(v->id, 20);
	assert_int_equal(v->unregistered, CONF_UNREG_ROUTER_PORTS);
	assert_false(v->strict);
	assert_int_equal(v->timers.robustness, 2);
	assert_int_equal(v->timers.query_interval_ms, 125000);
	assert_int_equal(v->timers.query_response_ms, 10000);
	assert_int_equal(v->timers.last_member_interval_ms, 1000);
	assert_int_equal(v->querier, CONF_QUERIER_AUTO);
	assert_ip(&v->querier_address, "0.0.0.0");
	assert_false(v->fast_leave);
	assert_int_equal(v->n_statics, 1);
	assert_ip(&v->statics[0].group, "239.9.9.9");
	assert_true(ip_is_unspecified(&v->statics[0].source));
	assert_int_equal(v->statics[0].n_ports, 1);
	assert_string_equal(v->statics[0].ports[0], "vm1");
}

static void check_example_guest(const struct conf_guest *g)
{
	char mac[MAC_STR_SIZE];

	assert_string_equal(g->name, "vm1");
	assert_string_equal(g->socket, "/run/mcswitch/vm1.sock");
	assert_string_equal(g->device, "");
	assert_int_equal(g->mode, CONF_MODE_SERVER);
	assert_false(g->trunk);
	assert_int_equal(g->vlan, 20);
	assert_string_equal(mac_format(&g->mac, mac), "00:50:56:a2:7d:63");
	assert_string_equal(g->qmp, "/run/qemu/vm1.qmp");
	assert_false(g->router);
	assert_int_equal(g->limits.groups, 1024);
	assert_int_equal(g->limits.sources, 64);
	assert_int_equal(g->limits.reports_per_s, 1000);
	assert_false(g->security.promiscuous);
	assert_false(g->security.mac_changes);
	assert_false(g->security.forged_transmits);
}

static void test_example_of_the_interface(void **state)
{
	struct conf *c = load_file(SOURCE_ROOT "/tests/unit/conf/interface.yaml");

	assert_string_equal(c->path, SOURCE_ROOT "/tests/unit/conf/interface.yaml");
	assert_string_equal(c->control_socket, "/run/mcswitch/control.sock");
	assert_int_equal(c->igmp.version, CONF_IGMP_V3);
	assert_int_equal(c->igmp.queries, 2);
	assert_int_equal(c->igmp.query_gap_ms, 1000);
	assert_ip(&c->igmp.router_address, "10.0.0.0");
	assert_int_equal(c->n_vlans, 1);
	check_example_vlan(&c->vlans[0]);
	assert_int_equal(c->n_uplinks, 2);
	assert_string_equal(c->uplinks[1].name, "up1");
	assert_string_equal(c->uplinks[1].device, "0000:3b:00.1");
	assert_int_equal(c->n_teams, 1);
	assert_string_equal(c->teams[0].name, "team0");
	assert_int_equal(c->teams[0].policy, TEAM_PORT_ID);
	assert_true(c->teams[0].all_vlans);
	assert_int_equal(c->teams[0].n_active, 2);
	assert_string_equal(c->teams[0].active[0], "up0");
	assert_int_equal(c->teams[0].n_standby, 0);
	assert_true(c->teams[0].notify_switches);
	assert_true(c->teams[0].failback);
	assert_true(c->teams[0].replay_memberships);
	assert_false(c->teams[0].channel_replay);
	assert_int_equal(c->teams[0].beacon_ms, 0);
	assert_int_equal(c->n_guests, 1);
	check_example_guest(&c->guests[0]);
	conf_free(c);
}

/* The file that is installed: as it is, and with every default in it spoken out. */
static void test_example_that_is_installed(void **state)
{
	char text[16384], *out = text;
	size_t size;
	FILE *file;

	conf_free(load_file(SOURCE_ROOT "/app/mcswitch/mcswitch.yaml"));
	file = fopen(SOURCE_ROOT "/app/mcswitch/mcswitch.yaml", "r");
	assert_non_null(file);
	size = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[size] = '\0';
	for (const char *in = text; *in != '\0'; in++)
		if (*in != '#' || in[1] == ' ' || in[1] == '\n')
			*out++ = *in;
	*out = '\0';
	conf_free(load_text(text));
}

static void test_defaults(void **state)
{
	static const char *const empty[] = {"", "\n", "# nothing\n", "---\n", "{}\n",
		"igmp:\nvlans:\nuplinks:\nteams:\nguests:\n", "guests: []\nigmp: {}\n",
		"\xef\xbb\xbf# with a byte order mark\nigmp: {queries: 2}\n"};
	struct conf_vlan v;

	for (size_t i = 0; i < sizeof(empty) / sizeof(empty[0]); i++) {
		struct conf *c = load_text(empty[i]);

		assert_string_equal(c->control_socket, "/run/mcswitch/control.sock");
		assert_int_equal(c->igmp.version, CONF_IGMP_V3);
		assert_int_equal(c->igmp.queries, 2);
		assert_ip(&c->igmp.router_address, "10.0.0.0");
		assert_int_equal(c->n_vlans + c->n_uplinks + c->n_teams + c->n_guests, 0);
		assert_null(conf_vlan_find(c, 0));
		conf_free(c);
	}
	conf_vlan_defaults(&v, 7);
	assert_int_equal(v.id, 7);
	assert_int_equal(v.timers.query_interval_ms, 125000);
	assert_int_equal(v.querier, CONF_QUERIER_AUTO);
	conf_free(NULL);
}

static void test_vlans_are_sorted_and_found(void **state)
{
	struct conf *c = load_text("vlans: [{id: 30, querier: on}, {id: 0}, {id: 4094}, {id: 7}]");

	assert_int_equal(c->n_vlans, 4);
	for (size_t i = 1; i < c->n_vlans; i++)
		assert_true(c->vlans[i - 1].id < c->vlans[i].id);
	assert_int_equal(conf_vlan_find(c, 30)->querier, CONF_QUERIER_ON);
	assert_int_equal(conf_vlan_find(c, 0)->id, 0);
	assert_null(conf_vlan_find(c, 31));
	conf_free(c);
}

static void test_team_vlans(void **state)
{
	static const char *const alls[] = {
		"vlans: all,", "vlans: 'all',", "vlans: \"all\",", "vlans: [all],", "vlans: ,", ""};
	char text[256];
	struct conf *c;

	for (size_t i = 0; i < sizeof(alls) / sizeof(alls[0]); i++) {
		snprintf(text, sizeof(text),
			"# \xc3\xa4 \xe2\x82\xac before it\n"
			"uplinks: [{name: a, device: x}]\n"
			"teams: [{name: t, %s active: [a]}]\n",
			alls[i]);
		c = load_text(text);
		assert_true(c->teams[0].all_vlans);
		conf_free(c);
	}
	c = load_text("uplinks: [{name: a, device: x}, {name: b, device: y}]\n"
		      "teams:\n"
		      "- name: t\n"
		      "  vlans: 20 # one\n"
		      "  active: [a]\n"
		      "- {name: u, vlans: [40, 0, 30], policy: explicit, active: [b]}\n");
	assert_false(c->teams[0].all_vlans);
	assert_int_equal(c->teams[0].n_vlans, 1);
	assert_int_equal(c->teams[0].vlans[0], 20);
	assert_int_equal(c->teams[1].n_vlans, 3);
	assert_int_equal(c->teams[1].vlans[0], 0);
	assert_int_equal(c->teams[1].vlans[2], 40);
	conf_free(c);
}

static void test_policy_numbers_are_those_of_team(void **state)
{
	char text[256];
	struct conf *c;

	for (unsigned int p = TEAM_PORT_ID; p <= TEAM_EXPLICIT; p++) {
		snprintf(text, sizeof(text),
			"uplinks: [{name: a, device: x}]\n"
			"teams: [{name: t, policy: %s, active: [a]}]\n",
			team_policy_name((enum team_policy)p));
		c = load_text(text);
		assert_int_equal(c->teams[0].policy, p);
		conf_free(c);
	}
	assert_int_equal(CONF_MAX_UPLINKS, TEAM_MAX_UPLINKS);
}

static void test_implied_team(void **state)
{
	struct conf *c = load_text("uplinks: [{name: a, device: x}, {name: b, device: y}]");
	struct conf_errors errors = {0};
	struct error err;

	assert_int_equal(c->n_teams, 1);
	assert_string_equal(c->teams[0].name, "default");
	assert_int_equal(c->teams[0].policy, TEAM_PORT_ID);
	assert_true(c->teams[0].all_vlans && c->teams[0].failback);
	assert_int_equal(c->teams[0].n_active, 2);

	/* one more by argument joins it */
	assert_int_equal(conf_add_uplink_arg(c, "0000:3b:00.0", &err), 0);
	assert_int_equal(conf_validate(c, &errors), 0);
	assert_int_equal(c->n_teams, 1);
	assert_int_equal(c->teams[0].n_active, 3);
	assert_string_equal(c->teams[0].active[2], "0000_3b_00.0");
	conf_free(c);
}

static void test_trunk_device_and_limits(void **state)
{
	struct conf *c =
		load_text("guests:\n"
			  "  - name: r1\n"
			  "    device: net_tap1\n"
			  "    trunk: [30, 20, 0]\n"
			  "    router: allow\n"
			  "    limits: {groups: 0, reports_per_s: 10}\n"
			  "    security: {promiscuous: accept}\n"
			  "  - {name: r2, socket: /run/r2.sock, mode: client}\n"
			  "vlans:\n"
			  "  - id: 30\n"
			  "    static: [{group: 232.1.2.3, source: 10.1.1.1, ports: [r1]},\n"
			  "             {group: 'ff35::8000:1', ports: [r1]}]\n");
	const struct conf_guest *g = &c->guests[0];

	assert_true(g->trunk && g->router && g->security.promiscuous);
	assert_false(g->security.mac_changes);
	assert_int_equal(g->n_trunk, 3);
	assert_int_equal(g->trunk_vlans[0], 0);
	assert_int_equal(g->trunk_vlans[2], 30);
	assert_int_equal(g->limits.groups, 0);
	assert_int_equal(g->limits.sources, 64);
	assert_int_equal(g->limits.reports_per_s, 10);
	assert_string_equal(g->device, "net_tap1");
	assert_int_equal(c->guests[1].mode, CONF_MODE_CLIENT);
	assert_int_equal(c->guests[1].vlan, 0);
	assert_ip(&c->vlans[0].statics[0].source, "10.1.1.1");
	assert_ip(&c->vlans[0].statics[1].group, "ff35::8000:1");
	assert_ip(&c->vlans[0].statics[1].source, "::");
	conf_free(c);
}

static void test_guest_argument(void **state)
{
	struct conf_guest g, copy;
	struct error err;
	char mac[MAC_STR_SIZE];

	assert_int_equal(conf_guest_parse("vm1=/run/mcswitch/vm1.sock,vlan=20", &g, &err), 0);
	assert_string_equal(g.name, "vm1");
	assert_string_equal(g.socket, "/run/mcswitch/vm1.sock");
	assert_int_equal(g.vlan, 20);
	assert_int_equal(g.limits.groups, 1024);
	conf_guest_fini(&g);

	assert_int_equal(conf_guest_parse("vm2=/s,trunk=30+0+20,mode=client,mac=00:50:56:a2:7d:63,"
					  "qmp=/q,router=allow,groups=5,sources=6,reports_per_s=7,"
					  "promiscuous=accept,mac_changes=accept,"
					  "forged_transmits=accept",
				 &g, &err),
		0);
	assert_int_equal(conf_guest_copy(&copy, &g), 0);
	conf_guest_fini(&g);
	assert_true(copy.trunk && copy.router);
	assert_int_equal(copy.n_trunk, 3);
	assert_int_equal(copy.trunk_vlans[1], 20);
	assert_int_equal(copy.mode, CONF_MODE_CLIENT);
	assert_string_equal(mac_format(&copy.mac, mac), "00:50:56:a2:7d:63");
	assert_string_equal(copy.qmp, "/q");
	assert_int_equal(copy.limits.groups + copy.limits.sources + copy.limits.reports_per_s, 18);
	assert_true(copy.security.promiscuous && copy.security.mac_changes &&
		    copy.security.forged_transmits);
	conf_guest_fini(&copy);

	assert_int_equal(conf_guest_parse("h=device:net_tap0", &g, &err), 0);
	assert_string_equal(g.device, "net_tap0");
	assert_string_equal(g.socket, "");
	conf_guest_fini(&g);
}

static void test_uplink_argument(void **state)
{
	struct conf *c = conf_new();
	struct error err;

	assert_int_equal(conf_add_uplink_arg(c, "net_tap0", &err), 0);
	assert_int_equal(conf_add_uplink_arg(c, "0000:3b:00.0,name=up0", &err), 0);
	assert_int_equal(conf_add_uplink_arg(c, "net tap/1", &err), 0);
	assert_int_equal(conf_add_uplink_arg(
				 c, "e,link=kernel,poll_ms=20,multicast=all,debounce_ms=500", &err),
		0);
	assert_int_equal(c->uplinks[0].link, CONF_LINK_UNSET);
	assert_int_equal(c->uplinks[0].multicast, CONF_FILTER_UNSET);
	assert_int_equal(c->uplinks[3].link, CONF_LINK_KERNEL);
	assert_int_equal(c->uplinks[3].poll_ms, 20);
	assert_int_equal(c->uplinks[3].debounce_ms, 500);
	assert_int_equal(c->uplinks[3].multicast, CONF_FILTER_ALL);
	assert_string_equal(c->uplinks[0].name, "net_tap0");
	assert_string_equal(c->uplinks[1].name, "up0");
	assert_string_equal(c->uplinks[1].device, "0000:3b:00.0");
	assert_string_equal(c->uplinks[2].name, "net_tap_1");
	conf_free(c);
}

struct arg_error {
	const char *arg, *sentence;
};

static void test_guest_argument_errors(void **state)
{
	static const struct arg_error table[] = {
		{"", "guest '': write NAME=SOCKET[,key=value...] or NAME=device:DEVICE[,...]"},
		{"vm1", "guest 'vm1': write NAME=SOCKET[,key=value...] or "
			"NAME=device:DEVICE[,...]"},
		{"=x", "guest '=x': write NAME=SOCKET[,key=value...] or NAME=device:DEVICE[,...]"},
		{"v=", "guest 'v=': write NAME=SOCKET[,key=value...] or NAME=device:DEVICE[,...]"},
		{"v=/s,vlan", "guest 'v=/s,vlan': 'vlan' has no value; write key=value"},
		{"v=/s,vlan=1,vlan=2", "guest 'v=/s,vlan=1,vlan=2': vlan is given twice"},
		{"v=/s,vlan=5000", "guest v: vlan '5000' is not a number from 0 to 4094"},
		{"v=/s,vlan=", "guest v: vlan '' is not a number from 0 to 4094"},
		{"v=/s,socket=/t",
			"guest 'v=/s,socket=/t': there is no key 'socket'; choose from vlan, "
			"trunk, mode, mac, qmp, router, groups, sources, reports_per_s, "
			"promiscuous, mac_changes, forged_transmits"},
		{"v=/s,trunk=1+x", "guest v: VLAN 'x' is not a number from 0 to 4094"},
		{"v=/s,trunk=1+1", "guest v: VLAN 1 is listed twice"},
		{"v=/s,trunk=1,trunk=2", "guest 'v=/s,trunk=1,trunk=2': trunk is given twice"},
		{"v=/s,trunk=1,vlan=2",
			"guest v: vlan and trunk are both given; an access port has vlan, a port "
			"that takes tagged frames has trunk"},
		{"v=/s,mode=both",
			"guest v: mode 'both' is not accepted; choose from server, client"},
		{"v=device:x,mode=client", "guest v: mode is for a socket; a device has none"},
		{"v=device:",
			"guest v: device '' is not a PCI address or the name of a --vdev: 1 to "
			"127 printable ASCII characters"},
		{"a b=/s", "guest a b: name 'a b' is not a name: 1 to 31 of A-Z a-z 0-9 _ . - that "
			   "begin with a letter or a digit"},
	};
	struct conf_guest g;
	struct conf *c = conf_new();
	struct error err;

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		assert_int_equal(conf_guest_parse(table[i].arg, &g, &err), -EINVAL);
		assert_string_equal(err.text, table[i].sentence);
		assert_int_equal(conf_guest_parse(table[i].arg, &g, NULL), -EINVAL);
		assert_int_equal(conf_add_guest_arg(c, table[i].arg, &err), -EINVAL);
	}
	assert_int_equal(c->n_guests, 0);
	conf_free(c);
}

static void test_uplink_argument_errors(void **state)
{
	static const struct arg_error table[] = {
		{"", "uplink '': name '' is not a name: 1 to 31 of A-Z a-z 0-9 _ . - that begin "
		     "with a letter or a digit"},
		{"x,vlan=1", "uplink 'x,vlan=1': there is no key 'vlan'; choose from name, link, "
			     "poll_ms, debounce_ms, multicast"},
		{"x,device=y", "uplink 'x,device=y': there is no key 'device'; choose from name, "
			       "link, poll_ms, debounce_ms, multicast"},
		{"x,link", "uplink 'x,link': 'link' has no value; write key=value"},
		{"x,link=carrier", "uplink 'x,link=carrier': link 'carrier' is not accepted; "
				   "choose from interrupt, poll, kernel"},
		{"x,poll_ms=9", "uplink 'x,poll_ms=9': poll_ms '9' is not a number from 10 to "
				"60000"},
		{"x,multicast=none", "uplink 'x,multicast=none': multicast 'none' is not accepted; "
				     "choose from list, all"},
		{"x,name=a,name=b", "uplink 'x,name=a,name=b': name is given twice"},
		{"x,name=.a", "uplink 'x,name=.a': name '.a' is not a name: 1 to 31 of A-Z a-z 0-9 "
			      "_ . - that begin with a letter or a digit"},
	};
	struct conf *c = conf_new();
	struct error err;

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		assert_int_equal(conf_add_uplink_arg(c, table[i].arg, &err), -EINVAL);
		assert_string_equal(err.text, table[i].sentence);
	}
	assert_int_equal(c->n_uplinks, 0);
	conf_free(c);
}

/* Arguments are checked as a whole, without a file to point into. */
static void test_validate_arguments(void **state)
{
	struct conf *c = conf_new();
	struct conf_errors errors = {0};
	struct error err;

	assert_int_equal(conf_add_uplink_arg(c, "net_tap0", &err), 0);
	assert_int_equal(conf_add_guest_arg(c, "vm1=/run/a.sock,vlan=20", &err), 0);
	assert_int_equal(conf_validate(c, &errors), 0);
	assert_int_equal(conf_add_guest_arg(c, "vm1=/run/a.sock,vlan=20", &err), 0);
	assert_int_equal(conf_validate(c, &errors), -EINVAL);
	assert_int_equal(errors.n, 2);
	assert_string_equal(errors.text[0],
		"the name vm1 is used twice; uplinks and guests share one space of names");
	assert_string_equal(errors.text[1], "guest vm1: socket /run/a.sock is used by vm1 already");
	conf_errors_free(&errors);
	conf_free(c);
}

static void test_too_many_ports(void **state)
{
	struct conf *c = conf_new();
	struct conf_errors errors = {0};
	struct error err;
	char arg[64];

	for (unsigned int i = 0; i < 17; i++) {
		snprintf(arg, sizeof(arg), "tap%u", i);
		assert_int_equal(conf_add_uplink_arg(c, arg, &err), 0);
	}
	for (unsigned int i = 0; i < 240; i++) {
		snprintf(arg, sizeof(arg), "vm%u=/s%u", i, i);
		assert_int_equal(conf_add_guest_arg(c, arg, &err), 0);
	}
	assert_int_equal(conf_validate(c, &errors), -EINVAL);
	assert_int_equal(errors.n, 2);
	assert_string_equal(errors.text[0], "there are 17 uplinks; a switch has at most 16");
	assert_string_equal(errors.text[1],
		"there are 17 uplinks and 240 guests; a switch has at most 256 ports");
	conf_errors_free(&errors);
	conf_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_example_of_the_interface),
		cmocka_unit_test(test_example_that_is_installed),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_vlans_are_sorted_and_found),
		cmocka_unit_test(test_team_vlans),
		cmocka_unit_test(test_policy_numbers_are_those_of_team),
		cmocka_unit_test(test_implied_team),
		cmocka_unit_test(test_trunk_device_and_limits),
		cmocka_unit_test(test_guest_argument),
		cmocka_unit_test(test_uplink_argument),
		cmocka_unit_test(test_guest_argument_errors),
		cmocka_unit_test(test_uplink_argument_errors),
		cmocka_unit_test(test_validate_arguments),
		cmocka_unit_test(test_too_many_ports),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* What is wrong with a configuration is said with file, line and what is accepted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "conf/conf.h"

struct bad {
	const char *text;
	const char *errors[4]; /* "line: sentence" */
};

static const struct bad syntax[] = {
	{"guests: [\n", {"2: this is not YAML: did not find expected node content while parsing a "
			 "flow node"}},
	{"a: b: c\n", {"1: this is not YAML: mapping values are not allowed in this context"}},
	{"guests:\n\t- name: x\n",
		{"2: this is not YAML: found character that cannot start any token while scanning "
		 "for the next token (YAML is indented by spaces, not by tabs)"}},
	{"igmp: {queries: 2}\n---\nigmp: {}\n",
		{"2: a second document begins here; a file holds one"}},
	{"igmp: &x {queries: 2}\nuplinks: *x\n",
		{"2: aliases (*name) are not accepted; write the value out"}},
	{"? [a, b]\n: c\n", {"1: a key must be a word, not a list or a mapping"}},
	{"control_socket: \"/run/x\\0y\"\n", {"1: a value may not hold a NUL byte"}},
	{"\nx: \xff\n", {"2: this is not YAML: invalid leading UTF-8 octet"}},
	{"x: [[[[[[[[[[[[[[1]]]]]]]]]]]]]]\n", {"1: this is nested deeper than any configuration"}},
	{"igmp: {queries: 2\nvlans:\n- id: 3\n",
		{"2: this is not YAML: did not find expected ',' or '}' while parsing a flow "
		 "mapping that begins in line 1"}},
};

static const struct bad structure[] = {
	{"igmp: {queries: 2}\nigpm: {}\n",
		{"2: there is no key 'igpm' here; choose from "
		 "control_socket, state_file, vhost_rings, idle_sleep_us, control, metrics, igmp, "
		 "vlans, uplinks, teams, guests"}},
	{"igmp:\n  queries: 2\n\n  version: 3\n  gap: 1\n",
		{"5: there is no key 'gap' in igmp; choose from version, queries, query_gap_ms, "
		 "router_address"}},
	{"guests:\n- name: a\n  socket: /s\n- name: b\n  limits:\n    groups: 1\n    hosts: 2\n",
		{"7: there is no key 'hosts' in guests[1].limits; choose from groups, sources, "
		 "reports_per_s"}},
	{"vlans: [{id: 2}, {id: 3, timers: {qri: 3}}]\n",
		{"1: there is no key 'qri' in vlans[1].timers; choose from robustness, "
		 "query_interval_ms, query_response_ms, last_member_interval_ms"}},
	{"- a\n- b\n", {"1: the configuration must be a mapping (key: value), but is a list"}},
	{"word\n", {"1: the configuration must be a mapping (key: value), but is a single value"}},
	{"\nigmp: 3\n", {"2: igmp must be a mapping (key: value), but is a single value"}},
	{"guests:\n  name: a\n", {"1: guests must be a list ([a, b], or lines that begin with "
				  "'-'), but is a mapping"}},
	{"guests:\n- a\n", {"2: guests[0] must be a mapping (key: value), but is a single value"}},
	{"guests:\n- name: a\n- name: [b]\n",
		{"3: guests[1].name must be a single value, but is a list"}},
	{"vlans:\n- id: 2\n  static:\n  - group: 239.1.1.1\n    ports: vm1\n",
		{"5: vlans[0].static[0].ports must be a list ([a, b], or lines that begin with "
		 "'-'), but is a single value"}},
	{"igmp:\n  queries: 2\n  version: 3\n  queries: 3\n", {"4: igmp.queries is given twice"}},
	{"igmp: {queries: 2}\nguests: []\nigmp: {queries: 3}\n", {"3: igmp is given twice"}},
	{"uplinks: [{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}]\n",
		{"1: this list has more than 16 entries"}},
};

static const struct bad values[] = {
	{"control_socket: \"/run/\\t\"\n", {"1: control_socket '/run/?' is not the path of a "
					    "socket: 1 to 107 printable ASCII characters"}},
	{"igmp:\n  version: 4\n  queries: 101\n  query_gap_ms: 0\n  router_address: 224.0.0.1\n",
		{"2: igmp: version '4' is not accepted; choose from 2, 3, auto",
			"3: igmp: queries '101' is not a number from 0 to 100",
			"4: igmp: query_gap_ms '0' is not a number from 1 to 60000",
			"5: igmp: router_address '224.0.0.1' is not an IPv4 address of a host, "
			"such as 10.0.0.0"}},
	{"metrics: {listen: 9464}\n",
		{"1: metrics: listen '9464' is not the path of a socket, or an "
		 "address and port such as 127.0.0.1:9464"}},
	{"metrics: {listen: 'localhost:9464'}\n",
		{"1: metrics: listen 'localhost:9464' is not the path of a socket, or an address "
		 "and port such as 127.0.0.1:9464"}},
	{"metrics: {listen: '127.0.0.1:0'}\n",
		{"1: metrics: listen '127.0.0.1:0' is not the path of a socket, or an address and "
		 "port such as 127.0.0.1:9464"}},
	{"metrics: {listen: '[::1:9464'}\n",
		{"1: metrics: listen '[::1:9464' is not the path of a socket, or an address and "
		 "port such as 127.0.0.1:9464"}},
	{"metrics: {listen: /run/mcswitch/control.sock}\n",
		{"1: metrics: listen is the control_socket already"}},
	{"control: {group: 'a b'}\n",
		{"1: control: group 'a b' is not the name or number of an account, 1 to 31 "
		 "characters"}},
	{"igmp: {queries: -1}\n", {"1: igmp: queries '-1' is not a number from 0 to 100"}},
	{"igmp: {queries: 0x2}\n", {"1: igmp: queries '0x2' is not a number from 0 to 100"}},
	{"igmp: {queries: 99999999999999999999}\n",
		{"1: igmp: queries '99999999999999999999' is not a number from 0 to 100"}},
	{"igmp: {router_address: 10.0.0}\n", {"1: igmp: router_address '10.0.0' is not an IPv4 "
					      "address of a host, such as 10.0.0.0"}},
	{"igmp: {router_address: 'fe80::1'}\n", {"1: igmp: router_address 'fe80::1' is not an IPv4 "
						 "address of a host, such as 10.0.0.0"}},
	{"vlans: [{querier: on}]\n", {"1: this VLAN has no id"}},
	{"vlans:\n- id: 4095\n", {"2: VLAN 4095: id '4095' is not a number from 0 to 4094"}},
	{"vlans:\n- id: 5\n  unregistered: all\n  validation: hard\n  querier: maybe\n  "
	 "fast_leave: flase\n",
		{"3: VLAN 5: unregistered 'all' is not accepted; choose from flood, router-ports, "
		 "drop",
			"4: VLAN 5: validation 'hard' is not accepted; choose from lenient, strict",
			"5: VLAN 5: querier 'maybe' is not accepted; choose from off, auto, on",
			"6: VLAN 5: fast_leave 'flase' is not accepted; choose from true, false, "
			"yes, no, on, off"}},
	{"vlans:\n- id: 5\n  timers: {robustness: 8}\n  querier_address: 239.1.1.1\n",
		{"4: VLAN 5: querier_address '239.1.1.1' is not an IPv4 address of a host, or "
		 "0.0.0.0 for none",
			"3: VLAN 5: robustness '8' is not a number from 1 to 7"}},
	{"vlans:\n- id: 5\n  timers:\n    query_interval_ms: 10000\n",
		{"3: VLAN 5: query_response_ms 10000 must be less than query_interval_ms 10000"}},
	{"vlans:\n- id: 5\n- id: 6\n- id: 5\n", {"4: VLAN 5 is described twice"}},
	{"uplinks:\n- device: x\n- name: y\n- name: -z\n  device: q\n",
		{"2: this uplink has no name", "3: uplink y has no device",
			"4: uplink -z: name '-z' is not a name: 1 to 31 of A-Z a-z 0-9 _ . - that "
			"begin with a letter or a digit"}},
	{"uplinks:\n- name: a\n  device: x\n  link: carrier\n  poll_ms: 5\n  debounce_ms: 60001\n  "
	 "multicast: none\n",
		{"4: uplink a: link 'carrier' is not accepted; choose from interrupt, poll, kernel",
			"5: uplink a: poll_ms '5' is not a number from 10 to 60000",
			"6: uplink a: debounce_ms '60001' is not a number from 0 to 60000",
			"7: uplink a: multicast 'none' is not accepted; choose from list, all"}},
	{"guests:\n- name: a2345678901234567890123456789012\n  socket: /s\n",
		{"2: guest a2345678901234567890123456789012: name "
		 "'a2345678901234567890123456789012' is not a name: 1 to 31 of A-Z a-z 0-9 _ . - "
		 "that begin with a letter or a digit"}},
	{"guests:\n- socket: /s\n", {"2: this guest has no name"}},
	{"guests:\n- name: a\n", {"2: guest a has no socket: give the path of its vhost-user "
				  "socket, or the device that is its port"}},
	{"guests:\n- name: a\n  socket: /s\n  device: d\n",
		{"4: guest a: socket and device are both given; a port is one of them"}},
	{"guests:\n- name: a\n  device: d\n  mode: server\n",
		{"4: guest a: mode is for a socket; a device has none"}},
	{"guests:\n- name: a\n  socket: /s\n  trunk: [2]\n  vlan: 2\n",
		{"5: guest a: vlan and trunk are both given; an access port has vlan, a port that "
		 "takes tagged frames has trunk"}},
	{"guests:\n- name: a\n  socket: /s\n  trunk: []\n",
		{"4: guest a: trunk is empty; list its VLANs, 0 for the untagged one"}},
	{"guests:\n- name: a\n  socket: /s\n  trunk:\n  - 2\n  - 5000\n  - 2\n",
		{"6: guest a: VLAN '5000' is not a number from 0 to 4094",
			"7: guest a: VLAN 2 is listed twice"}},
	{"guests:\n- name: a\n  socket: /s\n  mac: 00:50:56:a2:7d\n",
		{"4: guest a: mac '00:50:56:a2:7d' is not a unicast MAC address such as "
		 "00:50:56:a2:7d:63"}},
	{"guests: [{name: a, socket: /s, mac: '01:00:5e:00:00:01'}]\n",
		{"1: guest a: mac '01:00:5e:00:00:01' is not a unicast MAC address such as "
		 "00:50:56:a2:7d:63"}},
	{"guests: [{name: a, socket: /s, mac: ' 0: 1: 2: 3: 4: 5'}]\n",
		{"1: guest a: mac ' 0: 1: 2: 3: 4: 5' is not a unicast MAC address such as "
		 "00:50:56:a2:7d:63"}},
	{"guests: [{name: a, socket: /s, mac: '00:00:00:00:00:00'}]\n",
		{"1: guest a: mac '00:00:00:00:00:00' is not a unicast MAC address such as "
		 "00:50:56:a2:7d:63"}},
	{"guests:\n- name: a\n  socket: /s\n  router: yes\n  limits:\n    groups: 65537\n  "
	 "security:\n    mac_changes: allow\n",
		{"4: guest a: router 'yes' is not accepted; choose from deny, allow",
			"6: guest a: groups '65537' is not a number from 0 to 65536",
			"8: guest a: mac_changes 'allow' is not accepted; choose from reject, "
			"accept"}},
	{"guests:\n- name: a\n  socket: "
	 "/123456789/123456789/123456789/123456789/123456789/123456789/123456789/123456789/"
	 "123456789/123456789/1234567\n",
		{"3: guest a: socket "
		 "'/123456789/123456789/123456789/123456789/123456789/123456789/123456789/"
		 "123456789/123456789/123456789/1234567' is not the path of a socket: 1 to 107 "
		 "printable ASCII characters"}},
};

static const struct bad references[] = {
	{"uplinks: [{name: a, device: x}]\nguests:\n- name: a\n  socket: /s\n",
		{"3: the name a is used twice; uplinks and guests share one space of names"}},
	{"uplinks:\n- {name: a, device: x}\n- {name: b, device: x}\nguests:\n- {name: c, device: "
	 "x}\n",
		{"3: b: device x is that of a already", "5: c: device x is that of a already"}},
	{"guests:\n- {name: a, socket: /s}\n- {name: b, socket: /s}\n- {name: c, socket: /t, qmp: "
	 "/t}\n- {name: d, socket: /run/mcswitch/control.sock}\n",
		{"3: guest b: socket /s is used by a already",
			"4: guest c: qmp /t is used by c already",
			"5: guest d: socket /run/mcswitch/control.sock is used by control_socket "
			"already"}},
	{"guests:\n- {name: a, socket: /s, mac: 00:50:56:a2:7d:63}\n- {name: b, socket: /t,\n   "
	 "mac: 00:50:56:A2:7D:63}\n",
		{"4: guest b: mac 00:50:56:a2:7d:63 is that of guest a already"}},
	{"vlans:\n- id: 20\n  static:\n  - {ports: [a]}\n  - {group: 224.0.0.5, ports: [a]}\n  - "
	 "{group: 239.1.1.1}\n  - {group: 10.1.1.1, ports: [a]}\nguests: [{name: a, socket: /s, "
	 "vlan: 20}]\n",
		{"4: this static entry has no group",
			"5: VLAN 20: group '224.0.0.5' is not a multicast address beyond the "
			"link-local 224.0.0.0/24, ff02::1 and ff01::/16",
			"6: this static entry has no ports; list the names of guests or uplinks",
			"7: VLAN 20: group '10.1.1.1' is not a multicast address beyond the "
			"link-local 224.0.0.0/24, ff02::1 and ff01::/16"}},
	{"vlans:\n- id: 20\n  static:\n  - {group: 239.1.1.1, ports: [a]}\n  - {group: 239.1.1.1, "
	 "source: 10.0.0.1, ports: [a]}\n  - {group: 239.1.1.1, ports: [a]}\n  - {group: "
	 "239.1.1.1, source: '2001::1', ports: [a]}\nguests: [{name: a, socket: /s, vlan: 20}]\n",
		{"6: VLAN 20: group 239.1.1.1 has a static entry already; add its ports there",
			"7: VLAN 20: group and source are not of the same family, IPv4 or IPv6"}},
	{"vlans:\n- id: 20\n  static:\n  - group: 239.1.1.1\n    ports:\n    - a\n    - b\n    - "
	 "c\n    - a\nguests:\n- {name: a, socket: /s, vlan: 20}\n- {name: b, socket: /t, trunk: "
	 "[30]}\n",
		{"7: VLAN 20: b is not in this VLAN",
			"8: VLAN 20: no uplink and no guest is called 'c', as this static entry "
			"says",
			"9: VLAN 20: a is listed twice"}},
	{"vlans:\n- {id: 20, static: [{group: 239.1.1.1, ports: [u]}]}\nuplinks: [{name: u, "
	 "device: x}]\nteams: [{name: t, vlans: [30], active: [u]}]\n",
		{"2: VLAN 20: u is not in this VLAN"}},
	{"uplinks: [{name: a, device: x}, {name: b, device: y}]\nteams:\n- name: t\n  policy: "
	 "lacp\n  active: [a, c]\n  standby: [a, b]\n",
		{"4: team t: policy 'lacp' is not accepted; choose from port-id, mac-hash, "
		 "ip-hash, explicit",
			"5: team t: no uplink is called 'c'",
			"6: team t: uplink a is active already"}},
	{"uplinks: [{name: a, device: x}]\nteams:\n- {name: t, vlans: [1], active: [a]}\n- {name: "
	 "u, vlans: [2], active: [a]}\n- {name: t, vlans: [1], active: []}\n",
		{"5: team t has no active uplink; list at least one",
			"4: team u: uplink a is in team t already",
			"5: the name t is used by two teams",
			"5: team t: VLAN 1 is that of team t already"}},
	{"uplinks: [{name: a, device: x}, {name: b, device: y}]\nteams:\n- {name: t, vlans: [1, "
	 "2], active: [a]}\n- name: u\n  vlans: [2, 3]\n  active: [b]\n",
		{"5: team u: VLAN 2 is that of team t already"}},
	{"uplinks: [{name: a, device: x}, {name: b, device: y}]\nteams:\n- {name: t, vlans: all, "
	 "active: [a]}\n- {name: u, vlans: [2, 3], active: [b]}\n",
		{"3: team t carries all VLANs, so it must be the only team; list the VLANs of "
		 "each"}},
	{"uplinks: [{name: a, device: x}]\nteams:\n- name: t\n  active: [a]\n  vlans: []\n",
		{"5: team t: vlans is empty; list its VLANs or say all"}},
	{"uplinks: [{name: a, device: x}]\nteams:\n- name: t\n  active: [a]\n  vlans: [20, all]\n",
		{"5: team t: VLAN 'all' is not a number from 0 to 4094"}},
	{"uplinks:\n- {name: a, device: x}\n- {name: b, device: y}\nteams:\n- {name: t, active: "
	 "[a]}\n",
		{"3: uplink b is in no team, and the team that is made for such uplinks would "
		 "carry all VLANs; list it in one of the teams"}},
	{"teams: [{name: t, active: [vm]}]\nguests: [{name: vm, socket: /s}]\n",
		{"1: team t: no uplink is called 'vm'"}},
};

static void check(const struct bad *table, size_t n)
{
	char expected[512];
	size_t n_expected;

	for (size_t i = 0; i < n; i++) {
		const struct bad *b = &table[i];
		struct conf_errors errors = {0};
		struct conf *c = conf_load_text("F", b->text, strlen(b->text), &errors);

		assert_null(c);
		for (n_expected = 0; n_expected < 4 && b->errors[n_expected] != NULL;
			n_expected++) {
			snprintf(expected, sizeof(expected), "F:%s", b->errors[n_expected]);
			if (n_expected >= errors.n)
				fail_msg("missing: %s\nof: %s", expected, b->text);
			if (strcmp(errors.text[n_expected], expected) != 0)
				fail_msg("said:     %s\nexpected: %s\nof: %s\n",
					errors.text[n_expected], expected, b->text);
		}
		if (errors.n != n_expected)
			fail_msg("more: %s\nof: %s", errors.text[n_expected], b->text);
		conf_errors_free(&errors);
	}
}

#define CHECK(table) check(table, sizeof(table) / sizeof(table[0]))

static void test_syntax(void **state)
{
	CHECK(syntax);
}

static void test_structure(void **state)
{
	CHECK(structure);
}

static void test_values(void **state)
{
	CHECK(values);
}

static void test_references(void **state)
{
	CHECK(references);
}

static void test_files(void **state)
{
	struct conf_errors errors = {0};
	char *big = malloc(CONF_FILE_MAX + 1);

	assert_null(conf_load("/nonexistent/mcswitch.yaml", &errors));
	assert_string_equal(errors.text[0],
		"/nonexistent/mcswitch.yaml: cannot be opened: No such file or directory");
	assert_null(conf_load("/", &errors));
	assert_string_equal(errors.text[1], "/: cannot be read: Is a directory");
	memset(big, '#', CONF_FILE_MAX + 1);
	assert_null(conf_load_text("F", big, CONF_FILE_MAX + 1, &errors));
	assert_string_equal(errors.text[2], "F: a configuration has at most 1048576 bytes");
	conf_free(conf_load_text("F", big, CONF_FILE_MAX, &errors));
	assert_int_equal(errors.n, 3);
	conf_errors_free(&errors);
	free(big);
}

static void test_errors_are_bounded(void **state)
{
	struct conf_errors errors = {0};
	char text[8192] = "guests:\n";

	for (unsigned int i = 0; i < 200; i++)
		strcat(text, "- {name: '!', socket: /s}\n");
	assert_null(conf_load_text("F", text, strlen(text), &errors));
	assert_int_equal(errors.n, CONF_ERRORS_MAX);
	assert_int_equal(conf_errors_count(&errors), 399);
	assert_string_equal(errors.text[99],
		"F:101: guest !: name '!' is not a name: 1 to 31 of A-Z a-z 0-9 _ . - that begin "
		"with a letter or a digit");
	conf_errors_free(&errors);
	assert_int_equal(errors.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_syntax),
		cmocka_unit_test(test_structure),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_references),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_errors_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

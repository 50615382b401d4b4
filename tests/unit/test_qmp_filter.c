/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/qmp_filter.h"

/* What QEMU 7.2 says of a guest's NIC, and what it never should. */
#define NIC(rest)                                                                      \
	"{\"name\":\"nic0\",\"main-mac\":\"52:54:00:a2:7d:63\",\"promiscuous\":false," \
	"\"unicast\":\"normal\",\"unicast-table\":[],\"unicast-overflow\":false,"      \
	"\"broadcast-allowed\":true," rest "}"
#define VLANS "\"vlan\":\"normal\",\"vlan-table\":[0]"
#define MULTICAST(mode, overflow, table)                              \
	"\"multicast\":\"" mode "\",\"multicast-overflow\":" overflow \
	",\"multicast-table\":" table "," VLANS

static struct qmp_filter filter;
static struct error err;

static int read_text(const char *text)
{
	json_t *json = json_loads(text, JSON_DECODE_ANY, NULL);
	int rc;

	if (json == NULL)
		fail_msg("no JSON: %s", text);
	rc = qmp_filter_read(json, &filter, &err);
	json_decref(json);
	return rc;
}

static void reads_qemus_answer(void **state)
{
	static const struct mac_addr first = {{0x01, 0x00, 0x5e, 0, 0, 1}};
	static const struct mac_addr second = {{0x33, 0x33, 0, 0, 0, 1}};

	assert_int_equal(read_text(NIC(MULTICAST("normal", "false",
				 "[\"33:33:00:00:00:01\",\"01:00:5e:00:00:01\","
				 "\"01:00:5e:00:00:01\",\"52:54:00:00:00:09\"]"))),
		0);
	assert_string_equal(filter.name, "nic0");
	assert_int_equal(mac_to_u64(&filter.main_mac), 0x525400a27d63);
	assert_false(filter.promiscuous);
	assert_false(qmp_filter_is_all(&filter));
	assert_int_equal(filter.n_macs, 2);
	assert_true(mac_equal(&filter.macs[0], &first));
	assert_true(mac_equal(&filter.macs[1], &second));
	assert_true(qmp_filter_has_vlan(&filter, 0));
	assert_false(qmp_filter_has_vlan(&filter, 20));
}

static void multicast_modes(void **state)
{
	static const char *const one = "[\"01:00:5e:01:01:01\"]";
	char text[1024];
	static const struct {
		const char *mode, *overflow;
		bool all;
		unsigned int n_macs;
	} cases[] = {
		{"none", "false", false, 0},
		{"none", "true", false, 0},
		{"normal", "false", false, 1},
		{"normal", "true", true, 0},
		{"all", "false", true, 0},
		{"all", "true", true, 0},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(text, sizeof(text), NIC(MULTICAST("%s", "%s", "%s")), cases[i].mode,
			cases[i].overflow, one);
		assert_int_equal(read_text(text), 0);
		assert_int_equal(qmp_filter_is_all(&filter), cases[i].all);
		assert_int_equal(filter.n_macs, cases[i].n_macs);
	}
}

/* A list of n elements made by format, which takes two numbers. */
static char *list_of(unsigned int n, const char *format)
{
	char *text = malloc(32 * (size_t)n + 3);
	size_t used = 1;

	text[0] = '[';
	for (unsigned int i = 0; i < n; i++) {
		if (i > 0)
			text[used++] = ',';
		used += (size_t)sprintf(text + used, format, i >> 8, i & 255);
	}
	strcpy(text + used, "]");
	return text;
}

static void tables_are_bounded(void **state)
{
	char *macs = list_of(QMP_FILTER_MAX_MACS, "\"01:00:5e:00:%02x:%02x\"");
	char *more = list_of(QMP_FILTER_MAX_MACS + 1, "\"01:00:5e:00:%02x:%02x\"");
	char *text = malloc(strlen(more) + 1024);

	sprintf(text, NIC(MULTICAST("normal", "false", "%s")), macs);
	assert_int_equal(read_text(text), 0);
	assert_int_equal(filter.n_macs, QMP_FILTER_MAX_MACS);
	assert_false(qmp_filter_is_all(&filter));
	sprintf(text, NIC(MULTICAST("normal", "false", "%s")), more);
	assert_int_equal(read_text(text), 0);
	assert_int_equal(filter.n_macs, 0);
	assert_true(qmp_filter_is_all(&filter));
	free(macs);
	free(more);
	free(text);
}

static void vlan_tables(void **state)
{
	char text[64 * 1024], *ids = malloc(8 * 4096);
	size_t used = 0;

	/* Without CTRL_VLAN the table holds all 4,096 there are. */
	for (unsigned int i = 0; i < 4096; i++)
		used += (size_t)sprintf(ids + used, "%s%u", i > 0 ? "," : "", i);
	snprintf(text, sizeof(text),
		NIC("\"multicast\":\"normal\",\"multicast-table\":[],\"vlan\":\"normal\","
		    "\"vlan-table\":[%s]"),
		ids);
	assert_int_equal(read_text(text), 0);
	for (uint16_t i = 0; i < 4096; i++)
		assert_true(qmp_filter_has_vlan(&filter, i));
	snprintf(text, sizeof(text),
		NIC("\"multicast\":\"normal\",\"multicast-table\":[],\"vlan\":\"normal\","
		    "\"vlan-table\":[%s,0]"),
		ids);
	assert_int_equal(read_text(text), -EINVAL);
	assert_int_equal(read_text(NIC("\"multicast\":\"none\",\"vlan\":\"all\"")), 0);
	assert_true(qmp_filter_has_vlan(&filter, 4094));
	assert_int_equal(read_text(NIC("\"multicast\":\"none\",\"vlan\":\"none\"")), 0);
	assert_true(qmp_filter_has_vlan(&filter, 0));
	assert_false(qmp_filter_has_vlan(&filter, 1));
	free(ids);
}

static void lies_are_refused(void **state)
{
	static const char *const lies[] = {
		"null",
		"7",
		"[]",
		"{}",
		NIC("\"multicast\":\"some\",\"multicast-table\":[]," VLANS),
		NIC("\"multicast\":7,\"multicast-table\":[]," VLANS),
		NIC("\"multicast\":\"normal\"," VLANS),
		NIC("\"multicast\":\"normal\",\"multicast-table\":{}," VLANS),
		NIC("\"multicast\":\"normal\",\"multicast-table\":[7]," VLANS),
		NIC("\"multicast\":\"normal\",\"multicast-table\":[\"01:00:5e:00:00\"]," VLANS),
		NIC("\"multicast\":\"normal\",\"multicast-table\":[],\"vlan\":\"most\""),
		NIC("\"multicast\":\"normal\",\"multicast-table\":[],\"vlan\":\"normal\""),
		NIC("\"multicast\":\"none\",\"vlan\":\"normal\",\"vlan-table\":[4096]"),
		NIC("\"multicast\":\"none\",\"vlan\":\"normal\",\"vlan-table\":[-1]"),
		NIC("\"multicast\":\"none\",\"vlan\":\"normal\",\"vlan-table\":[1e3]"),
		"{\"name\":\"nic0\",\"main-mac\":7,\"multicast\":\"none\"," VLANS "}",
		"{\"name\":\"nic0\",\"main-mac\":\"x\",\"multicast\":\"none\"," VLANS "}",
		"{\"main-mac\":\"52:54:00:a2:7d:63\",\"multicast\":\"none\"," VLANS "}",
	};
	char text[512], name[200];

	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		err.text[0] = '\0';
		if (read_text(lies[i]) != -EINVAL || err.text[0] == '\0')
			fail_msg("taken: %s", lies[i]);
	}
	memset(name, 'n', sizeof(name));
	snprintf(text, sizeof(text), "{\"name\":\"%.*s\"}", QMP_NAME_SIZE, name);
	assert_int_equal(read_text(text), -EINVAL);
}

static void finds_the_nic(void **state)
{
	static const struct mac_addr one = {{0x52, 0x54, 0, 0, 0, 1}},
				     three = {{0x52, 0x54, 0, 0, 0, 3}};
	static const struct mac_addr zero;
	json_t *two = json_loads("[{\"name\":\"nic0\",\"main-mac\":\"52:54:00:00:00:01\"},"
				 "{\"name\":\"nic1\",\"main-mac\":\"52:54:00:00:00:02\"},7]",
		0, NULL);
	json_t *single = json_loads("[{\"name\":\"nic7\"}]", 0, NULL);

	assert_ptr_equal(qmp_nic_find(two, "nic1", &one), json_array_get(two, 1));
	assert_ptr_equal(qmp_nic_find(two, "", &one), json_array_get(two, 0));
	assert_null(qmp_nic_find(two, "", &three));
	assert_null(qmp_nic_find(two, "", &zero));
	assert_null(qmp_nic_find(two, "nic2", &one));
	assert_ptr_equal(qmp_nic_find(single, "", &three), json_array_get(single, 0));
	assert_null(qmp_nic_find(single, "nic0", &three));
	assert_null(qmp_nic_find(NULL, "", &one));
	assert_null(qmp_nic_find(json_array_get(two, 0), "", &one));
	json_decref(two);
	json_decref(single);
}

static void reads_info_network(void **state)
{
	struct qmp_nic nics[2];
	unsigned int n;

	n = qmp_nics_read(
		"nic0: index=0,type=nic,model=virtio-net-pci,macaddr=52:54:00:a2:7d:63\r\n"
		" \\ net0: index=0,type=vhost-user,vhost-user0 to chr0\r\n"
		"user0: index=0,type=user,net=10.0.2.0\r\n"
		" \\ net7: index=0,type=vhost-user,vhost-user0 to chr7\r\n"
		"nic1: index=0,type=nic,model=e1000,macaddr=52:54:00:a2:7d:64\r\n"
		" \\ net1: index=0,type=tap,ifname=tap0\r\n"
		"nic2: index=0,type=nic,model=virtio-net-pci,macaddr=52:54:00:a2:7d:65\r\n"
		" \\ net2: index=0,type=vhost-user,vhost-user0 to my chr\r\n"
		"nic3: index=0,type=nic,x\n \\ net3: index=0,type=vhost-user,v to chr3\n",
		nics, 2);
	assert_int_equal(n, 2);
	assert_string_equal(nics[0].name, "nic0");
	assert_string_equal(nics[0].chardev, "chr0");
	assert_string_equal(nics[1].name, "nic2");
	assert_string_equal(nics[1].chardev, "my chr");
	assert_int_equal(qmp_nics_read("", nics, 2), 0);
	assert_int_equal(qmp_nics_read(" \\ net0: ,type=vhost-user, to chr0", nics, 2), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_qemus_answer),
		cmocka_unit_test(multicast_modes),
		cmocka_unit_test(tables_are_bounded),
		cmocka_unit_test(vlan_tables),
		cmocka_unit_test(lies_are_refused),
		cmocka_unit_test(finds_the_nic),
		cmocka_unit_test(reads_info_network),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

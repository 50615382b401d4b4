/* SPDX-License-Identifier: BSD-3-Clause */
/* Every driver file that is shipped says what it must, with its source; a bad one is told by line. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "conf/driver.h"

#define SHIPPED SOURCE_ROOT "/drivers-config"

static struct conf_drivers *load(const char *dir)
{
	struct conf_errors errors = {0};
	struct conf_drivers *d = conf_drivers_load(dir, &errors);

	if (d == NULL)
		fail_msg("%s", errors.text[0]);
	assert_int_equal(errors.n, 0);
	return d;
}

static void test_shipped(void **state)
{
	static const char *const families[] = {"e1000", "ixgbe", "i40e", "ice", "iavf", "mlx5",
		"bnxt", "ena", "virtio", "vmxnet3", "af_xdp", "af_packet", "tap", "memif",
		"bonding", "pcap"};
	struct conf_drivers *d = load(SHIPPED);
	char file[CONF_NAME_SIZE];

	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
		size_t n = 0;

		snprintf(file, sizeof(file), "%s.yaml", families[i]);
		for (size_t k = 0; k < d->n; k++)
			n += strcmp(d->entries[k].file, file) == 0;
		if (n == 0)
			fail_msg("%s is missing", file);
	}
	for (size_t i = 0; i < d->n; i++) {
		const struct conf_driver *e = &d->entries[i];

		for (size_t k = 0; k < e->n_faults; k++)
			assert_true(strlen(e->faults[k].source) > 8);
		assert_true(strlen(e->link.source) > 8 && strlen(e->multicast.source) > 8);
		assert_true(strlen(e->unicast.source) > 8 && strlen(e->descriptors.source) > 8);
		assert_true(strlen(e->vlan.source) > 8 && strlen(e->rss.source) > 8);
		/* main.c counts on 4096 buffers a device */
		assert_true(e->descriptors.rx + e->descriptors.tx <= 4096);
	}
	conf_drivers_free(d);
}

struct shipped {
	const char *name, *file;
	enum conf_link link;
	uint32_t poll_ms;
	enum conf_filter multicast;
	uint32_t n_multicast;
	enum conf_filter unicast;
	uint32_t n_unicast;
	bool strip;
};

static void test_values(void **state)
{
	static const struct shipped table[] = {
		{"mlx5_pci", "mlx5.yaml", CONF_LINK_INTERRUPT, 100, CONF_FILTER_LIST, 127,
			CONF_FILTER_LIST, 127, true},
		{"net_ixgbe", "ixgbe.yaml", CONF_LINK_POLL, 10, CONF_FILTER_LIST, CONF_UNLIMITED,
			CONF_FILTER_LIST, 127, true},
		{"net_ixgbe_vf", "ixgbe.yaml", CONF_LINK_POLL, 10, CONF_FILTER_LIST, 30,
			CONF_FILTER_LIST, 127, true},
		{"net_virtio", "virtio.yaml", CONF_LINK_INTERRUPT, 10, CONF_FILTER_ALL,
			CONF_UNLIMITED, CONF_FILTER_LIST, 63, false},
		{"net_af_packet", "af_packet.yaml", CONF_LINK_KERNEL, 100, CONF_FILTER_PROMISCUOUS,
			CONF_UNLIMITED, CONF_FILTER_PROMISCUOUS, CONF_UNLIMITED, true},
		{"net_memif", "memif.yaml", CONF_LINK_POLL, 10, CONF_FILTER_NONE, CONF_UNLIMITED,
			CONF_FILTER_NONE, CONF_UNLIMITED, false},
		{"net_unheard_of", "defaults", CONF_LINK_INTERRUPT, 100, CONF_FILTER_LIST,
			CONF_UNLIMITED, CONF_FILTER_LIST, CONF_UNLIMITED, true},
	};
	struct conf_drivers *d = load(SHIPPED);

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		const struct conf_driver *e = conf_driver_find(d, table[i].name);

		assert_string_equal(e->file, table[i].file);
		assert_int_equal(e->link.detect, table[i].link);
		assert_int_equal(e->link.poll_ms, table[i].poll_ms);
		assert_int_equal(e->multicast.filter, table[i].multicast);
		assert_int_equal(e->multicast.size, table[i].n_multicast);
		assert_int_equal(e->unicast.filter, table[i].unicast);
		assert_int_equal(e->unicast.size, table[i].n_unicast);
		assert_int_equal(e->vlan.strip, table[i].strip);
	}
	assert_ptr_equal(conf_driver_find(NULL, "net_tap"), conf_driver_find(d, "net_unheard_of"));
	conf_drivers_free(d);
}

/* --- bad files --- */

#define GOOD                                                \
	"drivers:\n"                                        \
	"- names: [net_a]\n"                                \
	"  link: {detect: poll, source: s}\n"               \
	"  multicast: {filter: list, size: 3, source: s}\n" \
	"  unicast: {filter: none, source: s}\n"            \
	"  descriptors: {rx: 128, tx: 128, source: s}\n"    \
	"  vlan: {strip: yes, source: s}\n"                 \
	"  rss: {multicast: unknown, source: s}\n"

struct bad {
	const char *text;
	const char *errors[8];
};

static const struct bad bad[] = {
	{"", {"1: no driver is described here"}},
	{"drivers: []\n", {"1: no driver is described here"}},
	{"driver: []\n", {"1: there is no key 'driver' here; choose from drivers"}},
	{GOOD "  speed: 10\n",
		{"9: there is no key 'speed' in drivers[0]; choose from names, link, multicast, "
		 "unicast, descriptors, vlan, rss, faults"}},
	{"drivers:\n- names: [a]\n  link:\n    detect: polling\n    poll_ms: 5\n  multicast: "
	 "{filter: all, size: 1, source: s}\n  unicast: {filter: all, source: s}\n  vlan: {source: "
	 "s}\n  rss: {multicast: yes}\n",
		{"3: link has no source",
			"4: link: detect 'polling' is not accepted; choose from interrupt, poll, "
			"kernel",
			"5: link: poll_ms '5' is not a number from 10 to 60000",
			"7: unicast: filter 'all' is not accepted; choose from list, promiscuous, "
			"none",
			"2: descriptors is missing; every entry says it, and its source",
			"8: vlan has no strip", "9: rss has no source",
			"6: multicast: size is that of a list; leave it out"}},
	{GOOD "  faults: [{fault: it burns}]\n", {"9: this entry needs a fault and a source"}},
	{GOOD "- names: [net_b, net_a]\n"
	      "  link: {detect: poll, source: s}\n"
	      "  multicast: {filter: list, source: s}\n"
	      "  unicast: {filter: none, source: s}\n"
	      "  descriptors: {rx: 63, source: s}\n"
	      "  vlan: {strip: yes, source: s}\n"
	      "  rss: {multicast: unknown, source: s}\n",
		{"13: descriptors: rx '63' is not a number from 64 to 32768",
			"9: driver net_a is described already, in f.yaml"}},
	{"drivers:\n- link: {detect: poll, source: s}\n  multicast: {filter: list, source: s}\n  "
	 "unicast: {filter: none, source: s}\n  descriptors: {rx: 64, source: s}\n  vlan: {strip: "
	 "no, "
	 "source: s}\n  rss: {multicast: no, source: s}\n",
		{"2: this entry has no names; list what DPDK calls its drivers"}},
	{"drivers:\n\t- x\n",
		{"2: this is not YAML: found character that cannot start any token while scanning "
		 "for the next token (YAML is indented by spaces, not by tabs)"}},
};

struct scene {
	char dir[64], file[80], other[80];
};

static int scene_begin(void **state)
{
	struct scene *s = calloc(1, sizeof(*s));

	strcpy(s->dir, "/tmp/test_conf_drivers.XXXXXX");
	if (mkdtemp(s->dir) == NULL)
		return -1;
	snprintf(s->file, sizeof(s->file), "%s/f.yaml", s->dir);
	snprintf(s->other, sizeof(s->other), "%s/notes.txt", s->dir);
	*state = s;
	return 0;
}

static int scene_end(void **state)
{
	struct scene *s = *state;

	unlink(s->file);
	unlink(s->other);
	rmdir(s->dir);
	free(s);
	return 0;
}

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void test_bad(void **state)
{
	const struct scene *s = *state;
	char expected[512];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct conf_errors errors = {0};
		size_t n = 0;

		write_file(s->file, bad[i].text);
		assert_null(conf_drivers_load(s->dir, &errors));
		for (; n < 8 && bad[i].errors[n] != NULL; n++) {
			snprintf(expected, sizeof(expected), "%s:%s", s->file, bad[i].errors[n]);
			if (n >= errors.n)
				fail_msg("missing: %s\nof: %s", expected, bad[i].text);
			assert_string_equal(errors.text[n], expected);
		}
		if (errors.n != n)
			fail_msg("more: %s\nof: %s", errors.text[n], bad[i].text);
		conf_errors_free(&errors);
	}
}

static void test_directory(void **state)
{
	const struct scene *s = *state;
	struct conf_errors errors = {0};
	struct conf_drivers *d;

	write_file(s->file, GOOD);
	write_file(s->other, "not a driver file");
	d = load(s->dir);
	assert_int_equal(d->n, 1);
	assert_int_equal(conf_driver_find(d, "net_a")->multicast.size, 3);
	conf_drivers_free(d);
	assert_null(conf_drivers_load("/nonexistent/drivers", &errors));
	assert_string_equal(
		errors.text[0], "/nonexistent/drivers: cannot be read: No such file or directory");
	conf_errors_free(&errors);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shipped),
		cmocka_unit_test(test_values),
		cmocka_unit_test_setup_teardown(test_bad, scene_begin, scene_end),
		cmocka_unit_test_setup_teardown(test_directory, scene_begin, scene_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "advisories.h"

static void test_versions(void **state)
{
	static const struct {
		const char *version, *has, *has_not;
	} rows[] = {
		{"22.11.6", "CVE-2024-11614", NULL},
		{"22.11.6", "CVE-2026-86566", NULL},
		{"22.11.7", "CVE-2026-86563", "CVE-2024-11614"},
		{"22.11.11", "CVE-2026-93683", "CVE-2024-11614"},
		{"22.11.12", NULL, "CVE"}, /* not looked at: nothing is claimed */
		{"DPDK 22.11.11", "CVE-2026-93683", "CVE-2024-11614"},
		{"DPDK 24.11.0-rc1", "CVE-2024-11614", "2026"},
		{"24.11.1", NULL, "CVE"},
		{"23.11.0", NULL, "CVE"},
		{"22.11", "CVE-2024-11614", NULL},
		{"", NULL, "CVE"},
		{"unknown", NULL, "CVE"},
	};
	char text[512];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t n = advisories_lacking(rows[i].version, text, sizeof(text));

		assert_int_equal(n > 0, text[0] != '\0');
		if (rows[i].has != NULL)
			assert_non_null(strstr(text, rows[i].has));
		if (rows[i].has_not != NULL)
			assert_null(strstr(text, rows[i].has_not));
	}
}

static void test_little_room(void **state)
{
	char text[16];

	assert_true(advisories_lacking("22.11.6", text, sizeof(text)) >= 4);
	assert_true(strlen(text) < sizeof(text));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_little_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

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
#include <sys/stat.h>
#include <unistd.h>

#include "control/handover.h"
#include "control/state_file.h"

/* Hand-over there and back, and the file that keeps it. What is wrong is tested over the API. */
static char dir[] = "/tmp/mcs-state-XXXXXX";
static char path[64];

static struct ip_addr ip(const char *text)
{
	struct ip_addr a;

	assert_int_equal(ip_parse(text, &a), 0);
	return a;
}

static char *printed(const struct handover *h)
{
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	handover_print(h, out);
	fclose(out);
	return text;
}

static struct handover *sample(void)
{
	struct handover *h = handover_new("vm1");
	struct ip_addr v4 = ip("239.1.1.1"), v6 = ip("ff05::1:3");
	struct ip_addr sources[] = {ip("10.0.0.1"), ip("10.0.0.2")}, source6 = ip("fd00::1");

	h->igmp_version = 3;
	h->mld_version = 2;
	h->address[0] = ip("192.168.20.101");
	assert_int_equal(handover_add(h, 20, &v4, false, sources, 2), 0);
	assert_int_equal(handover_add(h, 20, &v6, true, &source6, 1), 0);
	assert_int_equal(handover_add(h, 0, &v4, true, NULL, 0), 0);
	return h;
}

static void there_and_back(void **state)
{
	struct handover *h = sample(), *back = NULL;
	char *text = printed(h), *again;
	json_t *json = json_loads(text, 0, NULL);
	struct error err;

	assert_non_null(json);
	assert_int_equal(handover_read(json, &back, &err), 0);
	again = printed(back);
	assert_string_equal(text, again);
	assert_int_equal(back->n_rows, 3);
	assert_int_equal(back->rows[0].n_sources, 2);
	assert_true(ip_is_unspecified(&back->address[1]));
	json_decref(json);
	free(text);
	free(again);
	handover_free(h);
	handover_free(back);
	handover_free(NULL);
}

static void long_source_lists_become_exclude(void **state)
{
	struct handover *h = handover_new("vm1");
	struct ip_addr *sources = calloc(HANDOVER_MAX_SOURCES + 1, sizeof(*sources));
	struct ip_addr group = ip("239.1.1.1");

	assert_int_equal(handover_add(h, 0, &group, false, sources, HANDOVER_MAX_SOURCES + 1), 0);
	assert_true(h->rows[0].exclude);
	assert_int_equal(h->rows[0].n_sources, 0);
	for (unsigned int i = 1; i < HANDOVER_MAX_ROWS; i++)
		assert_int_equal(handover_add(h, 0, &group, true, NULL, 0), 0);
	assert_int_equal(handover_add(h, 0, &group, true, NULL, 0), -ENOSPC);
	free(sources);
	handover_free(h);
}

static void write_text(struct state_file *f, const char *text)
{
	state_file_write(f, strdup(text), strlen(text));
}

static void the_last_text_wins(void **state)
{
	struct state_file *f = state_file_open(path);
	struct error err;
	struct stat st;
	json_t *json;

	assert_non_null(f);
	for (int i = 0; i < 100; i++)
		write_text(f, "{\"n\": 1}");
	write_text(f, "{\"n\": 2}");
	state_file_close(f);
	assert_int_equal(state_file_read(path, &json, &err), 0);
	assert_int_equal(json_integer_value(json_object_get(json, "n")), 2);
	json_decref(json);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(rmdir(dir), -1); /* but of the file itself nothing is left over */
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(dir), 0);
	assert_int_equal(mkdir(dir, 0700), 0);
}

static void a_write_that_fails_is_told(void **state)
{
	struct state_file *f = state_file_open("/proc/nowhere/state.json");

	write_text(f, "{}");
	while (state_file_error(f) == 0)
		usleep(1000);
	assert_int_equal(state_file_error(f), ENOENT);
	state_file_close(f);
}

static void bad_files(void **state)
{
	struct error err;
	json_t *json;
	FILE *file;

	assert_int_equal(state_file_read(path, &json, &err), -ENOENT);
	assert_int_equal(state_file_read(dir, &json, &err), -EINVAL);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	assert_int_equal(state_file_read(path, &json, &err), -ELOOP);
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(state_file_read(path, &json, &err), -EINVAL);
	unlink(path);
	file = fopen(path, "w");
	fputs("{\"cut\": [1, 2", file);
	fclose(file);
	assert_int_equal(state_file_read(path, &json, &err), -EINVAL);
	assert_int_equal(truncate(path, (off_t)STATE_FILE_MAX + 1), 0);
	assert_int_equal(state_file_read(path, &json, &err), -EINVAL);
	unlink(path);
}

static int dir_make(void **state)
{
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/state.json", dir);
	return 0;
}

static int dir_remove(void **state)
{
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(long_source_lists_become_exclude),
		cmocka_unit_test(the_last_text_wins),
		cmocka_unit_test(a_write_that_fails_is_told),
		cmocka_unit_test(bad_files),
	};

	return cmocka_run_group_tests(tests, dir_make, dir_remove);
}

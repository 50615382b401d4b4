/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"

struct rig {
	int fds[2];
	struct log log;
	char text[1 << 16];
};

static int rig_make(void **state)
{
	struct rig *r = calloc(1, sizeof(*r));

	assert_int_equal(pipe(r->fds), 0);
	log_init(&r->log, r->fds[1], LOG_LEVEL_INFO, false);
	*state = r;
	return 0;
}

static int rig_free(void **state)
{
	struct rig *r = *state;

	close(r->fds[0]);
	close(r->fds[1]);
	free(r);
	return 0;
}

/* What has been written since the last look. */
static const char *written(struct rig *r)
{
	ssize_t n = 0;

	assert_int_equal(write(r->fds[1], "#", 1), 1);
	n = read(r->fds[0], r->text, sizeof(r->text));
	assert_true(n > 0 && n <= (ssize_t)sizeof(r->text));
	assert_int_equal(r->text[n - 1], '#');
	r->text[n - 1] = '\0';
	return r->text;
}

static unsigned int n_lines(const char *text)
{
	unsigned int n = 0;

	for (; *text != '\0'; text++)
		n += *text == '\n';
	return n;
}

static void test_forms(void **state)
{
	static const struct {
		enum log_level level;
		bool journal;
		const char *line;
	} rows[] = {
		{LOG_LEVEL_ERROR, false, "mcswitch: error: x 7\n"},
		{LOG_LEVEL_WARNING, false, "mcswitch: warning: x 7\n"},
		{LOG_LEVEL_INFO, false, "mcswitch: x 7\n"},
		{LOG_LEVEL_DEBUG, false, "mcswitch: debug: x 7\n"},
		{LOG_LEVEL_ERROR, true, "<3>x 7\n"},
		{LOG_LEVEL_WARNING, true, "<4>x 7\n"},
		{LOG_LEVEL_INFO, true, "<6>x 7\n"},
		{LOG_LEVEL_DEBUG, true, "<7>x 7\n"},
	};
	struct rig *r = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		log_init(&r->log, r->fds[1], LOG_LEVEL_DEBUG, rows[i].journal);
		log_write(&r->log, 1, rows[i].level, "x %d", 7);
		assert_string_equal(written(r), rows[i].line);
	}
}

static void test_level(void **state)
{
	struct rig *r = *state;

	log_write(&r->log, 1, LOG_LEVEL_DEBUG, "too fine");
	assert_string_equal(written(r), "");
	assert_int_equal(log_level_parse("error"), LOG_LEVEL_ERROR);
	assert_int_equal(log_level_parse("debug"), LOG_LEVEL_DEBUG);
	assert_int_equal(log_level_parse("loud"), -EINVAL);
	assert_int_equal(log_level_parse(""), -EINVAL);
}

static void test_nobody_forges_a_line(void **state)
{
	struct rig *r = *state;

	r->log.journal = true;
	log_write(&r->log, 1, LOG_LEVEL_INFO, "guest \x1b[2J\tvm1\r");
	assert_string_equal(written(r), "<6>guest ?[2J?vm1?\n");
	log_write(&r->log, 1, LOG_LEVEL_INFO, "one\n\ntwo\n");
	assert_string_equal(written(r), "<6>one\n<6>two\n");
}

static void test_long_line_is_cut(void **state)
{
	struct rig *r = *state;
	char text[3000];

	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	log_write(&r->log, 1, LOG_LEVEL_INFO, "%s", text);
	assert_in_range(strlen(written(r)), LOG_LINE_SIZE / 2, LOG_LINE_SIZE + 32);
	assert_int_equal(n_lines(r->text), 1);
}

static void test_rate(void **state)
{
	struct rig *r = *state;
	nsec now = NSEC_PER_SEC;

	for (int i = 0; i < LOG_BURST + 300; i++)
		log_write(&r->log, now, LOG_LEVEL_INFO, "again");
	assert_int_equal(n_lines(written(r)), LOG_BURST);

	/* Another level has a bucket of its own. */
	log_write(&r->log, now, LOG_LEVEL_ERROR, "disk on fire");
	assert_string_equal(written(r), "mcswitch: error: disk on fire\n");

	/* In time there is room again, and what was left out is told once. */
	now += NSEC_PER_SEC / LOG_PER_S;
	log_write(&r->log, now, LOG_LEVEL_INFO, "later");
	assert_string_equal(written(r),
		"mcswitch: 300 lines of level info were left out: too many\nmcswitch: later\n");
	log_write(&r->log, now, LOG_LEVEL_INFO, "at once");
	assert_string_equal(written(r), "");

	/* A long silence fills the bucket and no more. */
	now += 3600 * NSEC_PER_SEC;
	for (int i = 0; i < 2 * LOG_BURST; i++)
		log_write(&r->log, now, LOG_LEVEL_INFO, "again");
	assert_int_equal(n_lines(written(r)), LOG_BURST + 1);
}

static void test_journal_stream(void **state)
{
	struct rig *r = *state;
	char stream[64];
	struct stat st;

	assert_int_equal(fstat(r->fds[1], &st), 0);
	snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)st.st_dev,
		(unsigned long long)st.st_ino);
	assert_true(log_is_journal(r->fds[1], stream));
	assert_false(log_is_journal(r->fds[1], NULL));
	assert_false(log_is_journal(r->fds[1], ""));
	assert_false(log_is_journal(r->fds[1], "1:2"));
	assert_false(log_is_journal(-1, stream));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_forms, rig_make, rig_free),
		cmocka_unit_test_setup_teardown(test_level, rig_make, rig_free),
		cmocka_unit_test_setup_teardown(test_nobody_forges_a_line, rig_make, rig_free),
		cmocka_unit_test_setup_teardown(test_long_line_is_cut, rig_make, rig_free),
		cmocka_unit_test_setup_teardown(test_rate, rig_make, rig_free),
		cmocka_unit_test_setup_teardown(test_journal_stream, rig_make, rig_free),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

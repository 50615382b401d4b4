/* SPDX-License-Identifier: BSD-3-Clause */
/* The control socket under clients of every temper, in one process: the test is the client and
 * turns the loop by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "api/api.h"
#include "api/rpc.h"
#include "fake_control.h"

struct rig {
	char dir[64], path[128];
	struct event_base *base;
	struct control control;
	struct api *api;
	struct error err;
};

static int rig_setup(void **state)
{
	struct rig *r = calloc(1, sizeof(*r));

	strcpy(r->dir, "/tmp/mcswitch-api-XXXXXX");
	if (mkdtemp(r->dir) == NULL)
		return -1;
	snprintf(r->path, sizeof(r->path), "%s/run/control.sock", r->dir);
	r->base = event_base_new();
	fake_control_init(&r->control, r->base);
	r->api = api_create(&r->control, r->path, &r->err);
	*state = r;
	return r->api != NULL ? 0 : -1;
}

static int rig_teardown(void **state)
{
	struct rig *r = *state;
	char run[128];
	int rc;

	api_destroy(r->api);
	event_base_free(r->base);
	snprintf(run, sizeof(run), "%s/run", r->dir);
	rc = rmdir(run) | rmdir(r->dir); /* fails when the socket is left behind */
	free(r);
	return rc;
}

static void turn(struct rig *r, unsigned int n)
{
	while (n-- > 0)
		event_base_loop(r->base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
}

static int client(struct rig *r)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	strcpy(address.sun_path, r->path);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	turn(r, 2);
	return fd;
}

static void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* What there is to read after some turns; *closed: the server has hung up. free() it. */
static char *hear(struct rig *r, int fd, bool *closed)
{
	char *text = calloc(1, 1);
	size_t size = 0;

	*closed = false;
	for (unsigned int idle = 0; idle < 20 && !*closed;) {
		char chunk[65536];
		ssize_t n;

		turn(r, 1);
		n = recv(fd, chunk, sizeof(chunk), 0);
		if (n < 0 && errno == ECONNRESET) /* what it wrote can be read after that */
			continue;
		*closed = n == 0;
		idle = n > 0 ? 0 : idle + 1;
		if (n <= 0)
			continue;
		text = realloc(text, size + (size_t)n + 1);
		memcpy(text + size, chunk, (size_t)n);
		size += (size_t)n;
		text[size] = '\0';
	}
	return text;
}

static unsigned int lines_in(const char *text)
{
	unsigned int n = 0;

	for (; *text != '\0'; text++)
		n += *text == '\n';
	return n;
}

#define ASK(method) "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"" method "\"}"

static void expect_lines(struct rig *r, int fd, unsigned int n, const char *told, bool hung_up)
{
	bool closed;
	char *text = hear(r, fd, &closed);

	assert_int_equal(lines_in(text), n);
	if (strstr(text, told) == NULL)
		fail_msg("heard %.500s\n  without %s", text, told);
	assert_int_equal(closed, hung_up);
	free(text);
}

static void answers(void **state)
{
	struct rig *r = *state;
	struct stat st;
	int fd = client(r);

	assert_int_equal(stat(r->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0660);
	say(fd, ASK("version") "\n");
	expect_lines(r, fd, 1, "0.1.0", false);
	say(fd, "\n  \r\n{\"jsonrpc\":\"2.0\",\"id\":1,\"meth");
	expect_lines(r, fd, 0, "", false);
	say(fd, "od\":\"version\"}\n");
	expect_lines(r, fd, 1, "0.1.0", false);
	say(fd, "nonsense\n" ASK("version") "\n");
	expect_lines(r, fd, 2, "-32700", false);
	close(fd);
	turn(r, 5);
}

static void answers_what_was_asked_before_the_end(void **state)
{
	struct rig *r = *state;
	int fd = client(r);

	say(fd, ASK("version") "\n" ASK("status"));
	shutdown(fd, SHUT_WR);
	expect_lines(r, fd, 2, "law_holds", true);
	close(fd);
}

static void answers_a_pipeline_in_order(void **state)
{
	struct rig *r = *state;
	int fd = client(r);
	bool closed;
	char *text, *at;

	for (int i = 0; i < 500; i++) {
		char line[80];

		snprintf(line, sizeof(line),
			"{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"version\"}\n", 1000 + i);
		say(fd, line);
		if (i % 100 == 0)
			turn(r, 1);
	}
	text = hear(r, fd, &closed);
	assert_int_equal(lines_in(text), 500);
	at = text;
	for (int i = 0; i < 500; i++) {
		char id[24];

		snprintf(id, sizeof(id), "\"id\":%d,", 1000 + i);
		at = strstr(at, id);
		assert_non_null(at);
	}
	free(text);
	close(fd);
}

static void refuses_long_lines(void **state)
{
	struct rig *r = *state;
	int fd = client(r);
	char chunk[4096];
	ssize_t n = 1;

	memset(chunk, ' ', sizeof(chunk));
	for (int i = 0; i < 100 && n > 0; i++) {
		n = send(fd, chunk, sizeof(chunk), MSG_NOSIGNAL);
		turn(r, 2);
	}
	expect_lines(r, fd, 1, "-32600", true);
	close(fd);
}

static void refuses_one_client_too_many(void **state)
{
	struct rig *r = *state;
	int fd[API_MAX_CLIENTS], late;

	for (unsigned int i = 0; i < API_MAX_CLIENTS; i++)
		fd[i] = client(r);
	late = client(r);
	expect_lines(r, late, 1, "64 clients", true);
	close(late);
	for (unsigned int i = 0; i < API_MAX_CLIENTS; i++)
		close(fd[i]);
	turn(r, 5);
	late = client(r);
	say(late, ASK("version") "\n");
	expect_lines(r, late, 1, "0.1.0", false);
	close(late);
}

static void tells_watchers(void **state)
{
	struct rig *r = *state;
	int watcher = client(r), other = client(r);

	say(watcher, ASK("watch") "\n");
	expect_lines(r, watcher, 1, "\"result\":{}", false);
	fake_control_tell(&r->control, "up0 is down");
	expect_lines(r, watcher, 1, "\"method\":\"event\",\"params\":{\"number\":7", false);
	expect_lines(r, other, 0, "", false);
	say(watcher,
		"{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"guest.del\",\"params\":[\"vm1\"]}\n");
	expect_lines(r, watcher, 2, "del vm1", false);
	close(watcher);
	fake_control_tell(&r->control, "nobody hears");
	turn(r, 5);
	close(other);
}

/* Events during a long answer come after it. */
static void lines_do_not_mix(void **state)
{
	struct rig *r = *state;
	int fd = client(r);
	bool closed;
	char *text, *line;
	unsigned int n = 0;

	r->control.n_extra_rows = 2000;
	say(fd, ASK("watch") "\n" ASK("groups") "\n");
	for (int i = 0; i < 10; i++) {
		turn(r, 1);
		fake_control_tell(&r->control, "in between");
	}
	text = hear(r, fd, &closed);
	for (line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n"), n++) {
		json_t *json = json_loads(line, 0, NULL);

		assert_non_null(json);
		json_decref(json);
	}
	assert_true(n > 2);
	free(text);
	close(fd);
}

static void drops_watchers_that_do_not_read(void **state)
{
	struct rig *r = *state;
	int fd = client(r), other = client(r);
	bool closed;
	char *text;

	say(fd, ASK("watch") "\n");
	turn(r, 5);
	for (int i = 0; i < 20000; i++) {
		fake_control_tell(&r->control, "nobody reads this");
		if (i % 100 == 0)
			turn(r, 1);
	}
	text = hear(r, fd, &closed);
	assert_true(closed);
	free(text);
	say(other, ASK("version") "\n");
	expect_lines(r, other, 1, "0.1.0", false);
	close(fd);
	close(other);
}

/* An answer that nobody reads is not made, and one that is read at last is whole. */
static void long_answers_wait_for_the_reader(void **state)
{
	struct rig *r = *state;
	int slow = client(r), other = client(r);
	bool closed;
	json_t *json;
	char *text;

	r->control.n_extra_rows = 50000;
	say(slow, ASK("groups") "\n");
	turn(r, 5000);
	say(other, ASK("version") "\n");
	expect_lines(r, other, 1, "0.1.0", false);
	text = hear(r, slow, &closed);
	json = json_loads(text, 0, NULL);
	assert_int_equal(json_array_size(json_object_get(json, "result")), 50006);
	json_decref(json);
	free(text);
	say(slow, ASK("groups") "\n");
	turn(r, 100);
	close(slow); /* in the middle */
	turn(r, 100);
	close(other);
}

static void keeps_what_is_in_use(void **state)
{
	struct rig *r = *state;
	struct error err;
	char other[160];
	int fd;

	assert_null(api_create(&r->control, r->path, &err));
	assert_non_null(strstr(err.text, "another mcswitch answers"));
	snprintf(other, sizeof(other), "%s/file", r->dir);
	fd = open(other, O_CREAT | O_WRONLY, 0600);
	close(fd);
	assert_null(api_create(&r->control, other, &err));
	assert_non_null(strstr(err.text, "no socket"));
	unlink(other);
	assert_null(api_create(&r->control, "", &err));
	snprintf(other, sizeof(other), "%s/a/b/c.sock", r->dir);
	assert_null(api_create(&r->control, other, &err));
	assert_non_null(strstr(err.text, "cannot make the directory"));
}

static void replaces_what_nobody_answers(void **state)
{
	struct rig *r = *state;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	struct error err;
	struct api *second;
	char path[160];

	snprintf(path, sizeof(path), "%s/stale", r->dir);
	strcpy(address.sun_path, path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	close(fd);
	second = api_create(&r->control, path, &err);
	if (second == NULL)
		fail_msg("%s", err.text);
	/* Somebody removed ours and put theirs: it is not ours to remove. */
	unlink(path);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	close(fd);
	api_destroy(second);
	assert_int_equal(unlink(path), 0);
	api_destroy(NULL);
}

int main(void)
{
#define RIG(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)
	const struct CMUnitTest tests[] = {
		RIG(answers),
		RIG(answers_what_was_asked_before_the_end),
		RIG(answers_a_pipeline_in_order),
		RIG(refuses_long_lines),
		RIG(refuses_one_client_too_many),
		RIG(tells_watchers),
		RIG(lines_do_not_mix),
		RIG(drops_watchers_that_do_not_read),
		RIG(long_answers_wait_for_the_reader),
		RIG(keeps_what_is_in_use),
		RIG(replaces_what_nobody_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include "top.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "client.h"
#include "request.h"

#define ENTER   "\033[?1049h\033[?25l\033[2J" /* alternate screen, no cursor, cleared */
#define LEAVE   "\033[?25h\033[?1049l"
#define HOME    "\033[H"
#define REVERSE "\033[7m"
#define PLAIN   "\033[0m"
#define TO_EOL  "\033[K"
#define TO_END  "\033[J"
#define EVERY_S 1

/* --- the terminal --- */

static struct termios before;
static volatile sig_atomic_t ended, suspended; /* signal numbers; SIGWINCH only wakes us */

static void terminal_write(const char *text, size_t size)
{
	while (size > 0) {
		ssize_t n = write(STDOUT_FILENO, text, size);

		if (n < 0 && errno != EINTR)
			return;
		if (n > 0) {
			text += n;
			size -= (size_t)n;
		}
	}
}

static void terminal_enter(void)
{
	struct termios raw = before;

	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	raw.c_cc[VMIN] = 0;
	raw.c_cc[VTIME] = 0;
	tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	terminal_write(ENTER, strlen(ENTER));
}

static void terminal_leave(void)
{
	terminal_write(LEAVE, strlen(LEAVE));
	tcsetattr(STDIN_FILENO, TCSANOW, &before);
}

static void told(int number)
{
	if (number == SIGTSTP)
		suspended = number;
	else if (number != SIGWINCH)
		ended = number;
}

/* They are blocked but while we wait, so none is missed between two looks. *wait: for ppoll. */
static void signals_take(sigset_t *wait)
{
	static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGWINCH};
	struct sigaction action = {.sa_handler = told};
	sigset_t block;

	sigemptyset(&block);
	for (unsigned int i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		sigaction(numbers[i], &action, NULL);
		sigaddset(&block, numbers[i]);
	}
	sigprocmask(SIG_BLOCK, &block, wait);
}

/* Ctrl-Z: the shell finds its screen, and we ours when we go on. */
static void suspend(void)
{
	suspended = 0;
	terminal_leave();
	raise(SIGSTOP);
	terminal_enter();
}

static void size_of(unsigned int *lines, unsigned int *columns)
{
	struct winsize w = {0};

	ioctl(STDOUT_FILENO, TIOCGWINSZ, &w);
	*lines = w.ws_row > 0 ? w.ws_row : 24;
	*columns = w.ws_col > 0 ? w.ws_col : 80;
}

/* --- a frame --- */

static void answers_free(struct top_answers *a)
{
	json_decref(a->status);
	json_decref(a->cores);
	json_decref(a->ports);
	json_decref(a->groups);
}

static int answers_get(struct client *c, struct top_answers *a, struct error *err)
{
	int rc;

	memset(a, 0, sizeof(*a));
	rc = client_call(c, "status", json_object(), &a->status, err);
	if (rc == 0)
		rc = client_call(c, "cores", json_object(), &a->cores, err);
	if (rc == 0)
		rc = client_call(c, "ports", json_object(), &a->ports, err);
	if (rc == 0)
		rc = client_call(c, "busiest", json_pack("{s:i}", "count", 100), &a->groups, err);
	if (rc < 0)
		answers_free(a);
	return rc;
}

/* In place: each line cut to the window, headings reversed, no newline after the last. */
static void frame_show(char *frame, unsigned int lines, unsigned int columns)
{
	char *text = NULL, *line;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (out == NULL)
		return;
	fputs(HOME, out);
	for (unsigned int i = 0; i < lines && (line = strsep(&frame, "\n")) != NULL; i++) {
		bool heading = line[0] == TOP_HEADING;

		fprintf(out, "%s%s%.*s%s" TO_EOL, i > 0 ? "\r\n" : "", heading ? REVERSE : "",
			(int)columns, line + heading, heading ? PLAIN : "");
	}
	fputs(TO_END, out);
	fclose(out);
	terminal_write(text, size);
	free(text);
}

static int frame_draw(struct client *c, struct error *err)
{
	unsigned int lines, columns;
	struct top_answers a;
	char *frame = NULL;
	size_t size = 0;
	FILE *out;
	int rc = answers_get(c, &a, err);

	if (rc < 0)
		return rc;
	size_of(&lines, &columns);
	out = open_memstream(&frame, &size);
	if (out != NULL) {
		top_frame(out, &a, lines);
		fclose(out);
		frame_show(frame, lines, columns);
		free(frame);
	}
	answers_free(&a);
	return 0;
}

/* Text for scripts, and JSON for programs. */
static int frame_print(const struct request *r, struct client *c, struct error *err)
{
	struct top_answers a;
	char *frame = NULL;
	size_t size = 0;
	FILE *out;
	int rc = answers_get(c, &a, err);

	if (rc < 0)
		return rc;
	if (r->json) {
		json_t *all = json_pack("{s:O, s:O, s:O, s:O}", "status", a.status, "cores",
			a.cores, "ports", a.ports, "groups", a.groups);

		json_dumpf(all, stdout, JSON_COMPACT);
		putchar('\n');
		json_decref(all);
	} else if ((out = open_memstream(&frame, &size)) != NULL) {
		top_frame(out, &a, 0);
		fclose(out);
		for (const char *p = frame; *p != '\0'; p++) {
			if (*p != TOP_HEADING)
				putchar(*p);
		}
		free(frame);
	}
	answers_free(&a);
	return 0;
}

/* --- live --- */

/* Wait for a key, a signal or the next second. False: end. */
static bool wait_next(const sigset_t *open)
{
	const struct timespec every = {.tv_sec = EVERY_S};
	struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
	char key;

	if (ppoll(&in, 1, &every, open) > 0) {
		if (read(STDIN_FILENO, &key, 1) <= 0 || key == 'q' || key == 'Q')
			return false;
	}
	if (suspended)
		suspend();
	return !ended;
}

static int live(struct client *c, struct error *err)
{
	sigset_t open;
	int rc;

	if (tcgetattr(STDIN_FILENO, &before) < 0)
		return error_set(err, -EINVAL, "top: standard input is no terminal");
	signals_take(&open);
	terminal_enter();
	do {
		rc = frame_draw(c, err);
	} while (rc == 0 && wait_next(&open));
	terminal_leave();
	return rc;
}

int top_run(const struct request *r, struct client *c, struct error *err)
{
	if (r->once || r->json || !isatty(STDOUT_FILENO) || !isatty(STDIN_FILENO))
		return frame_print(r, c, err);
	return live(c, err);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mcguest: a multicast host, inside a test's guest or in a namespace.
 *
 *   mcguest agent DEVICE                            obeys a test over a serial line; "-" is stdio
 *   mcguest send GROUP PORT RATE COUNT [OPTION...]  when done or stopped, prints what it sent
 *   mcguest recv [OPTION...] GROUP[,SOURCE]...      prints "joined"; at its end, what it received
 *
 * Reports are JSON; SIGTERM and SIGINT stop it. The agent reads a line "ID COMMAND ARGUMENT..." and
 * answers one line, {"id": ID, "ok": true, ...} or {"id": ID, "ok": false, "error": TEXT}; the
 * commands are the table at the end. Options are KEY=VALUE: dev, size, ttl, source, first, port.
 * receiver.c, sender.c and seen.c do the work; this file is the loop, the words and the line.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "net.h"
#include "receiver.h"
#include "seen.h"
#include "sender.h"

#define MAX_WORDS 32
#define MAX_FDS   24
#define LINE_SIZE 8192

static volatile sig_atomic_t stopped;

static void on_signal(int number)
{
	stopped = number;
}

/* ---- words ---- */

struct words {
	int n;
	char *word[MAX_WORDS];
	const char *rest; /* the line behind the first word, unsplit */
};

static const char *option(const struct words *words, const char *key)
{
	size_t size = strlen(key);

	for (int i = 0; i < words->n; i++)
		if (strncmp(words->word[i], key, size) == 0 && words->word[i][size] == '=')
			return words->word[i] + size + 1;
	return NULL;
}

static uint64_t option_number(const struct words *words, const char *key, uint64_t otherwise)
{
	const char *text = option(words, key);
	return text ? strtoull(text, NULL, 10) : otherwise;
}

static unsigned option_ifindex(const struct words *words)
{
	const char *dev = option(words, "dev");
	return dev ? if_nametoindex(dev) : 0;
}

static void json_string(FILE *out, const char *text, size_t size)
{
	fputc('"', out);
	for (size_t i = 0; i < size; i++) {
		unsigned char c = text[i];
		if (c == '"' || c == '\\')
			fprintf(out, "\\%c", c);
		else if (c < 0x20 || c >= 0x7f)
			fprintf(out, "\\u%04x", c);
		else
			fputc(c, out);
	}
	fputc('"', out);
}

/* ---- commands: 0 or -errno; what they print goes into the answer behind "ok" ---- */

static int do_hello(const struct words *words, FILE *out)
{
	(void)words;
	fprintf(out, ", \"pid\": %d", getpid());
	return 0;
}

static int change(enum receiver_change change, const struct words *words)
{
	struct address group, source;
	bool has_source = words->n > 1 && !strchr(words->word[1], '=');

	if (words->n < 1 || address_parse(&group, words->word[0]) < 0 ||
		(has_source && address_parse(&source, words->word[1]) < 0))
		return -EINVAL;
	return receiver_change(change, &group, has_source ? &source : NULL, option_ifindex(words));
}

static int do_join(const struct words *words, FILE *out)
{
	(void)out;
	return change(JOIN, words);
}

static int do_leave(const struct words *words, FILE *out)
{
	(void)out;
	return change(LEAVE, words);
}

static int do_block(const struct words *words, FILE *out)
{
	(void)out;
	return change(BLOCK, words);
}

static int do_unblock(const struct words *words, FILE *out)
{
	(void)out;
	return change(UNBLOCK, words);
}

static int do_listen(const struct words *words, FILE *out)
{
	(void)out;
	return words->n == 1 ? receiver_listen(atoi(words->word[0])) : -EINVAL;
}

static int do_stats(const struct words *words, FILE *out)
{
	(void)words;
	fprintf(out, ", \"now_ns\": %" PRIu64 ", \"streams\": ", now_ns());
	receiver_stats(out);
	fputs(", \"seen\": ", out);
	seen_stats(out);
	fputs(", \"sent\": ", out);
	sender_stats(out);
	return 0;
}

static int do_reset(const struct words *words, FILE *out)
{
	(void)words;
	(void)out;
	receiver_reset();
	seen_reset();
	return 0;
}

static int do_send(const struct words *words, FILE *out)
{
	struct sender_options options = {0};
	const char *source = option(words, "source");

	(void)out;
	if (words->n < 4 || address_parse(&options.to, words->word[0]) < 0 ||
		(source && address_parse(&options.source, source) < 0))
		return -EINVAL;
	options.port = atoi(words->word[1]);
	options.rate = atoi(words->word[2]);
	options.count = strtoull(words->word[3], NULL, 10);
	options.first = option_number(words, "first", 0);
	options.size = option_number(words, "size", 64);
	options.ttl = option_number(words, "ttl", 8);
	options.ifindex = option_ifindex(words);
	return sender_start(&options);
}

static int do_stop(const struct words *words, FILE *out)
{
	(void)words;
	sender_stop();
	fputs(", \"sent\": ", out);
	sender_stats(out);
	return 0;
}

static int do_mac(const struct words *words, FILE *out)
{
	struct ifreq request = {0};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (words->n > 0)
		strncpy(request.ifr_name, words->word[0], IFNAMSIZ - 1);
	else if (!if_indextoname(default_ifindex(), request.ifr_name))
		request.ifr_name[0] = 0;
	int rc = ioctl(fd, SIOCGIFHWADDR, &request) < 0 ? -errno : 0;
	close(fd);
	if (rc == 0) {
		const uint8_t *mac = (const uint8_t *)request.ifr_hwaddr.sa_data;
		fprintf(out, ", \"mac\": \"%02x:%02x:%02x:%02x:%02x:%02x\"", mac[0], mac[1], mac[2],
			mac[3], mac[4], mac[5]);
	}
	return rc;
}

static int shell(const char *command, FILE *out)
{
	char text[LINE_SIZE];
	size_t size = 0, n;
	sigset_t none, ours;
	FILE *pipe;

	/* What the command leaves running is to end when told: it inherits what is blocked. */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, &ours);
	pipe = popen(command, "r");
	sigprocmask(SIG_SETMASK, &ours, NULL);
	if (!pipe)
		return -errno;
	while ((n = fread(text + size, 1, sizeof(text) - size, pipe)) > 0)
		size += n;
	int status = pclose(pipe);
	fprintf(out, ", \"exit\": %d, \"output\": ", WIFEXITED(status) ? WEXITSTATUS(status) : 255);
	json_string(out, text, size);
	return 0;
}

static int do_sh(const struct words *words, FILE *out)
{
	char command[LINE_SIZE + 32];

	snprintf(command, sizeof(command), "{ %s\n} 2>&1 </dev/null", words->rest);
	return shell(command, out);
}

static int do_ping(const struct words *words, FILE *out)
{
	char command[256];

	if (words->n < 1)
		return -EINVAL;
	snprintf(command, sizeof(command), "ping -c 1 -W %" PRIu64 " %.64s 2>&1 </dev/null",
		option_number(words, "wait", 2), words->word[0]);
	return shell(command, out);
}

static const struct command {
	const char *name;
	int (*run)(const struct words *words, FILE *out);
	const char *usage;
} commands[] = {
	{"hello", do_hello, ""},
	{"join", do_join, "GROUP [SOURCE] [dev=]"},
	{"leave", do_leave, "GROUP [SOURCE] [dev=]"},
	{"block", do_block, "GROUP SOURCE [dev=]"},
	{"unblock", do_unblock, "GROUP SOURCE [dev=]"},
	{"listen", do_listen, "PORT: receive there too"},
	{"stats", do_stats, "streams received, multicast frames seen, streams sent"},
	{"reset", do_reset, "forget what was received"},
	{"send", do_send, "GROUP PORT RATE COUNT [first=] [size=] [ttl=] [source=] [dev=]"},
	{"stop", do_stop, "end all sending"},
	{"mac", do_mac, "[DEV]"},
	{"ping", do_ping, "ADDRESS [wait=SECONDS]"},
	{"sh", do_sh, "COMMAND for the shell; all that is read meanwhile is still counted"},
};

static const struct command *command_find(const char *name)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

/* ---- the agent's line ---- */

static struct {
	int in, out;
	char line[LINE_SIZE];
	size_t size;
} serial = {.in = -1, .out = -1};

static int serial_open(const char *device)
{
	struct termios mode;

	if (strcmp(device, "-") == 0) {
		serial.in = STDIN_FILENO;
		serial.out = STDOUT_FILENO;
		return 0;
	}
	serial.in = serial.out = open(device, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (serial.in < 0)
		return -errno;
	if (tcgetattr(serial.in, &mode) == 0) {
		cfmakeraw(&mode);
		cfsetspeed(&mode, B115200);
		tcsetattr(serial.in, TCSANOW, &mode);
	}
	return 0;
}

static void serial_write(const char *text, size_t size)
{
	while (size > 0) {
		ssize_t n = write(serial.out, text, size);
		if (n < 0 && errno != EINTR)
			exit(1);
		if (n > 0) {
			text += n;
			size -= n;
		}
	}
}

static void words_split(struct words *words, char *line)
{
	char *state;

	for (char *word = strtok_r(line, " \t", &state); word && words->n < MAX_WORDS;
		word = strtok_r(NULL, " \t", &state))
		words->word[words->n++] = word;
}

static void line_obey(char *line)
{
	struct words words = {0};
	char *id = strsep(&line, " "), *name = strsep(&line, " ");
	char *rest = strdup(line ? line : "");
	char *body = NULL;
	size_t body_size = 0;
	FILE *out = open_memstream(&body, &body_size);
	const struct command *command = name ? command_find(name) : NULL;

	if (line)
		words_split(&words, line);
	words.rest = rest;
	int rc = command ? command->run(&words, out) : -ENOSYS;
	fclose(out);

	char *answer = NULL;
	size_t size = 0;
	out = open_memstream(&answer, &size);
	fputs("{\"id\": ", out);
	json_string(out, id, strlen(id));
	if (rc < 0) {
		fputs(", \"ok\": false, \"error\": ", out);
		json_string(out, strerror(-rc), strlen(strerror(-rc)));
	} else {
		fputs(", \"ok\": true", out);
		fwrite(body, 1, body_size, out);
	}
	fputs("}\n", out);
	fclose(out);
	serial_write(answer, size);
	free(answer);
	free(body);
	free(rest);
}

static void serial_run(void)
{
	ssize_t n = read(serial.in, serial.line + serial.size, sizeof(serial.line) - serial.size);

	if (n <= 0) {
		if (n == 0 || (errno != EAGAIN && errno != EINTR))
			stopped = 1;
		return;
	}
	serial.size += n;
	char *end;
	while ((end = memchr(serial.line, '\n', serial.size))) {
		*end = 0;
		if (end > serial.line)
			line_obey(serial.line);
		serial.size -= end + 1 - serial.line;
		memmove(serial.line, end + 1, serial.size);
	}
	if (serial.size == sizeof(serial.line))
		serial.size = 0; /* no command is that long */
}

/* ---- the loop ---- */

static void loop(bool until_sent)
{
	struct pollfd fds[MAX_FDS];
	sigset_t none;

	sigemptyset(&none);
	while (!stopped) {
		int64_t wait_ns = sender_run();
		if (until_sent && wait_ns < 0)
			return;
		fds[0] = (struct pollfd){.fd = serial.in, .events = POLLIN};
		fds[1] = (struct pollfd){.fd = seen_fd(), .events = POLLIN};
		int n = 2 + receiver_pollfds(fds + 2, MAX_FDS - 2);
		struct timespec wait = {wait_ns / 1000000000, wait_ns % 1000000000};
		if (ppoll(fds, n, wait_ns < 0 ? NULL : &wait, &none) < 0)
			continue;
		seen_run();
		receiver_run();
		if (fds[0].revents)
			serial_run();
	}
}

static int fail(const char *what, int rc)
{
	fprintf(stderr, "mcguest: %s: %s\n", what, strerror(-rc));
	return 1;
}

static int main_agent(const struct words *words)
{
	int rc = serial_open(words->n ? words->word[0] : "-");

	if (rc < 0)
		return fail(words->word[0], rc);
	if ((rc = receiver_listen(DATA_PORT)) < 0)
		return fail("listen", rc);
	if ((rc = seen_open()) < 0)
		return fail("packet socket", rc);
	loop(false);
	return 0;
}

static int main_send(const struct words *words)
{
	int rc = do_send(words, stdout);

	if (rc < 0)
		return fail("send", rc);
	loop(true);
	sender_stats(stdout);
	puts("");
	return 0;
}

static int main_recv(const struct words *words)
{
	int rc = receiver_listen(option_number(words, "port", DATA_PORT));

	if (rc < 0)
		return fail("listen", rc);
	for (int i = 0; i < words->n; i++) {
		struct words one = {0};
		char *source = strchr(words->word[i], ',');
		const char *dev = option(words, "dev");
		char with_dev[64];

		if (strchr(words->word[i], '='))
			continue;
		if (source)
			*source++ = 0;
		one.word[one.n++] = words->word[i];
		if (source)
			one.word[one.n++] = source;
		if (dev) {
			snprintf(with_dev, sizeof(with_dev), "dev=%s", dev);
			one.word[one.n++] = with_dev;
		}
		if ((rc = change(JOIN, &one)) < 0)
			return fail(words->word[i], rc);
	}
	puts("joined");
	fflush(stdout);
	loop(false);
	receiver_stats(stdout);
	puts("");
	return 0;
}

static int usage(void)
{
	fputs("usage: mcguest agent [DEVICE | -]\n"
	      "       mcguest send GROUP PORT RATE COUNT [first=] [size=] [ttl=] [source=] [dev=]\n"
	      "       mcguest recv [port=] [dev=] GROUP[,SOURCE]...\n"
	      "agent's commands:\n",
		stderr);
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		fprintf(stderr, "  %-8s %s\n", commands[i].name, commands[i].usage);
	return 2;
}

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = on_signal};
	struct words words = {0};
	sigset_t blocked;

	for (int i = 2; i < argc && words.n < MAX_WORDS; i++)
		words.word[words.n++] = argv[i];
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	sigemptyset(&blocked); /* taken only while the loop waits, so that none is missed */
	sigaddset(&blocked, SIGTERM);
	sigaddset(&blocked, SIGINT);
	sigprocmask(SIG_BLOCK, &blocked, NULL);
	signal(SIGPIPE, SIG_IGN);
	if (argc > 1 && strcmp(argv[1], "agent") == 0)
		return main_agent(&words);
	if (argc > 1 && strcmp(argv[1], "send") == 0)
		return main_send(&words);
	if (argc > 1 && strcmp(argv[1], "recv") == 0)
		return main_recv(&words);
	return usage();
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include "capture.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client.h"
#include "pcapng.h"
#include "request.h"
#include "verbs.h"

#define SNAP      2048u /* octets of a frame that the switch tells at most */
#define MAX_NAMES 1024u /* of ports, also of those that come while we look */

/* The names of interfaces, by number. */
struct interfaces {
	char *name[MAX_NAMES];
	uint32_t n;
};

/* The number of a port; a name that is new is written first. */
static uint32_t interface_of(struct interfaces *known, const char *name)
{
	uint32_t i = 0;

	while (i < known->n && strcmp(known->name[i], name) != 0)
		i++;
	if (i < known->n || known->n == MAX_NAMES)
		return i < known->n ? i : 0;
	known->name[known->n++] = strdup(name);
	pcapng_interface(stdout, name, SNAP);
	return i;
}

static int digit_of(char c)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c != '\0' ? strchr(digits, c) : NULL;

	return at != NULL ? (int)(at - digits) : -1;
}

/* RFC 4648 4; returns the octets, at most size of them. */
static uint32_t base64_read(const char *text, uint8_t *out, size_t size)
{
	uint32_t bits = 0, n = 0;

	for (unsigned int i = 1; digit_of(*text) >= 0 && n < size; text++, i++) {
		bits = bits << 6 | (uint32_t)digit_of(*text);
		if (i % 4 != 1)
			out[n++] = (uint8_t)(bits >> (2 * (3 - (i - 1) % 4)));
	}
	return n;
}

static void frame_write(struct interfaces *known, const json_t *params)
{
	const char *port = json_string_value(json_object_get(params, "port"));
	const char *data = json_string_value(json_object_get(params, "data"));
	const char *direction = json_string_value(json_object_get(params, "direction"));
	uint8_t octets[SNAP];
	struct pcapng_frame frame;

	if (port == NULL || data == NULL || direction == NULL)
		return;
	frame = (struct pcapng_frame){
		.interface = interface_of(known, port),
		.at_ns = (uint64_t)json_integer_value(json_object_get(params, "time_ns")),
		.out = strcmp(direction, "out") == 0,
		.size = (uint32_t)json_integer_value(json_object_get(params, "size")),
		.n_octets = base64_read(data, octets, sizeof(octets)),
		.octets = octets,
	};
	pcapng_frame(stdout, &frame);
}

static volatile sig_atomic_t stop_fd = -1;

/* The switch is asked to stop, and what it says then ends the wait: no moment at which a signal is missed. */
static void stop_ask(int number)
{
	static const char line[] =
		"{\"jsonrpc\":\"2.0\",\"id\":\"stop\",\"method\":\"capture.stop\"}\n";
	int saved = errno;
	ssize_t n = send(stop_fd, line, sizeof(line) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);

	(void)number;
	(void)n;
	errno = saved;
}

/* Asked once; a second signal ends us. */
static void signals_set(int fd)
{
	const struct sigaction action = {
		.sa_handler = stop_ask, .sa_flags = (int)(SA_RESTART | SA_RESETHAND)};

	stop_fd = fd;
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

static int output_check(struct error *err)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return 0;
	return error_set(err, -EREMOTE, "capture: cannot write: %s", strerror(errno));
}

static int frames_write(struct client *c, struct interfaces *known, struct error *err)
{
	const json_t *lost;
	json_t *params;
	int rc;

	for (;;) {
		rc = client_wait(c, &params, err);
		if (rc < 0)
			return rc;
		lost = json_object_get(params, "lost");
		if (lost != NULL)
			break;
		frame_write(known, params);
		json_decref(params);
		rc = output_check(err);
		if (rc < 0)
			return rc;
	}
	fprintf(stderr, "mcctl: %lld frames, %lld lost; %s\n",
		(long long)json_integer_value(json_object_get(params, "frames")),
		(long long)json_integer_value(lost),
		json_string_value(json_object_get(params, "ended")));
	json_decref(params);
	return output_check(err);
}

int capture_run(const struct request *r, struct client *c, struct error *err)
{
	struct interfaces known = {.n = 0};
	json_t *result, *name;
	size_t i;
	int rc;

	if (isatty(STDOUT_FILENO))
		return error_set(err, -EINVAL,
			"capture: standard output is a terminal; expected > FILE.pcapng after it");
	rc = client_call(c, r->verb->method, json_incref(r->params), &result, err);
	if (rc < 0)
		return rc;
	signals_set(client_fd(c));
	pcapng_section(stdout, "mcctl " MCSWITCH_VERSION);
	json_array_foreach (json_object_get(result, "ports"), i, name)
		interface_of(&known, json_string_value(name));
	json_decref(result);
	rc = output_check(err);
	fputs("mcctl: capturing; Ctrl-C ends it\n", stderr);
	if (rc == 0)
		rc = frames_write(c, &known, err);
	while (known.n > 0)
		free(known.name[--known.n]);
	return rc;
}

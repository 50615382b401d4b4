/* SPDX-License-Identifier: BSD-3-Clause */
#include "client.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define ANSWER_TIMEOUT_S 15

struct client {
	int fd;
	FILE *in;
	char *line; /* getline's */
	size_t line_size;
	json_int_t last_id;
	char path[108];
};

static int connect_error(const char *path, int rc, struct error *err)
{
	switch (rc) {
	case -ENOENT:
		return error_set(err, rc,
			"%s: no such socket; start mcswitch, or name its control_socket with "
			"--socket",
			path);
	case -ECONNREFUSED:
		return error_set(
			err, rc, "%s: nobody answers; mcswitch has ended, start it again", path);
	case -EACCES:
		return error_set(err, rc,
			"%s: permission denied; run as root or as a member of the socket's group",
			path);
	default:
		return error_set(err, rc, "%s: cannot connect: %s", path, strerror(-rc));
	}
}

/* A switch that hangs must not hang us; watch lifts the limit. */
static void timeout_set(int fd, time_t seconds)
{
	const struct timeval tv = {.tv_sec = seconds};

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
}

static int socket_connect(const char *path, struct error *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd, rc;

	if (strlen(path) >= sizeof(address.sun_path))
		return error_set(err, -ENAMETOOLONG, "%s: too long for the path of a socket", path);
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return error_set(err, -errno, "socket: %s", strerror(errno));
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	rc = -errno;
	close(fd);
	return connect_error(path, rc, err);
}

int client_open(const char *path, struct client **out, struct error *err)
{
	struct client *c;
	int fd;

	fd = socket_connect(path, err);
	if (fd < 0)
		return fd;
	timeout_set(fd, ANSWER_TIMEOUT_S);
	c = calloc(1, sizeof(*c));
	if (c != NULL)
		c->in = fdopen(fd, "r");
	if (c == NULL || c->in == NULL) {
		free(c);
		close(fd);
		return error_set(err, -ENOMEM, "no memory");
	}
	c->fd = fd;
	strcpy(c->path, path);
	*out = c;
	return 0;
}

int client_fd(const struct client *c)
{
	return c->fd;
}

void client_close(struct client *c)
{
	if (c == NULL)
		return;
	fclose(c->in);
	free(c->line);
	free(c);
}

/* A peer that has hung up may have said why: the answer is read all the same. */
static int line_send(struct client *c, const char *line, size_t size, struct error *err)
{
	while (size > 0) {
		ssize_t n = send(c->fd, line, size, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EPIPE || errno == ECONNRESET))
			return 0;
		if (n < 0)
			return error_set(
				err, -errno, "%s: cannot send: %s", c->path, strerror(errno));
		line += n;
		size -= (size_t)n;
	}
	return 0;
}

/* getline; the reset of a peer that closed without reading all comes before what it wrote. */
static ssize_t line_get(struct client *c)
{
	ssize_t n;

	errno = 0;
	n = getline(&c->line, &c->line_size, c->in);
	if (n >= 0 || errno != ECONNRESET)
		return n;
	clearerr(c->in);
	errno = 0;
	return getline(&c->line, &c->line_size, c->in);
}

static int line_read(struct client *c, json_t **json, struct error *err)
{
	json_error_t e;
	ssize_t n;

	n = line_get(c);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return error_set(err, -ETIMEDOUT, "%s: no answer in %d seconds; is mcswitch stuck?",
			c->path, ANSWER_TIMEOUT_S);
	if (n < 0)
		return error_set(
			err, -ECONNRESET, "%s: mcswitch has closed the connection", c->path);
	*json = json_loadb(c->line, (size_t)n, 0, &e);
	if (*json == NULL)
		return error_set(err, -EPROTO, "%s: the answer is not JSON: %s", c->path, e.text);
	return 0;
}

static int request_send(struct client *c, const char *method, json_t *params, struct error *err)
{
	json_t *request = json_pack("{s:s, s:I, s:s, s:o}", "jsonrpc", "2.0", "id", ++c->last_id,
		"method", method, "params", params);
	char *line = json_dumps(request, JSON_COMPACT);
	int rc;

	json_decref(request);
	if (line == NULL)
		return error_set(err, -EREMOTE, "a word is not UTF-8");
	rc = line_send(c, line, strlen(line), err);
	if (rc == 0)
		rc = line_send(c, "\n", 1, err);
	free(line);
	return rc;
}

/* Is it our answer, or a refusal that could not be told whose? Not a notification. */
static bool answers(const struct client *c, const json_t *json)
{
	const json_t *id = json_object_get(json, "id");

	return json_integer_value(id) == c->last_id || json_is_null(id);
}

int client_call(
	struct client *c, const char *method, json_t *params, json_t **result, struct error *err)
{
	json_t *json, *error;
	const char *message;
	int rc;

	rc = request_send(c, method, params, err);
	while (rc == 0) {
		rc = line_read(c, &json, err);
		if (rc == 0 && answers(c, json))
			break;
		if (rc == 0)
			json_decref(json);
	}
	if (rc < 0)
		return rc;
	error = json_object_get(json, "error");
	message = json_string_value(json_object_get(error, "message"));
	*result = json_incref(json_object_get(json, "result"));
	if (error != NULL)
		rc = error_set(err, -EREMOTE, "%s", message != NULL ? message : "refused");
	else if (*result == NULL)
		rc = error_set(err, -EPROTO, "%s: the answer holds no result", c->path);
	json_decref(json);
	return rc;
}

int client_wait(struct client *c, json_t **params, struct error *err)
{
	json_t *json;
	int rc;

	timeout_set(c->fd, 0);
	do {
		rc = line_read(c, &json, err);
		if (rc < 0)
			return rc;
		*params = json_incref(json_object_get(json, "params"));
		json_decref(json);
	} while (*params == NULL);
	return 0;
}

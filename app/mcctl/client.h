/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MCCTL_CLIENT_H
#define MCCTL_CLIENT_H

#include <jansson.h>

#include "base/error.h"

/* A connection to the switch: requests one at a time, and the notifications in between. */
struct client;

/* 0, or a negative errno with a sentence that names the socket and what to do. */
int client_open(const char *path, struct client **out, struct error *err);
int client_fd(const struct client *c); /* the socket */
void client_close(struct client *c);   /* NULL is fine */

/* Ask and wait for the answer; takes params. 0 and a result that is the caller's; -EREMOTE when the
 * switch refused (err is its reason); another negative errno when it went away. */
int client_call(
	struct client *c, const char *method, json_t *params, json_t **result, struct error *err);

/* Wait for the next notification, without end. 0 and its params, the caller's; a negative errno. */
int client_wait(struct client *c, json_t **params, struct error *err);

#endif

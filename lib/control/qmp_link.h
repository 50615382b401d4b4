/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_QMP_LINK_H
#define CONTROL_QMP_LINK_H

#include <event2/event.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

/*
 * A connection to a QMP socket that comes back by itself: JSON objects, one a line. The peer is not
 * trusted: a line is at most QMP_LINK_MAX_LINE octets, lines at most QMP_LINK_MAX_RATE a second, and
 * what is waited for comes within QMP_LINK_REPLY_MS; else the connection ends, and the next attempt
 * waits twice as long. Nothing here blocks.
 */
#define QMP_LINK_MAX_LINE (1u << 20)
#define QMP_LINK_MAX_RATE 1000
#define QMP_LINK_REPLY_MS 5000

struct bufferevent;
struct qmp_link;

struct qmp_link_owner {
	void *ctx;
	void (*opened)(void *ctx);
	/* A line. It may call qmp_link_fail. */
	void (*object)(void *ctx, const json_t *object);
	/* The connection is gone, or none was made. why: for people. */
	void (*closed)(void *ctx, const char *why);
};

struct qmp_link {
	struct event_base *base;
	struct qmp_link_owner owner;
	const char *path; /* the caller's */
	struct bufferevent *bev;
	struct event *deadline, *retry;
	uint32_t backoff_ms;
	bool faulty; /* the last connection broke the rules: no attempt ahead of time */
	nsec opened_at;
	size_t searched;  /* octets of the input known to hold no newline */
	nsec second_from; /* lines are counted by the second */
	unsigned int n_lines;
};

/* Begin to connect. 0 or -ENOMEM. */
int qmp_link_init(struct qmp_link *l, struct event_base *base, const char *path,
	const struct qmp_link_owner *owner);
/* The owner is not told. Fine after a failed init. */
void qmp_link_fini(struct qmp_link *l);

/* There is reason to think that the peer is there now. */
void qmp_link_hurry(struct qmp_link *l);

/* Send an object (stolen) and expect an answer in time. False: the link has failed. */
bool qmp_link_ask(struct qmp_link *l, json_t *object);
/* The answer is here. */
void qmp_link_answered(struct qmp_link *l);
/* The peer breaks the rules: end the connection. */
void qmp_link_fail(struct qmp_link *l, const char *why);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef API_SESSION_H
#define API_SESSION_H

#include <stdbool.h>
#include <stddef.h>

#include "api/methods.h"

/*
 * One client. It has at most one request at work; the next is read when its answer is written, and
 * each step of work is one turn of the event loop. So a hundred requests in one write, or an answer
 * of a hundred thousand rows, cost everybody else a fraction of a millisecond a turn.
 */
struct bufferevent;
struct evbuffer;
struct event;
struct event_base;
struct session;

struct session_list {
	struct session *first;
	unsigned int n;
};

struct session {
	struct session *next, **pprev;
	struct session_list *list;
	struct caller caller;
	enum rpc_role role;
	struct bufferevent *bev;
	struct event *step;      /* the next piece of work, in the next turn */
	struct rpc_reply *reply; /* being written */
	struct evbuffer *held;   /* events that wait for its end: lines do not mix */
	bool ended;  /* no request will follow: the peer closed, or broke the protocol */
	bool broken; /* over a bound; freed at the next step */
};

/* Takes fd, closed also on failure. 0 or -ENOMEM. */
int session_create(struct session_list *list, struct event_base *base, int fd, enum rpc_role role,
	const struct caller *caller);
void session_destroy(struct session *s);

/* Of a caller that is a session's. */
struct session *session_of(struct caller *who);

/* Would size octets more be taken? */
bool session_has_room(const struct session *s, size_t size);

/* Close it at the next step. */
void session_break(struct session *s);

/* A notification's line; false: not taken, there is no room. May be called from inside its own request. */
bool session_send(struct session *s, const char *line, size_t size);

/* The same for a client that watches. May be called from inside its own request. */
void session_tell(struct session *s, const char *line, size_t size);

#endif

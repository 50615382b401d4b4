/* SPDX-License-Identifier: BSD-3-Clause */
#include "api/http_limit.h"

#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>

/*
 * The server gets the bufferevent of each connection from us, and we keep a reference of our own: so
 * the descriptor stays open, and nobody else's, until we have seen that the server let it go, which
 * takes its callbacks away.
 */
struct connection {
	struct bufferevent *bev; /* NULL: free */
	unsigned int age;        /* in looks, one a second */
};

struct http_limit {
	struct event_base *base;
	struct evconnlistener *listener;
	struct event *look;
	struct connection connection[HTTP_LIMIT_CONNECTIONS];
};

static bool is_let_go(struct bufferevent *bev)
{
	bufferevent_event_cb event;

	bufferevent_getcb(bev, NULL, NULL, &event, NULL);
	return event == NULL;
}

static void let_go(struct connection *c)
{
	bufferevent_decref(c->bev);
	c->bev = NULL;
}

/* Returns how many may still come. */
static unsigned int sweep(struct http_limit *l)
{
	unsigned int n_free = 0;

	for (unsigned int i = 0; i < HTTP_LIMIT_CONNECTIONS; i++) {
		struct connection *c = &l->connection[i];

		if (c->bev != NULL && is_let_go(c->bev))
			let_go(c);
		n_free += c->bev == NULL;
	}
	return n_free;
}

static void look(evutil_socket_t fd, short what, void *ctx)
{
	struct http_limit *l = ctx;

	for (unsigned int i = 0; i < HTTP_LIMIT_CONNECTIONS; i++) {
		struct connection *c = &l->connection[i];

		/* The server sees the end of the stream and does the rest. */
		if (c->bev != NULL && ++c->age > HTTP_LIMIT_AGE_S && bufferevent_getfd(c->bev) >= 0)
			shutdown(bufferevent_getfd(c->bev), SHUT_RDWR);
	}
	if (sweep(l) > 0)
		evconnlistener_enable(l->listener);
}

/* A connection was accepted; the server enables what we give it. NULL: it makes one of its own. */
static struct bufferevent *connection_begin(struct event_base *base, void *ctx)
{
	struct http_limit *l = ctx;
	struct bufferevent *bev = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
	unsigned int n_free = sweep(l);

	if (n_free <= 1) /* this one takes it */
		evconnlistener_disable(l->listener);
	for (unsigned int i = 0; bev != NULL && i < HTTP_LIMIT_CONNECTIONS; i++) {
		if (l->connection[i].bev != NULL)
			continue;
		bufferevent_incref(bev);
		l->connection[i] = (struct connection){.bev = bev};
		break;
	}
	return bev;
}

struct http_limit *http_limit_create(
	struct event_base *base, struct evhttp *http, struct evconnlistener *listener)
{
	static const struct timeval second = {.tv_sec = 1};
	struct http_limit *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return NULL;
	l->base = base;
	l->listener = listener;
	l->look = event_new(base, -1, EV_PERSIST, look, l);
	if (l->look == NULL || event_add(l->look, &second) < 0) {
		http_limit_destroy(l);
		return NULL;
	}
	evhttp_set_bevcb(http, connection_begin, l);
	return l;
}

void http_limit_destroy(struct http_limit *l)
{
	if (l == NULL)
		return;
	if (l->look != NULL)
		event_free(l->look);
	for (unsigned int i = 0; i < HTTP_LIMIT_CONNECTIONS; i++) {
		if (l->connection[i].bev != NULL)
			let_go(&l->connection[i]);
	}
	free(l);
}

/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef API_HTTP_LIMIT_H
#define API_HTTP_LIMIT_H

/*
 * At most HTTP_LIMIT_CONNECTIONS at once, each at most HTTP_LIMIT_AGE_S old: libevent's HTTP server
 * takes as many as come and keeps one for as long as a byte arrives now and then. Over the limit
 * nobody is accepted: who waits in the listener's queue is taken when there is room again.
 */
struct event_base;
struct evconnlistener;
struct evhttp;
struct http_limit;

#define HTTP_LIMIT_CONNECTIONS 16
#define HTTP_LIMIT_AGE_S       30

/* Of this server and its one listener, which outlive it. NULL: no memory. */
struct http_limit *http_limit_create(
	struct event_base *base, struct evhttp *http, struct evconnlistener *listener);
void http_limit_destroy(struct http_limit *l); /* NULL is fine */

#endif

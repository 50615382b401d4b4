/* SPDX-License-Identifier: BSD-3-Clause */
#include "api/metrics.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <event2/util.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/access.h"
#include "api/families.h"
#include "api/http_limit.h"
#include "api/socket.h"
#include "conf/conf.h"
#include "control/control.h"

#define BACKLOG     16
#define TIMEOUT_S   10
#define MAX_HEADERS 8192

struct metrics {
	struct control *control;
	struct evhttp *http;
	struct http_limit *limit;
	struct access access;
	struct socket_listener socket; /* fd -1: an address */
	struct page *pages;            /* answers on their way */
};

/* One answer on its way. */
struct page {
	struct page *next, **pprev;
	struct evhttp_request *request;
	struct evbuffer *piece;
	struct families_walk walk;
};

static void page_free(struct page *p)
{
	*p->pprev = p->next;
	if (p->next != NULL)
		p->next->pprev = p->pprev;
	families_end(&p->walk);
	evbuffer_free(p->piece);
	free(p);
}

/* The client has gone. Where the connection failed, the server has left the request to us. */
static void client_gone(struct evhttp_connection *connection, void *ctx)
{
	struct page *p = ctx;

	if (evhttp_request_get_connection(p->request) == NULL)
		evhttp_request_free(p->request);
	page_free(p);
}

/* The piece before is with the kernel. */
static void piece_send(struct evhttp_connection *connection, void *ctx)
{
	struct page *p = ctx;

	if (p->walk.next == NULL) {
		evhttp_connection_set_closecb(
			evhttp_request_get_connection(p->request), NULL, NULL);
		evhttp_send_reply_end(p->request);
		page_free(p);
		return;
	}
	families_write(&p->walk);
	if (evbuffer_get_length(p->piece) > 0)
		evhttp_send_reply_chunk_with_cb(p->request, p->piece, piece_send, p);
}

static struct page *page_begin(struct metrics *m, struct evhttp_request *request, bool openmetrics)
{
	struct page *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	p->request = request;
	p->piece = evbuffer_new();
	if (p->piece == NULL || families_begin(&p->walk, m->control, p->piece, openmetrics) < 0) {
		if (p->piece != NULL)
			evbuffer_free(p->piece);
		free(p);
		return NULL;
	}
	p->next = m->pages;
	p->pprev = &m->pages;
	if (p->next != NULL)
		p->next->pprev = &p->next;
	m->pages = p;
	return p;
}

/* At an address nobody is asked who he is. */
static bool may_read(const struct metrics *m, struct evhttp_request *request)
{
	struct bufferevent *bev =
		evhttp_connection_get_bufferevent(evhttp_request_get_connection(request));

	return m->socket.fd < 0 || access_of(&m->access, bufferevent_getfd(bev)) != ACCESS_NONE;
}

static void asked(struct evhttp_request *request, void *ctx)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
	const char *accept =
		evhttp_find_header(evhttp_request_get_input_headers(request), "Accept");
	bool openmetrics = accept != NULL && strstr(accept, "application/openmetrics-text") != NULL;
	struct page *p;

	if (!may_read(ctx, request)) {
		evhttp_send_error(request, 403, "neither owner nor in a group that may look");
		return;
	}
	evhttp_add_header(headers, "Content-Type",
		openmetrics ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
			    : "text/plain; version=0.0.4; charset=utf-8");
	if (evhttp_request_get_command(request) == EVHTTP_REQ_HEAD) {
		evhttp_send_reply(request, HTTP_OK, "OK", NULL);
		return;
	}
	p = page_begin(ctx, request, openmetrics);
	if (p == NULL) {
		evhttp_send_error(request, HTTP_INTERNAL, "no memory");
		return;
	}
	evhttp_connection_set_closecb(evhttp_request_get_connection(request), client_gone, p);
	evhttp_send_reply_start(request, HTTP_OK, "OK");
	piece_send(NULL, p);
}

static struct evhttp *http_create(struct metrics *m)
{
	struct evhttp *http = evhttp_new(control_event_base(m->control));

	if (http == NULL)
		return NULL;
	evhttp_set_timeout(http, TIMEOUT_S);
	evhttp_set_max_headers_size(http, MAX_HEADERS);
	evhttp_set_max_body_size(http, 0);
	evhttp_set_allowed_methods(http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD);
	if (evhttp_set_cb(http, "/metrics", asked, m) == 0)
		return http;
	evhttp_free(http);
	return NULL;
}

#define LISTEN_FLAGS (LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC)

static struct evconnlistener *path_listen(struct metrics *m, const char *path, struct error *err)
{
	struct evconnlistener *l = NULL;

	if (access_resolve(&control_conf(m->control)->control, &m->access, err) < 0 ||
		socket_listen(path, BACKLOG, &m->socket, err) < 0)
		return NULL;
	if (access_apply(&m->access, path, err) < 0)
		goto close_socket;
	l = evconnlistener_new(
		control_event_base(m->control), NULL, NULL, LISTEN_FLAGS, 0, m->socket.fd);
	if (l != NULL)
		return l;
	error_set(err, -ENOMEM, "metrics: no memory");

close_socket:
	socket_unlink(&m->socket);
	close(m->socket.fd);
	m->socket.fd = -1;
	return NULL;
}

static struct evconnlistener *address_listen(struct metrics *m, const char *text, struct error *err)
{
	struct sockaddr_storage address;
	int size = sizeof(address);
	struct evconnlistener *l = NULL;

	memset(&address, 0, sizeof(address));
	if (evutil_parse_sockaddr_port(text, (struct sockaddr *)&address, &size) == 0)
		l = evconnlistener_new_bind(control_event_base(m->control), NULL, NULL,
			LISTEN_FLAGS | LEV_OPT_REUSEABLE, BACKLOG, (struct sockaddr *)&address,
			size);
	if (l == NULL)
		error_set(err, -EADDRNOTAVAIL, "metrics: cannot listen at %s: %s", text,
			strerror(errno));
	return l;
}

struct metrics *metrics_create(struct control *c, struct error *err)
{
	const char *where = control_conf(c)->metrics.listen;
	struct metrics *m = calloc(1, sizeof(*m));
	struct evconnlistener *l;

	if (m == NULL)
		goto no_memory;
	m->control = c;
	m->socket.fd = -1;
	m->http = http_create(m);
	if (m->http == NULL)
		goto no_memory;
	l = where[0] == '/' ? path_listen(m, where, err) : address_listen(m, where, err);
	if (l == NULL) {
		metrics_destroy(m);
		return NULL;
	}
	if (evhttp_bind_listener(m->http, l) == NULL) {
		evconnlistener_free(l);
		goto no_memory;
	}
	m->limit = http_limit_create(control_event_base(c), m->http, l);
	if (m->limit != NULL)
		return m;

no_memory:
	metrics_destroy(m);
	error_set(err, -ENOMEM, "metrics: no memory");
	return NULL;
}

void metrics_destroy(struct metrics *m)
{
	if (m == NULL)
		return;
	if (m->socket.fd >= 0)
		socket_unlink(&m->socket);
	while (m->pages != NULL) {
		evhttp_connection_set_closecb(
			evhttp_request_get_connection(m->pages->request), NULL, NULL);
		page_free(m->pages);
	}
	if (m->http != NULL)
		evhttp_free(m->http);
	http_limit_destroy(m->limit);
	free(m);
}

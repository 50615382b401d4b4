/* SPDX-License-Identifier: BSD-3-Clause */
#include "api/api.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/access.h"
#include "api/session.h"
#include "api/socket.h"
#include "conf/conf.h"
#include "control/control.h"

struct api {
	struct control *control;
	struct control_watcher watcher; /* one for all clients: it comes and goes with the server */
	struct access access;
	struct socket_listener socket;
	struct evconnlistener *listener;
	struct event *resume; /* accept again, after there was no room for another fd */
	struct session_list sessions;
	size_t snapshots_size;
};

static struct api *api_of(struct control_watcher *w)
{
	return (struct api *)((char *)w - offsetof(struct api, watcher));
}

static void told(struct control_watcher *w, const struct control_event *e)
{
	struct api *a = api_of(w);
	bool wanted = false;
	char *line;

	for (struct session *s = a->sessions.first; s != NULL; s = s->next)
		wanted |= s->caller.watching;
	if (!wanted)
		return;
	line = rpc_notification("event", event_json(e));
	if (line == NULL)
		return;
	for (struct session *s = a->sessions.first; s != NULL; s = s->next)
		session_tell(s, line, strlen(line));
	free(line);
}

#define REFUSAL(code, sentence)                                                                 \
	"{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":" code ",\"message\":\"" sentence \
	"\"}}\n"

/* Told, if its socket takes the line at once, as an empty one does. */
static void refuse(int fd, const char *line)
{
	ssize_t n = send(fd, line, strlen(line), MSG_DONTWAIT | MSG_NOSIGNAL);

	(void)n;
	close(fd);
}

static void accepted(
	struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *address, int size, void *ctx)
{
	struct api *a = ctx;
	const struct caller caller = {.control = a->control, .snapshots_size = &a->snapshots_size};
	enum access_verdict verdict = access_of(&a->access, fd);

	if (verdict == ACCESS_NONE)
		refuse(fd,
			REFUSAL("-32000", "neither owner nor in a group that may use the switch"));
	else if (a->sessions.n >= API_MAX_CLIENTS)
		refuse(fd, REFUSAL("-32000", "the switch serves 64 clients already"));
	else
		session_create(&a->sessions, control_event_base(a->control), fd,
			verdict == ACCESS_WRITE ? RPC_WRITE : RPC_READ, &caller);
}

/* No fd left: the connection stays pending and would wake the loop at once, so pause. */
static void accept_failed(struct evconnlistener *l, void *ctx)
{
	struct api *a = ctx;

	evconnlistener_disable(l);
	event_add(a->resume, &(struct timeval){.tv_sec = 1});
}

static void resume(evutil_socket_t fd, short what, void *ctx)
{
	struct api *a = ctx;

	evconnlistener_enable(a->listener);
}

static void ignore_sigpipe(void)
{
	struct sigaction now;

	if (sigaction(SIGPIPE, NULL, &now) == 0 && now.sa_handler == SIG_DFL)
		signal(SIGPIPE, SIG_IGN);
}

struct api *api_create(struct control *c, const char *socket_path, struct error *err)
{
	struct event_base *base = control_event_base(c);
	struct api *a = calloc(1, sizeof(*a));

	if (a == NULL)
		goto no_memory;
	a->control = c;
	a->watcher.told = told;
	a->resume = evtimer_new(base, resume, a);
	if (a->resume == NULL)
		goto free_api;
	if (access_resolve(&control_conf(c)->control, &a->access, err) < 0 ||
		socket_listen(socket_path, API_MAX_CLIENTS, &a->socket, err) < 0) {
		event_free(a->resume);
		free(a);
		return NULL;
	}
	if (access_apply(&a->access, socket_path, err) < 0) {
		socket_unlink(&a->socket);
		close(a->socket.fd);
		event_free(a->resume);
		free(a);
		return NULL;
	}
	a->listener = evconnlistener_new(
		base, accepted, a, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, a->socket.fd);
	if (a->listener == NULL)
		goto close_socket;
	evconnlistener_set_error_cb(a->listener, accept_failed);
	ignore_sigpipe();
	control_watch(c, &a->watcher);
	return a;

close_socket:
	socket_unlink(&a->socket);
	close(a->socket.fd);
	event_free(a->resume);
free_api:
	free(a);
no_memory:
	error_set(err, -ENOMEM, "%s: no memory for the control socket", socket_path);
	return NULL;
}

void api_destroy(struct api *a)
{
	if (a == NULL)
		return;
	control_unwatch(a->control, &a->watcher);
	socket_unlink(&a->socket);
	evconnlistener_free(a->listener);
	event_free(a->resume);
	while (a->sessions.first != NULL)
		session_destroy(a->sessions.first);
	free(a);
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include "api/session.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <stdlib.h>
#include <unistd.h>

#include "api/api.h"
#include "control/control.h"

static void wake(struct session *s)
{
	static const struct timeval now;

	/* To add it again would put it off, for as long as somebody keeps doing so. */
	if (!event_pending(s->step, EV_TIMEOUT, NULL))
		event_add(s->step, &now);
}

static size_t input_size(const struct session *s)
{
	return evbuffer_get_length(bufferevent_get_input(s->bev));
}

static size_t output_size(const struct session *s)
{
	return evbuffer_get_length(bufferevent_get_output(s->bev));
}

/* Is told things without asking, and so may be silent. */
static bool listens(const struct session *s)
{
	return s->caller.watching || s->caller.capturing;
}

static int piece_write(const char *data, size_t size, void *ctx)
{
	return evbuffer_add(ctx, data, size);
}

/* The rest of the input without a newline is a line too once the peer has closed. */
static char *line_take(struct session *s, size_t *size)
{
	struct evbuffer *input = bufferevent_get_input(s->bev);
	char *line = evbuffer_readln(input, size, EVBUFFER_EOL_LF);

	if (line != NULL || !s->ended || evbuffer_get_length(input) == 0)
		return line;
	*size = evbuffer_get_length(input);
	line = malloc(*size);
	if (line != NULL)
		evbuffer_remove(input, line, *size);
	return line;
}

static bool line_blank(const char *line, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (line[i] != ' ' && line[i] != '\t' && line[i] != '\r')
			return false;
	}
	return true;
}

static void input_refuse(struct session *s)
{
	s->reply = rpc_reply_error(RPC_INVALID_REQUEST, "a request is at most 65536 bytes");
	s->ended = true;
	bufferevent_disable(s->bev, EV_READ);
	evbuffer_drain(bufferevent_get_input(s->bev), input_size(s));
}

/* Take one request, if there is one. False: there is none yet. */
static bool request_take(struct session *s)
{
	const struct rpc_session rpc = {methods_table(), s->role, &s->caller};
	size_t size;
	char *line = line_take(s, &size);

	if (line == NULL) {
		if (input_size(s) <= RPC_MAX_LINE)
			return false;
		input_refuse(s);
		return true;
	}
	if (!s->ended && input_size(s) <= RPC_MAX_LINE)
		bufferevent_enable(s->bev, EV_READ);
	if (!line_blank(line, size) && rpc_handle(&rpc, line, size, &s->reply) < 0)
		s->broken = true;
	if (listens(s))
		bufferevent_set_timeouts(
			s->bev, NULL, &(struct timeval){.tv_sec = API_WRITE_TIMEOUT_S});
	free(line);
	return true;
}

static void reply_continue(struct session *s)
{
	struct evbuffer *output = bufferevent_get_output(s->bev);
	int rc = rpc_reply_write(s->reply, piece_write, output);

	if (rc > 0)
		return;
	rpc_reply_free(s->reply);
	s->reply = NULL;
	if (rc < 0)
		s->broken = true;
	evbuffer_add_buffer(output, s->held);
}

static void step(evutil_socket_t fd, short what, void *ctx)
{
	struct session *s = ctx;
	bool more = true;

	if (!s->broken && output_size(s) > API_OUTPUT_MARK)
		return; /* writable will go on */
	if (!s->broken && s->reply == NULL)
		more = request_take(s);
	if (!s->broken && s->reply != NULL)
		reply_continue(s);
	if (s->broken || (!more && s->ended && output_size(s) == 0)) {
		session_destroy(s);
		return;
	}
	if (more)
		wake(s);
}

static void readable(struct bufferevent *bev, void *ctx)
{
	struct session *s = ctx;

	/* Not libevent's high watermark: above it this would be called turn after turn. */
	if (input_size(s) > RPC_MAX_LINE)
		bufferevent_disable(bev, EV_READ);
	wake(s);
}

static void writable(struct bufferevent *bev, void *ctx)
{
	wake(ctx);
}

static void closed_or_late(struct bufferevent *bev, short what, void *ctx)
{
	struct session *s = ctx;
	bool busy = s->reply != NULL || output_size(s) > 0;

	if (what & BEV_EVENT_EOF) {
		s->ended = true;
		if (s->caller.capturing)
			control_capture_stop(s->caller.control);
		wake(s);
	} else if ((what & BEV_EVENT_TIMEOUT) && (what & BEV_EVENT_READING) &&
		   (busy || listens(s))) {
		bufferevent_enable(bev, EV_READ);
	} else {
		session_destroy(s);
	}
}

static void list_add(struct session_list *list, struct session *s)
{
	s->list = list;
	s->next = list->first;
	s->pprev = &list->first;
	if (s->next != NULL)
		s->next->pprev = &s->next;
	list->first = s;
	list->n++;
}

int session_create(struct session_list *list, struct event_base *base, int fd, enum rpc_role role,
	const struct caller *caller)
{
	struct session *s = calloc(1, sizeof(*s));

	if (s == NULL)
		goto close_fd;
	s->caller = *caller;
	s->role = role;
	s->held = evbuffer_new();
	if (s->held == NULL)
		goto free_session;
	s->step = evtimer_new(base, step, s);
	if (s->step == NULL)
		goto free_held;
	s->bev = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (s->bev == NULL)
		goto free_step;
	list_add(list, s);
	bufferevent_setcb(s->bev, readable, writable, closed_or_late, s);
	bufferevent_setwatermark(s->bev, EV_WRITE, API_OUTPUT_MARK / 2, 0);
	bufferevent_set_timeouts(s->bev, &(struct timeval){.tv_sec = API_IDLE_TIMEOUT_S},
		&(struct timeval){.tv_sec = API_WRITE_TIMEOUT_S});
	bufferevent_enable(s->bev, EV_READ | EV_WRITE);
	return 0;

free_step:
	event_free(s->step);
free_held:
	evbuffer_free(s->held);
free_session:
	free(s);
close_fd:
	close(fd);
	return -ENOMEM;
}

void session_destroy(struct session *s)
{
	if (s == NULL)
		return;
	*s->pprev = s->next;
	if (s->next != NULL)
		s->next->pprev = s->pprev;
	s->list->n--;
	if (s->caller.capturing)
		control_capture_abort(s->caller.control);
	rpc_reply_free(s->reply);
	bufferevent_free(s->bev);
	event_free(s->step);
	evbuffer_free(s->held);
	free(s);
}

struct session *session_of(struct caller *who)
{
	return (struct session *)((char *)who - offsetof(struct session, caller));
}

static struct evbuffer *lines_go(const struct session *s)
{
	return s->reply != NULL ? s->held : bufferevent_get_output(s->bev);
}

bool session_has_room(const struct session *s, size_t size)
{
	return !s->broken && evbuffer_get_length(lines_go(s)) + size <= API_OUTPUT_MARK;
}

void session_break(struct session *s)
{
	s->broken = true;
	wake(s);
}

bool session_send(struct session *s, const char *line, size_t size)
{
	return session_has_room(s, size) && evbuffer_add(lines_go(s), line, size) == 0;
}

void session_tell(struct session *s, const char *line, size_t size)
{
	if (s->caller.watching && !s->broken && !session_send(s, line, size))
		session_break(s);
}

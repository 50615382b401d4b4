/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/qmp_link.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/control_private.h"

#define RETRY_FIRST_MS   50
#define RETRY_ABSENT_MS  250   /* nobody is there: to look costs next to nothing */
#define RETRY_FAULTY_MS  30000 /* somebody is, and breaks the rules */
#define CALM_MS          10000 /* a connection that lasted this long was a good one */
#define LINES_A_CALLBACK 32    /* then others have their turn */

static void timer_set(struct event *timer, uint32_t ms)
{
	event_add(timer, &(struct timeval){.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000});
}

static void wait_longer(struct qmp_link *l)
{
	uint32_t most = l->faulty ? RETRY_FAULTY_MS : RETRY_ABSENT_MS;
	uint32_t least = l->faulty ? RETRY_ABSENT_MS : RETRY_FIRST_MS;

	timer_set(l->retry, l->backoff_ms < least ? least : l->backoff_ms);
	l->backoff_ms = l->backoff_ms < least ? 2 * least : 2 * l->backoff_ms;
	if (l->backoff_ms > most)
		l->backoff_ms = most;
}

static void disconnect(struct qmp_link *l, bool faulty, const char *why)
{
	if (l->bev != NULL)
		bufferevent_free(l->bev);
	l->bev = NULL;
	event_del(l->deadline);
	l->faulty = faulty;
	wait_longer(l);
	l->owner.closed(l->owner.ctx, why);
}

void qmp_link_fail(struct qmp_link *l, const char *why)
{
	disconnect(l, true, why);
}

/* --- lines --- */

static bool rate_is_exceeded(struct qmp_link *l)
{
	nsec now = ctl_clock();

	if (now - l->second_from >= NSEC_PER_SEC) {
		l->second_from = now;
		l->n_lines = 0;
	}
	return ++l->n_lines > QMP_LINK_MAX_RATE;
}

/* Octets of the first line with its newline, 0: there is none yet. */
static size_t line_find(struct qmp_link *l, struct evbuffer *input)
{
	struct evbuffer_ptr from, at;

	if (evbuffer_ptr_set(input, &from, l->searched, EVBUFFER_PTR_SET) < 0)
		return 0;
	at = evbuffer_search(input, "\n", 1, &from);
	if (at.pos >= 0)
		return (size_t)at.pos + 1;
	l->searched = evbuffer_get_length(input);
	return 0;
}

static void line_handle(struct qmp_link *l, struct evbuffer *input, size_t size)
{
	const char *text = (const char *)evbuffer_pullup(input, (ev_ssize_t)size);
	json_t *object = text != NULL ? json_loadb(text, size, 0, NULL) : NULL;

	evbuffer_drain(input, size);
	l->searched = 0;
	if (!json_is_object(object))
		qmp_link_fail(l, "what came is no JSON object");
	else if (rate_is_exceeded(l))
		qmp_link_fail(l, "more lines than anybody can want");
	else
		l->owner.object(l->owner.ctx, object);
	json_decref(object);
}

static void readable(struct bufferevent *bev, void *ctx)
{
	struct qmp_link *l = ctx;
	struct evbuffer *input = bufferevent_get_input(bev);

	for (unsigned int i = 0; i < LINES_A_CALLBACK; i++) {
		size_t size = line_find(l, input);

		if (size == 0 && evbuffer_get_length(input) >= QMP_LINK_MAX_LINE)
			qmp_link_fail(l, "a line longer than 1 MiB");
		if (size == 0)
			return;
		line_handle(l, input, size);
		if (l->bev != bev) /* it has failed */
			return;
	}
	bufferevent_trigger(bev, EV_READ, BEV_OPT_DEFER_CALLBACKS | BEV_TRIG_IGNORE_WATERMARKS);
}

static void ended(struct bufferevent *bev, short what, void *ctx)
{
	struct qmp_link *l = ctx;

	if (ctl_clock() - l->opened_at >= nsec_from_ms(CALM_MS))
		l->backoff_ms = 0;
	disconnect(l, false, what & BEV_EVENT_EOF ? "closed by QEMU" : "the connection broke");
}

/* --- the connection --- */

static int unix_connect(const char *path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd, rc;

	if (strlen(path) >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	memcpy(addr.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0)
		return fd;
	rc = -errno;
	close(fd);
	return rc;
}

static void attempt(evutil_socket_t unused, short what, void *ctx)
{
	struct qmp_link *l = ctx;
	int fd = unix_connect(l->path);

	if (fd < 0) {
		disconnect(l, false, strerror(-fd));
		return;
	}
	l->bev = bufferevent_socket_new(l->base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (l->bev == NULL) {
		close(fd);
		disconnect(l, false, "no memory");
		return;
	}
	l->searched = 0;
	l->n_lines = 0;
	l->opened_at = l->second_from = ctl_clock();
	bufferevent_setcb(l->bev, readable, NULL, ended, l);
	bufferevent_setwatermark(l->bev, EV_READ, 0, QMP_LINK_MAX_LINE);
	bufferevent_enable(l->bev, EV_READ | EV_WRITE);
	timer_set(l->deadline, QMP_LINK_REPLY_MS);
	l->owner.opened(l->owner.ctx);
}

static void too_late(evutil_socket_t unused, short what, void *ctx)
{
	qmp_link_fail(ctx, "no answer in 5 s");
}

bool qmp_link_ask(struct qmp_link *l, json_t *object)
{
	char *text = object != NULL ? json_dumps(object, JSON_COMPACT) : NULL;
	bool sent = text != NULL && bufferevent_write(l->bev, text, strlen(text)) == 0 &&
		    bufferevent_write(l->bev, "\n", 1) == 0;

	json_decref(object);
	free(text);
	if (sent)
		timer_set(l->deadline, QMP_LINK_REPLY_MS);
	else
		disconnect(l, false, "no memory");
	return sent;
}

void qmp_link_answered(struct qmp_link *l)
{
	event_del(l->deadline);
}

void qmp_link_hurry(struct qmp_link *l)
{
	if (l->bev != NULL || l->faulty)
		return;
	l->backoff_ms = 0;
	timer_set(l->retry, 0);
}

int qmp_link_init(struct qmp_link *l, struct event_base *base, const char *path,
	const struct qmp_link_owner *owner)
{
	*l = (struct qmp_link){.base = base, .owner = *owner, .path = path};
	l->deadline = evtimer_new(base, too_late, l);
	l->retry = evtimer_new(base, attempt, l);
	if (l->deadline == NULL || l->retry == NULL)
		return -ENOMEM;
	timer_set(l->retry, 0);
	return 0;
}

void qmp_link_fini(struct qmp_link *l)
{
	if (l->bev != NULL)
		bufferevent_free(l->bev);
	if (l->deadline != NULL)
		event_free(l->deadline);
	if (l->retry != NULL)
		event_free(l->retry);
}

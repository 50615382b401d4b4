/* SPDX-License-Identifier: BSD-3-Clause */
/* The real API over the fake control lcore, as a process: what tests of mcctl talk to. Usage:
 * fake_switch SOCKET. Says "ready" on standard output; SIGUSR1 makes an event; SIGTERM ends it. */
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>

#include "api/api.h"
#include "fake_control.h"

static void happened(evutil_socket_t fd, short what, void *ctx)
{
	fake_control_tell(ctx, "up0 is down");
}

static void asked_to_stop(evutil_socket_t fd, short what, void *ctx)
{
	event_base_loopbreak(ctx);
}

int main(int argc, char **argv)
{
	struct event_base *base = event_base_new();
	struct event *usr1, *term;
	struct control control;
	struct error err;
	struct api *api;

	if (argc != 2 || base == NULL)
		return 1;
	fake_control_init(&control, base);
	api = api_create(&control, argv[1], &err);
	if (api == NULL) {
		fprintf(stderr, "%s\n", err.text);
		return 2;
	}
	usr1 = evsignal_new(base, SIGUSR1, happened, &control);
	term = evsignal_new(base, SIGTERM, asked_to_stop, base);
	event_add(usr1, NULL);
	event_add(term, NULL);
	puts("ready");
	fflush(stdout);
	event_base_dispatch(base);
	event_free(usr1);
	event_free(term);
	api_destroy(api);
	event_base_free(base);
	return 0;
}

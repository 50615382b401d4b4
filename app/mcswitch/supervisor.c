/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor.h"

#include <errno.h>

#include <event2/event.h>
#include <systemd/sd-daemon.h>

#include "conf/conf.h"
#include "control/control.h"
#include "logging.h"

#define LOOK_EVERY_US 1000000 /* where no watchdog waits */
#define LOOKS_A_TERM  4       /* a worker may be off its core for a while, but not for a term */

struct look {
	struct supervisor *supervisor;
	uint64_t turns[WATCHDOG_MAX_WORKERS];
	unsigned int n;
};

static bool core_seen(const struct control_core *core, void *ctx)
{
	struct look *look = ctx;

	if (core->is_control || look->n == WATCHDOG_MAX_WORKERS)
		return true;
	look->supervisor->lcores[look->n] = core->lcore;
	look->turns[look->n++] = core->turns;
	return true;
}

/* Said once when it begins and once when it ends. */
static void still_tell(struct supervisor *s, int still)
{
	if ((still < 0) == (s->still < 0))
		return;
	if (still >= 0)
		logging_say(s->logging, LOG_LEVEL_ERROR, "the worker on lcore %u stands still%s",
			s->lcores[still],
			s->feeds ? "; unless it goes on, the watchdog ends the switch" : "");
	else
		logging_say(s->logging, LOG_LEVEL_INFO, "every worker goes on again");
	s->still = still;
}

static void look_due(evutil_socket_t fd, short what, void *arg)
{
	struct supervisor *s = arg;
	struct look look = {.supervisor = s};
	int still;

	control_cores(s->control, core_seen, &look);
	still = watchdog_look(&s->watchdog, look.turns, look.n);
	still_tell(s, still);
	if (s->feeds && still < 0)
		sd_notify(0, "WATCHDOG=1");
}

int supervisor_begin(
	struct supervisor *s, struct control *control, struct logging *logging, struct error *err)
{
	const struct conf *conf = control_conf(control);
	uint64_t us = 0;
	struct timeval every;

	s->control = control;
	s->logging = logging;
	s->still = -1;
	s->feeds = sd_watchdog_enabled(0, &us) > 0;
	us = s->feeds ? us / LOOKS_A_TERM : LOOK_EVERY_US;
	every = (struct timeval){
		.tv_sec = (time_t)(us / 1000000), .tv_usec = (suseconds_t)(us % 1000000)};
	s->timer = event_new(control_event_base(control), -1, EV_PERSIST, look_due, s);
	if (s->timer == NULL || event_add(s->timer, &every) < 0)
		return error_set(err, -ENOMEM, "no memory");
	sd_notifyf(0, "READY=1\nSTATUS=Serving %zu uplinks and %zu guests", conf->n_uplinks,
		conf->n_guests);
	return 0;
}

void supervisor_end(struct supervisor *s)
{
	if (s->control != NULL)
		sd_notify(0, "STOPPING=1\nSTATUS=Stopping");
	if (s->timer != NULL)
		event_free(s->timer);
	s->timer = NULL;
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "control/control_private.h"

/* What has happened, for people and programs: the last CONTROL_N_EVENTS, and whoever watches. */
const char *ctl_group_format(const struct membership_group *g, char *buf)
{
	return g->is_mac ? mac_format(&g->mac, buf) : ip_format(&g->ip, buf);
}

static uint64_t realtime_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / NSEC_PER_MS;
}

static struct control_event *event_begin(
	struct control *c, const char *type, const struct ctl_port *p, int vlan)
{
	struct control_event *e = &c->events.kept[c->events.next % CONTROL_N_EVENTS];

	memset(e, 0, sizeof(*e));
	e->number = c->events.next++;
	e->at = c->now;
	e->at_realtime_ms = realtime_ms();
	e->type = type;
	e->vlan = vlan;
	if (p != NULL)
		snprintf(e->port, sizeof(e->port), "%s", p->name);
	return e;
}

static void event_tell(struct control *c, const struct control_event *e)
{
	struct control_watcher *w, *next;

	for (w = c->events.watchers; w != NULL; w = next) {
		next = w->next;
		w->told(w, e);
	}
}

void ctl_event(struct control *c, const char *type, const struct ctl_port *p, int vlan,
	const struct membership_group *group, const char *fmt, ...)
{
	struct control_event *e = event_begin(c, type, p, vlan);
	va_list ap;

	if (group != NULL)
		ctl_group_format(group, e->group);
	va_start(ap, fmt);
	vsnprintf(e->text, sizeof(e->text), fmt, ap);
	va_end(ap);
	event_tell(c, e);
}

void ctl_event_migration(struct control *c, const struct ctl_port *p,
	const struct control_migration *m, const char *fmt, ...)
{
	struct control_event *e = event_begin(c, "migration", p, -1);
	va_list ap;

	e->migration = *m;
	va_start(ap, fmt);
	vsnprintf(e->text, sizeof(e->text), fmt, ap);
	va_end(ap);
	event_tell(c, e);
}

void control_events(const struct control *c, uint64_t from,
	bool (*fn)(const struct control_event *e, void *ctx), void *ctx)
{
	uint64_t oldest = c->events.next > CONTROL_N_EVENTS ? c->events.next - CONTROL_N_EVENTS : 1;

	for (uint64_t n = from > oldest ? from : oldest; n < c->events.next; n++) {
		if (!fn(&c->events.kept[n % CONTROL_N_EVENTS], ctx))
			return;
	}
}

void control_watch(struct control *c, struct control_watcher *w)
{
	w->next = c->events.watchers;
	c->events.watchers = w;
}

void control_unwatch(struct control *c, struct control_watcher *w)
{
	struct control_watcher **at;

	for (at = &c->events.watchers; *at != NULL; at = &(*at)->next) {
		if (*at == w) {
			*at = w->next;
			return;
		}
	}
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include "logging.h"

#include <stddef.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <rte_log.h>

static nsec clock_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (nsec)ts.tv_sec * NSEC_PER_SEC + (nsec)ts.tv_nsec;
}

void logging_init(struct logging *l, enum log_level level)
{
	log_init(&l->log, STDERR_FILENO, level,
		log_is_journal(STDERR_FILENO, getenv("JOURNAL_STREAM")));
}

void logging_say(struct logging *l, enum log_level level, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_vwrite(&l->log, clock_now(), level, fmt, ap);
	va_end(ap);
}

/* --- DPDK --- */

static enum log_level level_of_dpdk(void)
{
	int level = rte_log_cur_msg_loglevel();

	if (level <= (int)RTE_LOG_ERR)
		return LOG_LEVEL_ERROR;
	if (level == (int)RTE_LOG_WARNING)
		return LOG_LEVEL_WARNING;
	return level < (int)RTE_LOG_DEBUG ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG;
}

/* DPDK flushes after each message, on the thread that said it. */
static ssize_t dpdk_wrote(void *cookie, const char *text, size_t size)
{
	logging_say(cookie, level_of_dpdk(), "%.*s", (int)size, text);
	return (ssize_t)size;
}

void logging_dpdk_begin(struct logging *l)
{
	const cookie_io_functions_t functions = {.write = dpdk_wrote};

	l->dpdk = fopencookie(l, "w", functions);
	if (l->dpdk != NULL)
		rte_openlog_stream(l->dpdk);
}

void logging_dpdk_end(struct logging *l)
{
	rte_openlog_stream(NULL);
	if (l->dpdk != NULL)
		fclose(l->dpdk);
	l->dpdk = NULL;
}

/* --- events --- */

static void event_told(struct control_watcher *w, const struct control_event *e)
{
	struct logging *l = (struct logging *)((char *)w - offsetof(struct logging, watcher));

	logging_say(l, LOG_LEVEL_INFO, "%s: %s", e->type, e->text);
}

static bool event_kept(const struct control_event *e, void *ctx)
{
	event_told(ctx, e);
	return true;
}

void logging_events_begin(struct logging *l, struct control *control)
{
	l->control = control;
	l->watcher.told = event_told;
	control_events(control, 0, event_kept, &l->watcher);
	control_watch(control, &l->watcher);
}

void logging_events_end(struct logging *l)
{
	if (l->control != NULL)
		control_unwatch(l->control, &l->watcher);
	l->control = NULL;
}

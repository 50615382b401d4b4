/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <time.h>

#include "client.h"
#include "request.h"
#include "show.h"
#include "table.h"

static void event_print(const json_t *event)
{
	const char *type = json_string_value(json_object_get(event, "type"));
	const char *text = json_string_value(json_object_get(event, "text"));
	json_int_t ms = json_integer_value(json_object_get(event, "time_ms"));
	time_t seconds = ms / 1000;
	char when[32], line[512];
	struct tm tm;

	localtime_r(&seconds, &tm);
	strftime(when, sizeof(when), "%F %T", &tm);
	snprintf(line, sizeof(line), "%s.%03d  %-8s  %s", when, (int)(ms % 1000),
		type != NULL ? type : "?", text != NULL ? text : "?");
	table_clean(line);
	puts(line);
}

void show_events(const struct request *r, const json_t *result)
{
	json_t *event;
	size_t i;

	json_array_foreach (result, i, event)
		event_print(event);
	if (i == 0)
		printf("nothing has happened yet\n");
}

/* Until the switch ends, or we are told to. The word on standard error is what a program waits for
 * that acts and wants to see what comes of it: from here on no event is missed. */
int watch_events(const struct request *r, struct client *c, struct error *err)
{
	json_t *event;
	int rc;

	fputs("mcctl: watching; Ctrl-C ends it\n", stderr);
	while ((rc = client_wait(c, &event, err)) == 0) {
		if (r->json) {
			json_dumpf(event, stdout, JSON_COMPACT);
			putchar('\n');
		} else {
			event_print(event);
		}
		json_decref(event);
		fflush(stdout);
	}
	return rc;
}

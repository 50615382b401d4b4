/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "script.h"

/* What a script says must be true, compared as text. */

static bool is_text(struct script *s, const char *is)
{
	const char *expected = script_rest(s);

	if (strcmp(is, expected) == 0)
		return true;
	return script_fail(s, "\n  expected: %s\n  is:       %s", expected, is);
}

/* Take the line that is expected off the lines, wherever it stands: what happens at one time has no
 * order. */
static bool check_line(struct script *s, char *lines)
{
	const char *expected = script_rest(s);
	size_t size = strlen(expected);

	if (strcmp(expected, "nothing") == 0)
		return is_text(s, lines[0] == '\0' ? "nothing" : lines);
	for (char *line = lines; *line != '\0'; line = strchr(line, '\n') + 1) {
		if (strncmp(line, expected, size) != 0 || line[size] != '\n')
			continue;
		memmove(line, line + size + 1, strlen(line + size + 1) + 1);
		return true;
	}
	return is_text(s, lines[0] == '\0' ? "nothing" : lines);
}

static bool check_row(struct script *s)
{
	struct membership_group g;
	char buf[SIM_TEXT];
	uint16_t port;

	if (!script_port(s, script_word(s), &port, NULL) || !script_group(s, &g))
		return false;
	return is_text(s, text_row(s->w, port, &g, buf));
}

static bool check_counter(struct script *s)
{
	const struct membership_counters *c;
	const char *name, *value;
	uint64_t is = 0;
	uint16_t port;

	if (!script_port(s, script_word(s), &port, NULL))
		return false;
	name = script_word(s);
	value = script_word(s);
	if (name == NULL || value == NULL)
		return script_fail(s, "counter PORT NAME VALUE");
	c = membership_port_counters(s->w->m, port);
	if (strcmp(name, "sources_capped") == 0)
		is = c->sources_capped;
	else if (strcmp(name, "odd_ttl") == 0)
		is = c->odd_ttl;
	else if (strcmp(name, "odd_alert") == 0)
		is = c->odd_alert;
	else if (strcmp(name, "pim_rx") == 0)
		is = c->pim_rx;
	else if (strcmp(name, "mrd_rx") == 0)
		is = c->mrd_rx;
	else if (strncmp(name, "reports_rx.", 11) == 0)
		is = c->reports_rx[name[11] == '6'][name[13] - '0'];
	else if (strncmp(name, "queries_rx.", 11) == 0)
		is = c->queries_rx[name[11] == '6'][name[13] - '0'];
	else if (strncmp(name, "queries_tx.", 11) == 0)
		is = c->queries_tx[name[11] == '6'][name[13] - '0'];
	else if (strncmp(name, "leaves_rx.", 10) == 0)
		is = c->leaves_rx[name[10] == '6'];
	else {
		for (unsigned int v = 0; v < MEMBERSHIP_N_VERDICTS; v++) {
			if (strcmp(name, membership_verdict_name(v)) == 0)
				is = c->verdicts[v];
		}
	}
	if (is == strtoull(value, NULL, 10))
		return true;
	return script_fail(s, "%s is %llu, not %s", name, (unsigned long long)is, value);
}

static const char *rc_word(int rc)
{
	switch (rc) {
	case 0:
		return "ok";
	case -ENOENT:
		return "ENOENT";
	case -EINVAL:
		return "EINVAL";
	case -EDQUOT:
		return "EDQUOT";
	default:
		return "another error";
	}
}

static bool check_of_group(struct script *s, const char *verb)
{
	struct membership_group g;
	char buf[SIM_TEXT];

	if (!script_group(s, &g))
		return false;
	if (strcmp(verb, "fwd") == 0)
		return is_text(s, text_forwarding(s->w, &g, buf));
	return is_text(s, text_reporters(s->w, &g, buf));
}

static bool check_ports(struct script *s, const char *verb)
{
	struct bitset ports;
	char buf[SIM_TEXT];

	if (strcmp(verb, "routers") == 0)
		membership_router_ports(s->w->m, SIM_VLAN, &ports);
	else
		membership_filter_all(s->w->m, SIM_VLAN, &ports);
	return is_text(s, text_ports(&ports, buf));
}

bool script_check(struct script *s, const char *verb)
{
	char buf[SIM_TEXT];

	if (strcmp(verb, "row") == 0)
		return check_row(s);
	if (strcmp(verb, "fwd") == 0 || strcmp(verb, "reporters") == 0)
		return check_of_group(s, verb);
	if (strcmp(verb, "sent") == 0)
		return check_line(s, s->w->sent);
	if (strcmp(verb, "event") == 0)
		return check_line(s, s->w->events);
	if (strcmp(verb, "verdict") == 0)
		return is_text(s, membership_verdict_name(s->w->verdict));
	if (strcmp(verb, "rc") == 0)
		return is_text(s, rc_word(s->w->rc));
	if (strcmp(verb, "routers") == 0 || strcmp(verb, "all") == 0)
		return check_ports(s, verb);
	if (strcmp(verb, "querier") == 0 || strcmp(verb, "querier6") == 0)
		return is_text(s, text_querier(s->w, verb[7] == '6', buf));
	if (strcmp(verb, "counter") == 0)
		return check_counter(s);
	if (strcmp(verb, "rows") == 0) {
		snprintf(buf, sizeof(buf), "%u", membership_row_count(s->w->m, UINT16_MAX));
		return is_text(s, buf);
	}
	return script_fail(s, "no such check: %s", verb);
}

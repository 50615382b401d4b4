/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>
#include <string.h>

#include "script.h"

/* Messages of scripts, as the parser would hand them over: sources and records are octets. */

#define SOURCES_MAX 64u

static const struct {
	const char *word;
	enum group_record_type type;
} record_words[] = {
	{"IS_IN", GROUP_RECORD_IS_IN},
	{"IS_EX", GROUP_RECORD_IS_EX},
	{"TO_IN", GROUP_RECORD_TO_IN},
	{"TO_EX", GROUP_RECORD_TO_EX},
	{"ALLOW", GROUP_RECORD_ALLOW},
	{"BLOCK", GROUP_RECORD_BLOCK},
};

static size_t octets_put(uint8_t *p, const struct ip_addr *a, bool v6)
{
	size_t size = v6 ? 16 : 4;

	memcpy(p, &a->b[16 - size], size);
	return size;
}

static struct ip_addr host_address(uint16_t port, char host, bool v6)
{
	struct ip_addr v4 = {.b = {[10] = 0xff, 0xff, 10, 0, (uint8_t)port, (uint8_t)host}};
	struct ip_addr ll = {.b = {0xfe, 0x80, [14] = (uint8_t)port, (uint8_t)host}};

	return v6 ? ll : v4;
}

/* key=value words after a message: v= mrt= qrv= qqic= s odd= from= hold= */
static bool option_apply(struct script *s, struct group_msg *msg, const char *word)
{
	const char *value = strchr(word, '=');

	value = value != NULL ? value + 1 : "";
	if (strncmp(word, "v=", 2) == 0)
		msg->version = (uint8_t)atoi(value);
	else if (strncmp(word, "mrt=", 4) == 0)
		msg->max_response = (nsec)(atof(value) * 1000) * NSEC_PER_MS;
	else if (strncmp(word, "qrv=", 4) == 0)
		msg->robustness = (uint8_t)atoi(value);
	else if (strncmp(word, "qqic=", 5) == 0)
		msg->query_interval_s = (uint32_t)atoi(value);
	else if (strncmp(word, "hold=", 5) == 0)
		msg->router_hold_s = (uint16_t)atoi(value);
	else if (strcmp(word, "s") == 0)
		msg->suppress = true;
	else if (strcmp(word, "odd=ttl") == 0)
		msg->odd |= GROUP_MSG_ODD_TTL;
	else if (strcmp(word, "odd=alert") == 0)
		msg->odd |= GROUP_MSG_ODD_ALERT;
	else if (strncmp(word, "from=", 5) == 0)
		return script_address(s, value, &msg->source);
	else
		return script_fail(s, "no such option: %s", word);
	return true;
}

static bool options_apply(struct script *s, struct group_msg *msg)
{
	char *word;

	while ((word = script_word(s)) != NULL) {
		if (!option_apply(s, msg, word))
			return false;
	}
	return true;
}

static bool message_send(struct script *s, uint16_t port, char host, const struct group_msg *msg)
{
	struct mac_addr mac = {{2, 0, 0, 0, (uint8_t)port, (uint8_t)host}};
	struct world *w = s->w;

	w->verdict = membership_message_seen(w->m, SIM_VLAN, port, &mac, msg, w->now);
	return true;
}

static bool record_send(struct script *s, uint16_t port, char host, enum group_record_type type)
{
	struct ip_addr sources[SOURCES_MAX];
	uint8_t body[16 * (SOURCES_MAX + 2)] = {(uint8_t)type};
	struct group_msg msg = {.type = GROUP_MSG_RECORDS, .n_records = 1, .body = body};
	struct membership_group g;
	unsigned int n;

	if (!script_group(s, &g))
		return false;
	msg.v6 = !ip_is_v4(&g.ip);
	msg.version = msg.v6 ? 2 : 3;
	msg.source = host_address(port, host, msg.v6);
	if (!script_sources(s, msg.v6, sources, &n) || !options_apply(s, &msg))
		return false;
	body[3] = (uint8_t)n;
	msg.body_size = 4;
	msg.body_size += octets_put(body + msg.body_size, &g.ip, msg.v6);
	for (unsigned int i = 0; i < n; i++)
		msg.body_size += octets_put(body + msg.body_size, &sources[i], msg.v6);
	return message_send(s, port, host, &msg);
}

static bool older_send(struct script *s, uint16_t port, char host, bool leave, uint8_t version)
{
	struct group_msg msg = {.version = version};
	struct membership_group g;

	msg.type = leave ? GROUP_MSG_LEAVE : GROUP_MSG_REPORT;
	if (!script_group(s, &g))
		return false;
	msg.v6 = !ip_is_v4(&g.ip);
	msg.group = g.ip;
	msg.source = host_address(port, host, msg.v6);
	return options_apply(s, &msg) && message_send(s, port, host, &msg);
}

/* "query SOURCE general|GROUP {sources} options" */
static bool query_send(struct script *s, uint16_t port, char host)
{
	struct ip_addr sources[SOURCES_MAX];
	uint8_t body[16 * SOURCES_MAX];
	struct group_msg msg = {.type = GROUP_MSG_QUERY, .body = body};
	struct membership_group g;
	unsigned int n = 0;

	msg.max_response = 10 * NSEC_PER_SEC;
	if (!script_address(s, script_word(s), &msg.source))
		return false;
	msg.v6 = !ip_is_v4(&msg.source);
	msg.version = msg.v6 ? 2 : 3;
	msg.group = msg.v6 ? (struct ip_addr){{0}} : ip_from_v4(0);
	if (strncmp(s->at, "general", 7) == 0)
		script_word(s);
	else {
		if (!script_group(s, &g) || !script_sources(s, msg.v6, sources, &n))
			return false;
		msg.group = g.ip;
		msg.max_response = NSEC_PER_SEC;
	}
	msg.n_sources = (uint16_t)n;
	for (unsigned int i = 0; i < n; i++)
		msg.body_size += octets_put(body + msg.body_size, &sources[i], msg.v6);
	return options_apply(s, &msg) && message_send(s, port, host, &msg);
}

static bool router_send(struct script *s, uint16_t port, char host, enum group_msg_type type)
{
	struct group_msg msg = {.type = type, .router_hold_s = 105};

	if (!script_address(s, script_word(s), &msg.source))
		return false;
	msg.v6 = !ip_is_v4(&msg.source);
	return options_apply(s, &msg) && message_send(s, port, host, &msg);
}

bool script_message(struct script *s, const char *port_word)
{
	char *verb = script_word(s);
	uint16_t port;
	char host;

	if (!script_port(s, port_word, &port, &host))
		return false;
	if (verb == NULL)
		return script_fail(s, "what does %s say?", port_word);
	for (unsigned int i = 0; i < sizeof(record_words) / sizeof(record_words[0]); i++) {
		if (strcmp(verb, record_words[i].word) == 0)
			return record_send(s, port, host, record_words[i].type);
	}
	if (strcmp(verb, "v1report") == 0 || strcmp(verb, "v2report") == 0)
		return older_send(s, port, host, false, (uint8_t)(verb[1] - '0'));
	if (strcmp(verb, "v2leave") == 0 || strcmp(verb, "v1done") == 0)
		return older_send(s, port, host, true, (uint8_t)(verb[1] - '0'));
	if (strcmp(verb, "query") == 0)
		return query_send(s, port, host);
	if (strcmp(verb, "pim") == 0)
		return router_send(s, port, host, GROUP_MSG_PIM_HELLO);
	if (strcmp(verb, "mrd") == 0)
		return router_send(s, port, host, GROUP_MSG_MRD);
	if (strcmp(verb, "unknown") == 0)
		return router_send(s, port, host, GROUP_MSG_UNKNOWN);
	return script_fail(s, "no such message: %s", verb);
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include "script.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *script_word(struct script *s)
{
	char *word = s->at + strspn(s->at, " \t");
	size_t size = strcspn(word, " \t");

	if (size == 0)
		return NULL;
	s->at = word + size;
	if (*s->at != '\0')
		*s->at++ = '\0';
	s->at += strspn(s->at, " \t");
	return word;
}

char *script_rest(struct script *s)
{
	return s->at + strspn(s->at, " \t");
}

bool script_fail(struct script *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(s->wrong, sizeof(s->wrong), fmt, ap);
	va_end(ap);
	return false;
}

bool script_port(struct script *s, const char *word, uint16_t *port, char *host)
{
	if (word == NULL || (word[0] != 'p' && word[0] != 'u') || word[1] < '1' || word[1] > '9')
		return script_fail(s, "no port: %s", word != NULL ? word : "");
	*port = (uint16_t)(word[1] - '0' + (word[0] == 'u' ? SIM_UPLINK : 0));
	if (host != NULL)
		*host = word[2] == '.' ? word[3] : 'a';
	return true;
}

bool script_group(struct script *s, struct membership_group *g)
{
	char *word = script_word(s);

	memset(g, 0, sizeof(*g));
	if (word == NULL)
		return script_fail(s, "which group?");
	if (mac_parse(word, &g->mac) == 0)
		g->is_mac = true;
	else if (ip_parse(word, &g->ip) < 0)
		return script_fail(s, "no group: %s", word);
	world_watch(s->w, g);
	return true;
}

bool script_address(struct script *s, const char *word, struct ip_addr *a)
{
	if (word == NULL || ip_parse(word, a) < 0)
		return script_fail(s, "no address: %s", word != NULL ? word : "");
	return true;
}

static struct ip_addr source_address(unsigned int i, bool v6)
{
	struct ip_addr v4 = {.b = {[10] = 0xff, 0xff, 10, 9, 0, (uint8_t)i}};
	struct ip_addr global = {.b = {0x20, 0x01, 0x0d, 0xb8, [15] = (uint8_t)i}};

	return v6 ? global : v4;
}

bool script_sources(struct script *s, bool v6, struct ip_addr *sources, unsigned int *n)
{
	char *end;

	*n = 0;
	s->at += strspn(s->at, " \t");
	if (*s->at != '{')
		return true;
	s->at++;
	while (*s->at != '}') {
		s->at += strspn(s->at, " ,");
		if (*s->at != 's')
			return script_fail(s, "no source: %s", s->at);
		sources[(*n)++] = source_address((unsigned int)strtoul(s->at + 1, &end, 10), v6);
		s->at = end + strspn(end, " ,");
	}
	s->at++;
	return true;
}

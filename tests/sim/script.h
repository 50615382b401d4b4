/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef SIM_SCRIPT_H
#define SIM_SCRIPT_H

#include "world.h"

/*
 * A script is lines. A line that begins with a number lets time come to that many seconds, then
 * does what it says; an indented one says what must be true now. README.md has the verbs.
 */
struct script {
	struct world *w;
	char *at; /* rest of the line */
	char wrong[8 * SIM_TEXT];
};

/* Words of the rest of the line; NULL: none left. */
char *script_word(struct script *s);
char *script_rest(struct script *s);
bool script_fail(struct script *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Arguments. Each returns false and says why in wrong. */
bool script_port(struct script *s, const char *word, uint16_t *port, char *host);
bool script_group(struct script *s, struct membership_group *g);
bool script_address(struct script *s, const char *word, struct ip_addr *a);
/* "{s1 s2}" or nothing. */
bool script_sources(struct script *s, bool v6, struct ip_addr *sources, unsigned int *n);

/* One line: do, or check. */
bool script_do(struct script *s, const char *verb);
bool script_check(struct script *s, const char *verb);
/* What a host or router says: "p1.b TO_EX 239.1.1.1 {s1}". */
bool script_message(struct script *s, const char *port);

#endif

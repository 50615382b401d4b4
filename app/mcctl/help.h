/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MCCTL_HELP_H
#define MCCTL_HELP_H

#include <stdio.h>

#include "base/error.h"

struct verb;

/* What the verb table says to people and to shells. */

/* "show groups [vlan N] [group G] [port P]"; returns buf. */
const char *help_usage(const struct verb *v, char *buf, size_t size);
/* The different words that may follow the first n of words, separated; "" when none may. */
const char *help_next(
	char *const *words, unsigned int n, const char *separator, char *buf, size_t size);
/* All verbs, one screen. */
void help_all(FILE *out);
/* In full, the verbs that begin with these words. 0 or -EINVAL with a sentence. */
int help_verbs(FILE *out, char *const *words, unsigned int n, struct error *err);
/* The bash completion script. */
void help_completion(FILE *out);

#endif

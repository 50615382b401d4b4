/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MCCTL_REQUEST_H
#define MCCTL_REQUEST_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

struct verb;

/* Words that were understood. */
struct request {
	const struct verb *verb;
	json_t *params; /* the method's; owned */
	bool json;      /* --json */
	bool once;      /* --once */
	bool all;       /* the word all */
};

/* 0, or -EINVAL with a sentence that names the offending word and what was expected. request_fini
 * after success. json and once are the caller's to set. */
int request_parse(char *const *words, unsigned int n, struct request *out, struct error *err);
void request_fini(struct request *r);

/* Does the word i of a verb equal this one? Words of a verb are separated by one blank. */
bool request_word_is(const struct verb *v, unsigned int i, const char *word);

#endif

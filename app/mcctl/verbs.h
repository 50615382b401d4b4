/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MCCTL_VERBS_H
#define MCCTL_VERBS_H

#include <jansson.h>
#include <stdbool.h>

#include "base/error.h"

/*
 * What can be typed. One table yields parsing, errors, help and completion; a verb is a row here, a
 * method of the switch, and a way to print its answer.
 */
struct client;
struct request;

enum arg_kind {
	ARG_TEXT,
	ARG_INTEGER,
	ARG_PORT, /* a name that completion asks the switch for */
};

struct arg {
	const char *keyword; /* NULL: known by its place */
	const char *value;   /* what help calls the value; NULL: the keyword stands alone */
	const char *param;   /* of the method; NULL: for printing only */
	enum arg_kind kind;
	bool required;
	const char *choices; /* words with blanks between; NULL: any */
	const char *help;    /* NULL ends the list */
};

struct verb {
	const char *words; /* "show groups"; NULL ends the table */
	const char *method;
	const struct arg *args; /* NULL: none; in order those without a keyword */
	const char *help;
	/* Each may be NULL. */
	const char *usage; /* instead of what args yield */
	const char *fixed; /* parameters as JSON that the words imply */
	int (*finish)(json_t **params, struct error *err); /* params as the method wants them */
	void (*print)(const struct request *r, const json_t *result); /* NULL: say nothing */
	/* Instead of one call of the method; 0 or a negative errno as of client_call. */
	int (*run)(const struct request *r, struct client *c, struct error *err);
	/* After the answer; 0 or a negative errno as of client_call. */
	int (*follow)(const struct request *r, struct client *c, struct error *err);
};

/* The whole language; the last row has no words. */
const struct verb *verbs_table(void);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#include "request.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "help.h"
#include "verbs.h"

/* The i-th word of text and its size; NULL: it has fewer. */
static const char *word_at(const char *text, unsigned int i, size_t *size)
{
	while (i-- > 0) {
		text = strchr(text, ' ');
		if (text == NULL)
			return NULL;
		text++;
	}
	*size = strcspn(text, " ");
	return text;
}

static bool list_has(const char *list, const char *word)
{
	size_t size;
	const char *at;

	for (unsigned int i = 0; (at = word_at(list, i, &size)) != NULL; i++) {
		if (size == strlen(word) && memcmp(at, word, size) == 0)
			return true;
	}
	return false;
}

bool request_word_is(const struct verb *v, unsigned int i, const char *word)
{
	size_t size;
	const char *at = word_at(v->words, i, &size);

	return at != NULL && size == strlen(word) && memcmp(at, word, size) == 0;
}

/* How many words of v the line begins with; *whole: all of them. */
static unsigned int verb_match(
	const struct verb *v, char *const *words, unsigned int n, bool *whole)
{
	unsigned int i = 0;
	size_t size;

	while (i < n && request_word_is(v, i, words[i]))
		i++;
	*whole = word_at(v->words, i, &size) == NULL;
	return i;
}

static const struct verb *verb_find(
	char *const *words, unsigned int n, unsigned int *used, struct error *err)
{
	unsigned int longest = 0;
	char expected[512];

	for (const struct verb *v = verbs_table(); v->words != NULL; v++) {
		bool whole;

		*used = verb_match(v, words, n, &whole);
		if (whole)
			return v;
		if (*used > longest)
			longest = *used;
	}
	help_next(words, longest, ", ", expected, sizeof(expected));
	if (longest < n)
		error_set(err, 0, "'%s': expected one of %s", words[longest], expected);
	else
		error_set(err, 0, "'%s' is not all: expected one of %s after it",
			n > 0 ? words[n - 1] : "", expected);
	return NULL;
}

/* "vlan N, port P" of what has not been given yet */
static const char *arguments_left(const struct verb *v, const bool *given, char *buf, size_t size)
{
	size_t used = 0;

	snprintf(buf, size, "nothing more");
	for (unsigned int i = 0; v->args != NULL && v->args[i].help != NULL && used < size; i++) {
		const struct arg *a = &v->args[i];
		const char *keyword = a->keyword != NULL ? a->keyword : "";
		const char *value = a->value != NULL ? a->value : "";

		if (given[i])
			continue;
		used += (size_t)snprintf(buf + used, size - used, "%s%s%s%s", used > 0 ? ", " : "",
			keyword, *keyword != '\0' && *value != '\0' ? " " : "", value);
	}
	return buf;
}

static int value_set(const struct arg *a, const char *word, struct request *r, struct error *err)
{
	const char *name = a->keyword != NULL ? a->keyword : a->value;
	json_t *value;
	char *end;

	if (a->choices != NULL && !list_has(a->choices, word))
		return error_set(
			err, -EINVAL, "%s: '%s': expected one of %s", name, word, a->choices);
	if (a->kind == ARG_INTEGER) {
		errno = 0;
		value = json_integer(strtoll(word, &end, 10));
		if (*word == '\0' || *end != '\0' || errno != 0) {
			json_decref(value);
			return error_set(err, -EINVAL, "%s: '%s': expected a number", name, word);
		}
	} else {
		value = json_string(word);
	}
	if (value == NULL)
		return error_set(err, -EINVAL, "%s: '%s' is not UTF-8", name, word);
	json_object_set_new(r->params, a->param, value);
	return 0;
}

#define MAX_ARGS 32

/* The argument that this word is or begins: a keyword, else the next one that goes by its place. */
static const struct arg *arg_find(const struct verb *v, const bool *given, const char *word)
{
	const struct arg *a;

	if (v->args == NULL)
		return NULL;
	for (a = v->args; a->help != NULL; a++) {
		if (a->keyword != NULL ? strcmp(a->keyword, word) == 0 : !given[a - v->args])
			return a;
	}
	return NULL;
}

static int args_parse(struct request *r, char *const *words, unsigned int n, struct error *err)
{
	const struct verb *v = r->verb;
	bool given[MAX_ARGS] = {false};
	char expected[512];

	for (unsigned int i = 0; i < n; i++) {
		const struct arg *a = arg_find(v, given, words[i]);
		int rc = 0;

		if (a == NULL)
			return error_set(err, -EINVAL, "'%s': expected %s", words[i],
				arguments_left(v, given, expected, sizeof(expected)));
		if (given[a - v->args])
			return error_set(err, -EINVAL, "'%s' is given twice", words[i]);
		given[a - v->args] = true;
		if (a->value == NULL)
			r->all = true;
		else if (a->keyword != NULL && ++i == n)
			return error_set(err, -EINVAL, "'%s' is not all: expected %s %s",
				words[i - 1], a->keyword, a->value);
		else
			rc = value_set(a, words[i], r, err);
		if (rc < 0)
			return rc;
	}
	for (const struct arg *a = v->args; a != NULL && a->help != NULL; a++) {
		if (a->required && !given[a - v->args])
			return error_set(err, -EINVAL, "'%s' is not all: expected %s",
				n > 0 ? words[n - 1] : v->words, a->value);
	}
	return 0;
}

int request_parse(char *const *words, unsigned int n, struct request *out, struct error *err)
{
	unsigned int used;
	int rc;

	*out = (struct request){.verb = verb_find(words, n, &used, err)};
	if (out->verb == NULL)
		return -EINVAL;
	out->params =
		out->verb->fixed != NULL ? json_loads(out->verb->fixed, 0, NULL) : json_object();
	rc = args_parse(out, words + used, n - used, err);
	if (rc == 0 && out->verb->finish != NULL)
		rc = out->verb->finish(&out->params, err);
	if (rc < 0)
		request_fini(out);
	return rc;
}

void request_fini(struct request *r)
{
	json_decref(r->params);
	r->params = NULL;
}

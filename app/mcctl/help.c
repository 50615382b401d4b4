/* SPDX-License-Identifier: BSD-3-Clause */
#include "help.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include "request.h"
#include "verbs.h"

static void append(char *buf, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void append(char *buf, size_t size, const char *fmt, ...)
{
	size_t used = strlen(buf);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(buf + used, size - used, fmt, ap);
	va_end(ap);
}

static void arg_append(const struct arg *a, char *buf, size_t size)
{
	append(buf, size, " %s%s%s%s%s", a->required ? "" : "[",
		a->keyword != NULL ? a->keyword : "",
		a->keyword != NULL && a->value != NULL ? " " : "", a->value != NULL ? a->value : "",
		a->required ? "" : "]");
}

const char *help_usage(const struct verb *v, char *buf, size_t size)
{
	snprintf(buf, size, "%s", v->usage != NULL ? v->usage : v->words);
	for (const struct arg *a = v->args; a != NULL && a->help != NULL && v->usage == NULL; a++)
		arg_append(a, buf, size);
	return buf;
}

static bool begins_with(const struct verb *v, char *const *words, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		if (!request_word_is(v, i, words[i]))
			return false;
	}
	return true;
}

/* The n-th word of a verb; "" when it has fewer. */
static void word_copy(const struct verb *v, unsigned int n, char *buf, size_t size)
{
	const char *at = v->words;

	buf[0] = '\0';
	while (n-- > 0) {
		at = strchr(at, ' ');
		if (at == NULL)
			return;
		at++;
	}
	snprintf(buf, size, "%.*s", (int)strcspn(at, " "), at);
}

const char *help_next(
	char *const *words, unsigned int n, const char *separator, char *buf, size_t size)
{
	char last[32] = "", word[32];

	buf[0] = '\0';
	for (const struct verb *v = verbs_table(); v->words != NULL; v++) {
		if (!begins_with(v, words, n))
			continue;
		word_copy(v, n, word, sizeof(word));
		/* Verbs that share words stand together in the table. */
		if (word[0] == '\0' || strcmp(word, last) == 0)
			continue;
		append(buf, size, "%s%s", buf[0] != '\0' ? separator : "", word);
		strcpy(last, word);
	}
	return buf;
}

void help_all(FILE *out)
{
	char usage[128];

	fputs("mcctl [OPTIONS] VERB...    mcctl VERB --help    mcctl [-f FILE]\n\n"
	      "  --socket PATH  of the switch; else $MCSWITCH_SOCKET, else "
	      "/run/mcswitch/control.sock\n"
	      "  --json         print what the switch answers\n"
	      "  --once         of top: one frame, as text\n"
	      "  -f FILE        several lines of verbs; - or nothing: standard input\n\n",
		out);
	for (const struct verb *v = verbs_table(); v->words != NULL; v++) {
		help_usage(v, usage, sizeof(usage));
		if (strlen(usage) > 46)
			fprintf(out, "  %s\n  %-44s  %s\n", usage, "", v->help);
		else
			fprintf(out, "  %-44s  %s\n", usage, v->help);
	}
	fputs("\nExit: 0 done, 1 refused, 2 no switch answers.\n", out);
}

static void verb_print(FILE *out, const struct verb *v)
{
	char usage[256];

	fprintf(out, "mcctl %s\n    %s\n", help_usage(v, usage, sizeof(usage)), v->help);
	for (const struct arg *a = v->args; a != NULL && a->help != NULL; a++) {
		usage[0] = '\0';
		append(usage, sizeof(usage), "%s%s%s", a->keyword != NULL ? a->keyword : "",
			a->keyword != NULL && a->value != NULL ? " " : "",
			a->value != NULL ? a->value : "");
		fprintf(out, "    %-24s %s", usage, a->help);
		if (a->choices != NULL)
			fprintf(out, " (%s)", a->choices);
		fputs("\n", out);
	}
}

int help_verbs(FILE *out, char *const *words, unsigned int n, struct error *err)
{
	char next[512];
	bool any = false;

	for (const struct verb *v = verbs_table(); v->words != NULL; v++) {
		if (!begins_with(v, words, n))
			continue;
		verb_print(out, v);
		any = true;
	}
	if (any)
		return 0;
	while (n > 0 && help_next(words, n - 1, ", ", next, sizeof(next))[0] == '\0')
		n--;
	return error_set(err, -EINVAL, "'%s': expected one of %s", n > 0 ? words[n - 1] : "", next);
}

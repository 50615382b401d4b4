/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mcctl: words in, JSON-RPC to the switch, tables out. It knows the API and nothing else.
 */
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client.h"
#include "help.h"
#include "request.h"
#include "verbs.h"

#define DEFAULT_SOCKET "/run/mcswitch/control.sock"

enum status { DONE = 0, REFUSED = 1, NO_SWITCH = 2 };

struct options {
	const char *socket;
	const char *file; /* NULL: none */
	bool json, help, names, once;
};

/* One connection for all lines, opened when the first needs it. */
struct session {
	const char *socket;
	struct client *client;
	bool once;
};

static enum status fail(const char *where, int rc, const struct error *err)
{
	fprintf(stderr, "mcctl: %s%s\n", where, err->text);
	return rc == -EREMOTE || rc == -EINVAL ? REFUSED : NO_SWITCH;
}

static void json_print(const json_t *result)
{
	size_t layout = isatty(STDOUT_FILENO) ? JSON_INDENT(2) : JSON_COMPACT;

	json_dumpf(result, stdout, layout | JSON_ENCODE_ANY);
	putchar('\n');
}

static int request_run(struct session *s, const struct request *r, struct error *err)
{
	const struct verb *v = r->verb;
	json_t *result;
	int rc = 0;

	if (s->client == NULL)
		rc = client_open(s->socket, &s->client, err);
	if (rc == 0 && v->run != NULL)
		return v->run(r, s->client, err);
	if (rc == 0)
		rc = client_call(s->client, v->method, json_incref(r->params), &result, err);
	if (rc < 0)
		return rc;
	if (v->follow == NULL && r->json)
		json_print(result);
	else if (v->print != NULL)
		v->print(r, result);
	fflush(stdout);
	json_decref(result);
	return v->follow != NULL ? v->follow(r, s->client, err) : 0;
}

static enum status words_run(
	struct session *s, char **words, unsigned int n, bool json, const char *where)
{
	struct request r;
	struct error err;
	int rc;

	rc = request_parse(words, n, &r, &err);
	if (rc < 0)
		return fail(where, rc, &err);
	r.json = json;
	r.once = s->once;
	rc = request_run(s, &r, &err);
	request_fini(&r);
	return rc < 0 ? fail(where, rc, &err) : DONE;
}

#define MAX_WORDS 64

/* Split a line at blanks, in place; quotes keep them, # ends the line. Returns the number of words,
 * -EINVAL for an open quote, -E2BIG. */
static int line_split(char *line, char **words)
{
	char *in = line, *out = line;
	int n = 0;

	for (;;) {
		char quote = '\0';

		in += strspn(in, " \t\r\n");
		if (*in == '\0' || *in == '#')
			return n;
		if (n == MAX_WORDS)
			return -E2BIG;
		words[n++] = out;
		for (; *in != '\0' && (quote != '\0' || strchr(" \t\r\n", *in) == NULL); in++) {
			if (quote == '\0' && (*in == '"' || *in == '\''))
				quote = *in;
			else if (*in == quote && quote != '\0')
				quote = '\0';
			else
				*out++ = *in;
		}
		if (quote != '\0')
			return -EINVAL;
		if (*in != '\0')
			in++;
		*out++ = '\0';
	}
}

/* --json may stand in a line as well. */
static bool take_json(char **words, int *n)
{
	int kept = 0;
	bool found = false;

	for (int i = 0; i < *n; i++) {
		if (strcmp(words[i], "--json") == 0)
			found = true;
		else
			words[kept++] = words[i];
	}
	*n = kept;
	return found;
}

static enum status lines_run(struct session *s, FILE *in, const char *name, bool json)
{
	enum status status = DONE;
	char *line = NULL, *words[MAX_WORDS], where[300];
	unsigned int number = 0;
	size_t size = 0;

	/* The first line that fails ends the run: what follows may rest on it. */
	while (status == DONE && getline(&line, &size, in) >= 0) {
		bool line_json;
		int n = line_split(line, words);

		snprintf(where, sizeof(where), "%.255s:%u: ", name, ++number);
		if (n < 0) {
			fprintf(stderr, "mcctl: %s%s\n", where,
				n == -EINVAL ? "a quote is not closed" : "more than 64 words");
			status = REFUSED;
			continue;
		}
		line_json = take_json(words, &n);
		if (n > 0)
			status = words_run(s, words, (unsigned int)n, json || line_json, where);
	}
	free(line);
	return status;
}

static enum status file_run(struct session *s, const struct options *o)
{
	enum status status;
	FILE *in;

	if (o->file == NULL || strcmp(o->file, "-") == 0)
		return lines_run(s, stdin, "standard input", o->json);
	in = fopen(o->file, "r");
	if (in == NULL) {
		fprintf(stderr, "mcctl: %s: %s\n", o->file, strerror(errno));
		return REFUSED;
	}
	status = lines_run(s, in, o->file, o->json);
	fclose(in);
	return status;
}

/* For completion: silent whatever happens. */
static enum status names_print(struct session *s)
{
	json_t *result, *row;
	struct error err;
	size_t i;

	if (client_open(s->socket, &s->client, &err) < 0 ||
		client_call(s->client, "ports", json_object(), &result, &err) < 0)
		return NO_SWITCH;
	json_array_foreach (result, i, row)
		puts(json_string_value(json_object_get(row, "name")));
	json_decref(result);
	return DONE;
}

static enum status help_run(char **words, unsigned int n)
{
	struct error err;
	int rc;

	if (n == 0) {
		help_all(stdout);
		return DONE;
	}
	rc = help_verbs(stdout, words, n, &err);
	return rc < 0 ? fail("", rc, &err) : DONE;
}

enum { OPTION_COMPLETION = 256, OPTION_NAMES, OPTION_ONCE, OPTION_VERSION };

/* DONE: go on. */
static enum status options_parse(int argc, char **argv, struct options *o, bool *ended)
{
	static const struct option options[] = {
		{"socket", required_argument, NULL, 's'},
		{"file", required_argument, NULL, 'f'},
		{"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'},
		{"once", no_argument, NULL, OPTION_ONCE},
		{"version", no_argument, NULL, OPTION_VERSION},
		{"completion", no_argument, NULL, OPTION_COMPLETION},
		{"names", no_argument, NULL, OPTION_NAMES},
		{0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "s:f:jh", options, NULL)) != -1) {
		switch (c) {
		case 's':
			o->socket = optarg;
			break;
		case 'f':
			o->file = optarg;
			break;
		case 'j':
			o->json = true;
			break;
		case 'h':
			o->help = true;
			break;
		case OPTION_NAMES:
			o->names = true;
			break;
		case OPTION_ONCE:
			o->once = true;
			break;
		case OPTION_VERSION:
			printf("mcctl %s\n", MCSWITCH_VERSION);
			*ended = true;
			break;
		case OPTION_COMPLETION:
			help_completion(stdout);
			*ended = true;
			break;
		default:
			fputs("mcctl: expected --socket PATH, --file FILE, --json, --help or "
			      "--version\n",
				stderr);
			return REFUSED;
		}
	}
	return DONE;
}

static enum status run(struct session *s, const struct options *o, char **words, unsigned int n)
{
	if (n > 0 && strcmp(words[0], "help") == 0)
		return help_run(words + 1, n - 1);
	if (o->help)
		return help_run(words, n);
	if (o->names)
		return names_print(s);
	if (n > 0 && o->file != NULL) {
		fprintf(stderr, "mcctl: '%s': expected no verb beside --file\n", words[0]);
		return REFUSED;
	}
	if (n > 0)
		return words_run(s, words, n, o->json, "");
	if (o->file != NULL || !isatty(STDIN_FILENO))
		return file_run(s, o);
	help_all(stderr);
	return REFUSED;
}

int main(int argc, char **argv)
{
	struct options o = {.socket = getenv("MCSWITCH_SOCKET")};
	struct session s = {0};
	enum status status;
	bool ended = false;

	status = options_parse(argc, argv, &o, &ended);
	if (status != DONE || ended)
		return status;
	s.once = o.once;
	s.socket = o.socket != NULL && o.socket[0] != '\0' ? o.socket : DEFAULT_SOCKET;
	status = run(&s, &o, argv + optind, (unsigned int)(argc - optind));
	client_close(s.client);
	return status;
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/build.h"
#include "conf/file.h"

/* The byte offset of a character of UTF-8 text. */
static size_t byte_offset(const char *text, size_t size, size_t n_characters)
{
	size_t i = 0;

	for (; i < size && n_characters > 0; n_characters--)
		for (i++; i < size && ((unsigned char)text[i] & 0xc0) == 0x80;)
			i++;
	return i;
}

/*
 * A team's "vlans: all" may also be a list, and libcyaml knows no value that is one or the other.
 * Put brackets around it, in its line: [all]. Returns a new text of *size bytes, NULL: no memory.
 */
static char *bracket_vlans(const struct lines *lines, const char *text, size_t *size)
{
	char *out = malloc(*size + 2 * CONF_MAX_UPLINKS + 1);
	size_t start, end, from = 0, to = 0;
	size_t cut[2 * CONF_MAX_UPLINKS], n_cuts = 0;

	if (out == NULL)
		return NULL;
	for (size_t i = 0; i < CONF_MAX_UPLINKS; i++) {
		if (!lines_scalar(lines, AT("teams[%zu].vlans", i), &start, &end))
			continue;
		cut[n_cuts++] = byte_offset(text, *size, start);
		cut[n_cuts++] = byte_offset(text, *size, end);
	}
	for (size_t i = 0; i < n_cuts; i++) {
		memcpy(out + to, text + from, cut[i] - from);
		to += cut[i] - from;
		from = cut[i];
		out[to++] = i % 2 == 0 ? '[' : ']';
	}
	memcpy(out + to, text + from, *size - from);
	*size += n_cuts;
	return out;
}

static struct conf *conf_finish(const struct raw *raw, const struct site *site)
{
	struct conf *c = conf_new();
	int built = 0;

	if (c == NULL)
		return NULL;
	snprintf(c->path, sizeof(c->path), "%s", site->file);
	if (raw != NULL)
		built = conf_build(c, raw, site);
	if (built != -ENOMEM && conf_check(c, site) == 0 && built == 0)
		return c;
	conf_free(c);
	return NULL;
}

static struct conf *load_indexed(
	const struct site *site, const char *text, size_t size, const struct lines *lines)
{
	char *bracketed = bracket_vlans(lines, text, &size);
	struct conf *c = NULL;
	struct raw *raw;

	if (bracketed != NULL && raw_load(bracketed, size, site, &raw) == 0) {
		c = conf_finish(raw, site);
		raw_free(raw);
	}
	free(bracketed);
	return c;
}

struct conf *conf_load_text(
	const char *name, const char *text, size_t size, struct conf_errors *errors)
{
	struct site site = {.file = name, .errors = errors};
	size_t n_before = conf_errors_count(errors);
	struct lines *lines;
	struct conf *c;

	if (size > CONF_FILE_MAX) {
		conf_errors_add(
			errors, "%s: a configuration has at most %u bytes", name, CONF_FILE_MAX);
		return NULL;
	}
	if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) { /* a byte order mark */
		text += 3;
		size -= 3;
	}
	lines = lines_parse(name, text, size, errors);
	if (lines == NULL)
		return NULL;
	site.lines = lines;
	c = load_indexed(&site, text, size, lines);
	if (c == NULL && conf_errors_count(errors) == n_before)
		conf_errors_add(errors, "%s: there is no memory left", name);
	lines_free(lines);
	return c;
}

struct conf *conf_load(const char *path, struct conf_errors *errors)
{
	struct conf *c = NULL;
	size_t size;
	char *text = file_read(path, &size, errors);

	if (text != NULL)
		c = conf_load_text(path, text, size, errors);
	free(text);
	return c;
}

/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONF_LINES_H
#define CONF_LINES_H

#include <stdbool.h>
#include <stddef.h>

#include "conf/conf.h"

/*
 * Where in the text each element stands. libcyaml keeps no marks, so the text is read once more by
 * libyaml's event parser; elements are named by paths such as "guests[2].mac". Reading refuses what
 * no configuration needs and a hostile one might use: aliases, several documents, keys that are not
 * plain text, deep nesting, NUL bytes.
 */
struct lines;

enum lines_kind { LINES_NOTHING, LINES_SCALAR, LINES_LIST, LINES_MAPPING };

#define LINES_DEPTH_MAX 12

/* Index a text. NULL after an error has been added. The index does not refer to the text. */
struct lines *lines_parse(
	const char *name, const char *text, size_t size, struct conf_errors *errors);
void lines_free(struct lines *l);

/* The line of the element (of its key, in a mapping), else of the nearest element around it. Of a
 * key that is there twice, the last. Counts from 1. */
size_t lines_find(const struct lines *l, const char *path);
/* LINES_NOTHING when there is no such element. */
enum lines_kind lines_kind(const struct lines *l, const char *path);
/* Where the value stands, in characters (not bytes) of the text. False unless it is a scalar that
 * is plain or quoted and not empty. */
bool lines_scalar(const struct lines *l, const char *path, size_t *start, size_t *end);

/* Where errors of one text are reported. */
struct site {
	const char *file;          /* NULL: no prefix */
	const struct lines *lines; /* NULL: no line */
	struct conf_errors *errors;
};

/* Add "FILE:LINE: sentence". */
void site_error(const struct site *s, const char *path, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* A path on the spot: site_error(s, AT("guests[%zu].mac", i), ...). */
#define AT_SIZE 128
#define AT(...) at_format((char[AT_SIZE]){0}, __VA_ARGS__)
#define AT_ROOT ""
const char *at_format(char buf[AT_SIZE], const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#include "conf/lines.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

struct node {
	uint32_t parent; /* 0 is the root, its own parent */
	uint32_t index;  /* in a list */
	uint32_t line;
	uint32_t start, end; /* of a scalar that lines_scalar tells of */
	enum lines_kind kind;
	char *key; /* in a mapping */
};

struct lines {
	size_t n, room;
	struct node *nodes;
};

/* One collection that is open while parsing. */
struct level {
	uint32_t node;
	uint32_t n_entries;
	char *key; /* of the value that comes next; NULL: a key comes next */
	uint32_t key_line;
};

struct parse {
	struct lines *lines;
	const struct site *site;
	struct level stack[LINES_DEPTH_MAX];
	unsigned int depth;
	unsigned int n_documents;
};

void lines_free(struct lines *l)
{
	if (l == NULL)
		return;
	for (size_t i = 0; i < l->n; i++)
		free(l->nodes[i].key);
	free(l->nodes);
	free(l);
}

static bool reject(const struct parse *p, size_t line, const char *sentence)
{
	conf_errors_add(p->site->errors, "%s:%zu: %s", p->site->file, line, sentence);
	return false;
}

/* Append the node of the value that event begins. */
static bool node_add(struct parse *p, enum lines_kind kind, const yaml_event_t *event)
{
	struct level *top = p->depth > 0 ? &p->stack[p->depth - 1] : NULL;
	struct lines *l = p->lines;
	struct node *grown, *n;

	if (l->n == l->room) {
		l->room = l->room == 0 ? 64 : l->room * 2;
		grown = realloc(l->nodes, l->room * sizeof(*grown));
		if (grown == NULL)
			return reject(p, event->start_mark.line + 1, "there is no memory left");
		l->nodes = grown;
	}
	n = &l->nodes[l->n++];
	*n = (struct node){.kind = kind, .line = (uint32_t)event->start_mark.line + 1};
	if (top != NULL) {
		n->parent = top->node;
		n->index = top->n_entries++;
		n->key = top->key;
		if (n->key != NULL)
			n->line = top->key_line;
		top->key = NULL;
	}
	if (kind != LINES_SCALAR)
		return true;
	if (event->data.scalar.length > 0 &&
		event->data.scalar.style != YAML_LITERAL_SCALAR_STYLE &&
		event->data.scalar.style != YAML_FOLDED_SCALAR_STYLE) {
		n->start = (uint32_t)event->start_mark.index;
		n->end = (uint32_t)event->end_mark.index;
	}
	return true;
}

static bool key_is_due(const struct parse *p)
{
	const struct level *top;

	if (p->depth == 0)
		return false;
	top = &p->stack[p->depth - 1];
	return p->lines->nodes[top->node].kind == LINES_MAPPING && top->key == NULL;
}

static bool scalar_seen(struct parse *p, const yaml_event_t *event)
{
	const char *value = (const char *)event->data.scalar.value;
	struct level *top;

	if (strlen(value) != event->data.scalar.length)
		return reject(p, event->start_mark.line + 1, "a value may not hold a NUL byte");
	if (!key_is_due(p))
		return node_add(p, LINES_SCALAR, event);
	top = &p->stack[p->depth - 1];
	top->key = strdup(value);
	top->key_line = (uint32_t)event->start_mark.line + 1;
	return top->key != NULL || reject(p, top->key_line, "there is no memory left");
}

static bool collection_seen(struct parse *p, enum lines_kind kind, const yaml_event_t *event)
{
	if (key_is_due(p))
		return reject(p, event->start_mark.line + 1,
			"a key must be a word, not a list or a mapping");
	if (p->depth == LINES_DEPTH_MAX)
		return reject(p, event->start_mark.line + 1,
			"this is nested deeper than any configuration");
	if (!node_add(p, kind, event))
		return false;
	p->stack[p->depth++] = (struct level){.node = (uint32_t)p->lines->n - 1};
	return true;
}

static bool event_seen(struct parse *p, const yaml_event_t *event)
{
	size_t line = event->start_mark.line + 1;

	switch (event->type) {
	case YAML_DOCUMENT_START_EVENT:
		return p->n_documents++ == 0 ||
		       reject(p, line, "a second document begins here; a file holds one");
	case YAML_ALIAS_EVENT:
		return reject(p, line, "aliases (*name) are not accepted; write the value out");
	case YAML_SCALAR_EVENT:
		return scalar_seen(p, event);
	case YAML_SEQUENCE_START_EVENT:
		return collection_seen(p, LINES_LIST, event);
	case YAML_MAPPING_START_EVENT:
		return collection_seen(p, LINES_MAPPING, event);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		p->depth--;
		return true;
	default:
		return true;
	}
}

static size_t line_of_byte(const char *text, size_t size, size_t offset)
{
	size_t line = 1;

	for (size_t i = 0; i < size && i < offset; i++)
		line += text[i] == '\n';
	return line;
}

static bool syntax_error(
	const struct site *s, const yaml_parser_t *parser, const char *text, size_t size)
{
	size_t line = parser->problem_mark.line + 1, since = parser->context_mark.line + 1;
	const char *problem = parser->problem != NULL ? parser->problem : "no memory";
	const char *context = parser->context != NULL ? parser->context : "", *hint = "";
	char begin[48] = "";

	if (parser->error == YAML_READER_ERROR)
		line = line_of_byte(text, size, parser->problem_offset);
	if (context[0] != '\0' && since != line)
		snprintf(begin, sizeof(begin), " that begins in line %zu", since);
	if (strstr(problem, "cannot start any token") != NULL)
		hint = " (YAML is indented by spaces, not by tabs)";
	conf_errors_add(s->errors, "%s:%zu: this is not YAML: %s%s%s%s%s", s->file, line, problem,
		context[0] != '\0' ? " " : "", context, begin, hint);
	return false;
}

static bool parse_events(struct parse *p, yaml_parser_t *parser, const char *text, size_t size)
{
	yaml_event_t event;
	bool ok, last;

	do {
		if (!yaml_parser_parse(parser, &event))
			return syntax_error(p->site, parser, text, size);
		last = event.type == YAML_STREAM_END_EVENT;
		ok = event_seen(p, &event);
		yaml_event_delete(&event);
	} while (ok && !last);
	return ok;
}

struct lines *lines_parse(
	const char *name, const char *text, size_t size, struct conf_errors *errors)
{
	struct site site = {.file = name, .errors = errors};
	struct parse p = {.site = &site, .lines = calloc(1, sizeof(*p.lines))};
	yaml_parser_t parser;
	bool ok;

	if (p.lines == NULL || !yaml_parser_initialize(&parser)) {
		conf_errors_add(errors, "%s: there is no memory left", name);
		free(p.lines);
		return NULL;
	}
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
	ok = parse_events(&p, &parser, text, size);
	yaml_parser_delete(&parser);
	while (p.depth > 0)
		free(p.stack[--p.depth].key);
	if (ok)
		return p.lines;
	lines_free(p.lines);
	return NULL;
}

/* The last child of parent with this key, or with this index when key_size is 0. 0: none. */
static size_t child(
	const struct lines *l, size_t parent, const char *key, size_t key_size, size_t index)
{
	size_t found = 0;

	for (size_t i = parent + 1; i < l->n; i++) {
		const struct node *n = &l->nodes[i];

		if (n->parent != parent)
			continue;
		if (key_size == 0 ? n->key == NULL && n->index == index
				  : n->key != NULL && strncmp(n->key, key, key_size) == 0 &&
					    n->key[key_size] == '\0')
			found = i;
	}
	return found;
}

/* exact: NULL unless the whole path is there. */
static const struct node *find(const struct lines *l, const char *path, bool exact)
{
	size_t at = 0, next, size;
	char *end;

	if (l == NULL || l->n == 0)
		return NULL;
	while (*path != '\0') {
		if (*path == '[') {
			next = child(l, at, NULL, 0, strtoul(path + 1, &end, 10));
			path = *end == ']' ? end + 1 : end;
		} else {
			path += *path == '.';
			size = strcspn(path, ".[");
			next = size == 0 ? 0 : child(l, at, path, size, 0);
			path += size;
		}
		if (next == 0)
			return exact ? NULL : &l->nodes[at];
		at = next;
	}
	return &l->nodes[at];
}

size_t lines_find(const struct lines *l, const char *path)
{
	const struct node *n = find(l, path, false);

	return n != NULL ? n->line : 1;
}

enum lines_kind lines_kind(const struct lines *l, const char *path)
{
	const struct node *n = find(l, path, true);

	return n != NULL ? n->kind : LINES_NOTHING;
}

bool lines_scalar(const struct lines *l, const char *path, size_t *start, size_t *end)
{
	const struct node *n = find(l, path, true);

	if (n == NULL || n->kind != LINES_SCALAR || n->end == 0)
		return false;
	*start = n->start;
	*end = n->end;
	return true;
}

void site_error(const struct site *s, const char *path, const char *fmt, ...)
{
	char sentence[512];
	va_list ap;

	if (s->errors->n >= CONF_ERRORS_MAX) { /* do not look up lines that nobody sees */
		conf_errors_add(s->errors, "%s", fmt);
		return;
	}
	va_start(ap, fmt);
	vsnprintf(sentence, sizeof(sentence), fmt, ap);
	va_end(ap);
	if (s->file == NULL)
		conf_errors_add(s->errors, "%s", sentence);
	else if (s->lines == NULL)
		conf_errors_add(s->errors, "%s: %s", s->file, sentence);
	else
		conf_errors_add(
			s->errors, "%s:%zu: %s", s->file, lines_find(s->lines, path), sentence);
}

const char *at_format(char buf[AT_SIZE], const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(buf, AT_SIZE, fmt, ap);
	va_end(ap);
	return buf;
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include "conf/tree.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

const cyaml_schema_value_t tree_word = {
	CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 0, CYAML_UNLIMITED)};

/*
 * What libcyaml says about a failure, line by line: the problem, then a backtrace from the inside
 * out, "in mapping field 'mac' (line: ..)", "in sequence entry '2' (line: ..)". The backtrace is
 * turned into a path, since its lines are those of the values before.
 */
struct report {
	char problem[160];
	char path[AT_SIZE];
};

static void path_enclose(struct report *r, const char *step)
{
	char inner[AT_SIZE];

	snprintf(inner, sizeof(inner), "%s", r->path);
	snprintf(r->path, sizeof(r->path), "%s%s%.*s", step,
		inner[0] != '\0' && inner[0] != '[' ? "." : "", (int)(AT_SIZE - strlen(step) - 2),
		inner);
}

static void log_seen(cyaml_log_t level, void *ctx, const char *fmt, va_list args)
{
	struct report *r = ctx;
	char line[160], key[64], step[AT_SIZE / 2];
	unsigned int count;

	if (level != CYAML_LOG_ERROR)
		return;
	vsnprintf(line, sizeof(line), fmt, args);
	line[strcspn(line, "\n")] = '\0';
	if (r->problem[0] == '\0') {
		snprintf(r->problem, sizeof(r->problem), "%s",
			strncmp(line, "Load: ", 6) == 0 ? line + 6 : line);
	} else if (sscanf(line, " in mapping field '%63[^']'", key) == 1) {
		path_enclose(r, key);
	} else if (sscanf(line, " in sequence entry '%u'", &count) == 1) {
		snprintf(step, sizeof(step), "[%u]",
			count > 0 ? count - 1 : 0); /* it counts first */
		path_enclose(r, step);
	}
}

/* The part of the schema that a path leads to; NULL when it leads out of it. */
static const cyaml_schema_value_t *schema_at(const cyaml_schema_value_t *root, const char *path)
{
	const cyaml_schema_value_t *at = root;
	const cyaml_schema_field_t *f;
	size_t size;

	while (*path != '\0') {
		if (*path == '[') {
			if (at->type != CYAML_SEQUENCE)
				return NULL;
			at = at->sequence.entry;
			path += strcspn(path, "]");
			path += *path == ']';
			continue;
		}
		path += *path == '.';
		size = strcspn(path, ".[");
		if (at->type != CYAML_MAPPING)
			return NULL;
		for (f = at->mapping.fields; f->key != NULL; f++)
			if (strlen(f->key) == size && memcmp(f->key, path, size) == 0)
				break;
		if (f->key == NULL)
			return NULL;
		at = &f->value;
		path += size;
	}
	return at;
}

static void key_rejected(
	const cyaml_schema_value_t *root, const struct report *r, const struct site *site)
{
	const cyaml_schema_value_t *at = schema_at(root, r->path);
	const char *key = strchr(r->problem, ':');
	char list[256] = "";
	size_t used;

	key = key != NULL ? key + 2 : "";
	for (size_t i = 0; at != NULL && at->type == CYAML_MAPPING; i++) {
		if (at->mapping.fields[i].key == NULL)
			break;
		used = strlen(list);
		snprintf(list + used, sizeof(list) - used, "%s%s", used > 0 ? ", " : "",
			at->mapping.fields[i].key);
	}
	site_error(site, AT("%s%s%s", r->path, r->path[0] != '\0' ? "." : "", key),
		"there is no key '%.64s' %s%s; choose from %s", key,
		r->path[0] != '\0' ? "in " : "here", r->path, list);
}

static void type_rejected(
	const cyaml_schema_value_t *root, const struct report *r, const struct site *site)
{
	static const char *const found[] = {[LINES_NOTHING] = "nothing",
		[LINES_SCALAR] = "a single value",
		[LINES_LIST] = "a list",
		[LINES_MAPPING] = "a mapping"};
	const cyaml_schema_value_t *at = schema_at(root, r->path);
	const char *due = "a single value";

	if (at != NULL && at->type == CYAML_MAPPING)
		due = "a mapping (key: value)";
	if (at != NULL && at->type == CYAML_SEQUENCE)
		due = "a list ([a, b], or lines that begin with '-')";
	site_error(site, r->path, "%s must be %s, but is %s",
		r->path[0] != '\0' ? r->path : "the configuration", due,
		found[lines_kind(site->lines, r->path)]);
}

static void load_failed(const cyaml_schema_value_t *root, cyaml_err_t err, const struct report *r,
	const struct site *site)
{
	const char *problem = r->problem[0] != '\0' ? r->problem : cyaml_strerror(err);
	unsigned int max;

	if (err == CYAML_ERR_INVALID_KEY)
		key_rejected(root, r, site);
	else if (err == CYAML_ERR_UNEXPECTED_EVENT)
		site_error(site, r->path, "%s is given twice", r->path);
	else if (sscanf(problem, "Excessive entries (%u max)", &max) == 1)
		site_error(site, r->path, "this list has more than %u entries", max);
	else if (err == CYAML_ERR_INVALID_VALUE)
		type_rejected(root, r, site);
	else
		site_error(site, r->path, "%s", problem);
}

static cyaml_config_t config(struct report *r)
{
	return (cyaml_config_t){
		.log_fn = log_seen,
		.log_ctx = r,
		.log_level = CYAML_LOG_ERROR,
		.mem_fn = cyaml_mem,
		.flags = CYAML_CFG_NO_ALIAS,
	};
}

int tree_load(const struct cyaml_schema_value *root, const char *text, size_t size,
	const struct site *site, void **out)
{
	struct report report = {{0}};
	cyaml_config_t c = config(&report);
	cyaml_data_t *data = NULL;
	cyaml_err_t err;

	*out = NULL;
	err = cyaml_load_data((const uint8_t *)text, size, &c, root, &data, NULL);
	if (err != CYAML_OK) {
		load_failed(root, err, &report, site);
		return -EINVAL;
	}
	*out = data;
	return 0;
}

void tree_free(const struct cyaml_schema_value *root, void *tree)
{
	struct report report = {{0}};
	cyaml_config_t c = config(&report);

	cyaml_free(&c, root, tree, 0);
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include "conf/driver.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conf/driver_raw.h"
#include "conf/file.h"

static const struct conf_driver defaults = {
	.file = "defaults",
	.link = {.detect = CONF_LINK_INTERRUPT, .poll_ms = 100},
	.multicast = {.filter = CONF_FILTER_LIST, .size = CONF_UNLIMITED},
	.unicast = {.filter = CONF_FILTER_LIST, .size = CONF_UNLIMITED},
	.descriptors = {.rx = 1024, .tx = 1024},
	.vlan = {.strip = true},
};

/* --- from what was written to the struct; errors are the site's --- */

/* One part of an entry. Its first field is what the part is about, and must be there. */
static void part_build(const struct site *site, const char *path, const char *part,
	const struct field *fields, const void *raw, struct conf_driver *out)
{
	const char *at = AT("%s.%s", path, part);

	if (raw == NULL) {
		site_error(site, path, "%s is missing; every entry says it, and its source", part);
		return;
	}
	for (const struct field *f = fields; f->key != NULL; f++) {
		bool due = f == fields || strcmp(f->key, "source") == 0;

		if (due && *(char *const *)((const char *)raw + f->raw) == NULL)
			site_error(site, at, "%s has no %s", part, f->key);
	}
	fields_parse(fields, raw, out, site, at, part);
}

static void names_build(const struct raw_driver *raw, const struct site *site, const char *path,
	struct conf_driver *out)
{
	out->names = calloc(raw->names_count + 1, sizeof(*out->names));
	if (raw->names_count == 0 || out->names == NULL) {
		site_error(site, path, "%s",
			out->names == NULL ? "there is no memory left"
					   : "this entry has no names; list what DPDK calls its "
					     "drivers");
		return;
	}
	out->n_names = raw->names_count;
	for (unsigned int i = 0; i < raw->names_count; i++) {
		if (driver_name_is_right(raw->names[i]))
			strcpy(out->names[i], raw->names[i]);
		else
			site_error(site, AT("%s.names[%u]", path, i),
				"'%.64s' is not the name of a driver", raw->names[i]);
	}
}

static void faults_build(const struct raw_driver *raw, const struct site *site, const char *path,
	struct conf_driver *out)
{
	out->faults = calloc(raw->faults_count + 1, sizeof(*out->faults));
	if (out->faults == NULL) {
		site_error(site, path, "there is no memory left");
		return;
	}
	out->n_faults = raw->faults_count;
	for (unsigned int i = 0; i < raw->faults_count; i++) {
		const struct raw_fault *f = &raw->faults[i];
		const char *at = AT("%s.faults[%u]", path, i);

		if (f->fault == NULL || f->source == NULL)
			site_error(site, at, "this entry needs a fault and a source");
		fields_parse(driver_fault_fields, f, &out->faults[i], site, at, "");
	}
}

/* A size belongs to a list, and to nothing else. */
static void size_check(const struct site *site, const char *path, const char *part,
	const struct raw_filter *raw, enum conf_filter filter)
{
	if (raw != NULL && raw->size != NULL && filter != CONF_FILTER_LIST)
		site_error(site, AT("%s.%s.size", path, part),
			"%s: size is that of a list; leave it out", part);
}

static void driver_build(const struct raw_driver *raw, const struct site *site, const char *path,
	struct conf_driver *out)
{
	const struct {
		const char *name;
		const struct field *fields;
		const void *raw;
	} parts[] = {
		{"link", driver_link_fields, raw->link},
		{"multicast", driver_multicast_fields, raw->multicast},
		{"unicast", driver_unicast_fields, raw->unicast},
		{"descriptors", driver_descriptors_fields, raw->descriptors},
		{"vlan", driver_vlan_fields, raw->vlan},
		{"rss", driver_rss_fields, raw->rss},
	};

	names_build(raw, site, path, out);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		part_build(site, path, parts[i].name, parts[i].fields, parts[i].raw, out);
	size_check(site, path, "multicast", raw->multicast, out->multicast.filter);
	size_check(site, path, "unicast", raw->unicast, out->unicast.filter);
	faults_build(raw, site, path, out);
}

/* The names of a new entry among those before it. */
static void names_check(const struct conf_drivers *d, const struct conf_driver *fresh,
	const struct site *site, const char *path)
{
	for (size_t i = 0; i < fresh->n_names; i++) {
		const struct conf_driver *known = conf_driver_find(d, fresh->names[i]);

		if (known != &defaults)
			site_error(site, AT("%s.names[%zu]", path, i),
				"driver %s is described already, in %s", fresh->names[i],
				known->file);
	}
}

/* Append an entry, also one with errors, which is then freed with the rest. */
static void driver_append(struct conf_drivers *d, const struct raw_driver *raw,
	const struct site *site, const char *path, const char *file)
{
	struct conf_driver *grown = reallocarray(d->entries, d->n + 1, sizeof(*grown)), *fresh;

	if (grown == NULL) {
		site_error(site, path, "there is no memory left");
		return;
	}
	d->entries = grown;
	fresh = &grown[d->n];
	*fresh = defaults;
	snprintf(fresh->file, sizeof(fresh->file), "%s", file);
	driver_build(raw, site, path, fresh);
	names_check(d, fresh, site, path);
	d->n++;
}

static void text_load(struct conf_drivers *d, const char *path, const char *file, const char *text,
	size_t size, struct conf_errors *errors)
{
	struct site site = {.file = path, .errors = errors};
	struct lines *lines = lines_parse(path, text, size, errors);
	struct raw_drivers *raw;
	void *tree;

	site.lines = lines;
	if (lines != NULL && tree_load(&driver_root, text, size, &site, &tree) == 0) {
		raw = tree;
		if (raw == NULL || raw->drivers_count == 0)
			site_error(&site, AT_ROOT, "no driver is described here");
		for (unsigned int i = 0; raw != NULL && i < raw->drivers_count; i++)
			driver_append(d, &raw->drivers[i], &site, AT("drivers[%u]", i), file);
		tree_free(&driver_root, tree);
	}
	lines_free(lines);
}

static void file_load(
	struct conf_drivers *d, const char *dir, const char *file, struct conf_errors *errors)
{
	char path[4096];
	size_t size;
	char *text;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	text = file_read(path, &size, errors);
	if (text == NULL)
		return;
	if (size > CONF_FILE_MAX)
		conf_errors_add(
			errors, "%s: a driver file has at most %u bytes", path, CONF_FILE_MAX);
	else
		text_load(d, path, file, text, size, errors);
	free(text);
}

static int is_yaml(const struct dirent *e)
{
	size_t size = strlen(e->d_name);

	return e->d_name[0] != '.' && size > 5 && size < CONF_NAME_SIZE &&
	       strcmp(e->d_name + size - 5, ".yaml") == 0;
}

struct conf_drivers *conf_drivers_load(const char *dir, struct conf_errors *errors)
{
	struct conf_drivers *d = calloc(1, sizeof(*d));
	size_t n_before = conf_errors_count(errors);
	struct dirent **files;
	int n;

	n = d != NULL ? scandir(dir, &files, is_yaml, alphasort) : -1;
	if (n < 0) {
		conf_errors_add(errors, "%s: cannot be read: %s", dir, strerror(errno));
		free(d);
		return NULL;
	}
	for (int i = 0; i < n; i++) {
		file_load(d, dir, files[i]->d_name, errors);
		free(files[i]);
	}
	free(files);
	if (conf_errors_count(errors) == n_before)
		return d;
	conf_drivers_free(d);
	return NULL;
}

void conf_drivers_free(struct conf_drivers *d)
{
	if (d == NULL)
		return;
	for (size_t i = 0; i < d->n; i++) {
		free(d->entries[i].names);
		free(d->entries[i].faults);
	}
	free(d->entries);
	free(d);
}

const struct conf_driver *conf_driver_find(const struct conf_drivers *d, const char *name)
{
	for (size_t i = 0; d != NULL && i < d->n; i++)
		for (size_t k = 0; k < d->entries[i].n_names; k++)
			if (strcmp(d->entries[i].names[k], name) == 0)
				return &d->entries[i];
	return &defaults;
}

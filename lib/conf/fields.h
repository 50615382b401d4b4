/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONF_FIELDS_H
#define CONF_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"
#include "conf/lines.h"

/*
 * What one key of the configuration means: how its text becomes a member of a struct and is printed
 * again. YAML, the command line and conf_print share these tables.
 */
struct choice {
	const char *name; /* NULL ends a list; the first name of a value is the one printed */
	int value;
};

enum field_kind { FIELD_TEXT, FIELD_NUMBER, FIELD_CHOICE, FIELD_IP, FIELD_MAC };

struct field {
	const char *key; /* NULL ends a table */
	enum field_kind kind;
	size_t raw;  /* offset of the text, a char *, in the raw struct; NULL there: not given */
	size_t out;  /* offset of the member in the struct of conf.h */
	size_t size; /* of that member */
	uint32_t min, max;                /* numbers */
	const struct choice *choices;     /* choices */
	bool (*accepts)(const void *out); /* the others */
	const char *accepted;             /* what it accepts: "'x' is not ..." */
	bool quoted;                      /* when printed */
	bool optional;                    /* a number or choice: 0 is "not given" and not printed */
};

extern const struct field root_fields[], control_fields[], metrics_fields[], igmp_fields[],
	vlan_fields[], timers_fields[], static_fields[], uplink_fields[], team_fields[],
	guest_fields[], limits_fields[], security_fields[];

/* 0 or -EINVAL with a sentence; then the member keeps its value. base: the struct of conf.h. */
int field_parse(const struct field *f, const char *text, void *base, struct error *err);

/* All of a table. Errors, each at path + "." + key and after "what: ", go to site. Returns how many
 * there were. */
size_t fields_parse(const struct field *table, const void *raw, void *base, const struct site *site,
	const char *path, const char *what);

/* The field of a key, NULL when there is none. */
const struct field *fields_find(const struct field *table, const char *key);

/* A text or MAC that is not given, or an optional number or choice; it is not printed. */
bool field_is_empty(const struct field *f, const void *base);
/* "key: value" */
void field_print(const struct field *f, const void *base, FILE *out);

/* A VLAN id that stands for itself, in a list. 0 or -EINVAL with a sentence. */
int vlan_id_parse(const char *text, uint16_t *id, struct error *err);

#endif

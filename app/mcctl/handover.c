/* SPDX-License-Identifier: BSD-3-Clause */
#include "handover.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "client.h"
#include "request.h"
#include "verbs.h"

#define PART_MAX 60000 /* octets of JSON: a request is at most 65536 */

void export_print(const struct request *r, const json_t *result)
{
	json_dumpf(result, stdout, JSON_COMPACT);
	putchar('\n');
}

struct totals {
	json_int_t admitted, waiting, refused;
};

static int part_send(const struct request *r, struct client *c, json_t *state, bool append,
	struct totals *t, struct error *err)
{
	json_t *result,
		*params = json_pack("{s:O, s:O, s:b}", "name", json_object_get(r->params, "name"),
			"state", state, "append", append);
	int rc = client_call(c, r->verb->method, params, &result, err);

	if (rc < 0)
		return rc;
	t->admitted += json_integer_value(json_object_get(result, "admitted"));
	t->refused += json_integer_value(json_object_get(result, "refused"));
	t->waiting = json_integer_value(json_object_get(result, "waiting"));
	json_decref(result);
	return 0;
}

static size_t size_of(const json_t *value)
{
	return json_dumpb(value, NULL, 0, JSON_COMPACT | JSON_ENCODE_ANY) + 1;
}

/* Send all but the rows again and again, with as many rows each time as a request holds. */
static int parts_send(const struct request *r, struct client *c, json_t *state, struct totals *t,
	struct error *err)
{
	json_t *rows = json_incref(json_object_get(state, "rows")), *part;
	size_t n = json_array_size(rows), i = 0;
	bool append = false;
	int rc = 0;

	do {
		size_t size = 0;

		part = json_array();
		json_object_set(state, "rows", part);
		size = size_of(state);
		while (i < n && (size += size_of(json_array_get(rows, i))) <= PART_MAX)
			json_array_append(part, json_array_get(rows, i++));
		if (json_array_size(part) == 0 && i < n)
			rc = error_set(err, -EINVAL,
				"standard input: one membership, rows[%zu], is too long", i);
		else
			rc = part_send(r, c, state, append, t, err);
		append = true;
		json_decref(part);
	} while (rc == 0 && i < n);
	json_decref(rows);
	return rc;
}

static void totals_print(const struct request *r, const struct totals *t)
{
	json_t *answer;

	if (!r->json) {
		printf("%s: %lld memberships admitted, %lld wait for the guest, %lld refused\n",
			json_string_value(json_object_get(r->params, "name")),
			(long long)t->admitted, (long long)t->waiting, (long long)t->refused);
		return;
	}
	answer = json_pack("{s:I, s:I, s:I}", "admitted", t->admitted, "waiting", t->waiting,
		"refused", t->refused);
	json_dumpf(answer, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(answer);
}

int import_run(const struct request *r, struct client *c, struct error *err)
{
	struct totals totals = {0};
	json_error_t problem;
	json_t *state = json_loadf(stdin, 0, &problem);
	int rc;

	if (state == NULL)
		return error_set(
			err, -EINVAL, "standard input, line %d: %s", problem.line, problem.text);
	if (!json_is_array(json_object_get(state, "rows")))
		rc = error_set(err, -EINVAL,
			"standard input: expected what export prints, a JSON object with rows");
	else
		rc = parts_send(r, c, state, &totals, err);
	json_decref(state);
	if (rc == 0)
		totals_print(r, &totals);
	return rc;
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include "api/snapshot.h"

#include <errno.h>
#include <stdlib.h>

#include "api/api.h"
#include "control/control.h"

static int rows_next(struct rpc_rows *rows, json_t **row)
{
	struct snapshot *s = (struct snapshot *)rows;

	if (s->next == s->n)
		return 0;
	*row = s->json(s, s->data + s->next++ * s->row_size);
	return *row != NULL ? 1 : -ENOMEM;
}

static void rows_destroy(struct rpc_rows *rows)
{
	snapshot_destroy((struct snapshot *)rows);
}

struct snapshot *snapshot_create(struct caller *caller, size_t row_size, snapshot_json_fn *json)
{
	struct snapshot *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->rows = (struct rpc_rows){rows_next, rows_destroy};
	s->caller = caller;
	s->json = json;
	s->now = control_now(caller->control);
	s->row_size = row_size;
	return s;
}

void snapshot_destroy(struct snapshot *s)
{
	if (s == NULL)
		return;
	*s->caller->snapshots_size -= s->max * s->row_size;
	free(s->data);
	free(s);
}

static int grow(struct snapshot *s)
{
	size_t max = s->max > 0 ? 2 * s->max : 256;
	size_t more = (max - s->max) * s->row_size;
	char *data;

	if (*s->caller->snapshots_size + more > API_MAX_SNAPSHOTS)
		return -EBUSY;
	data = realloc(s->data, max * s->row_size);
	if (data == NULL)
		return -ENOMEM;
	*s->caller->snapshots_size += more;
	s->data = data;
	s->max = max;
	return 0;
}

void *snapshot_add(struct snapshot *s)
{
	if (s->n == s->max)
		s->error = grow(s);
	if (s->error < 0)
		return NULL;
	return s->data + s->n++ * s->row_size;
}

int snapshot_finish(struct snapshot *s, struct rpc_call *call)
{
	int rc = s->error;

	if (rc == 0) {
		call->rows = &s->rows;
		return 0;
	}
	snapshot_destroy(s);
	if (rc == -EBUSY)
		return error_set(&call->err, rc,
			"too many rows are being read at once: ask for less (vlan, group, port) or "
			"again in a moment");
	return error_set(&call->err, rc, "no memory for the rows");
}

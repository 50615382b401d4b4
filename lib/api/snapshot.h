/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef API_SNAPSHOT_H
#define API_SNAPSHOT_H

#include "api/methods.h"

/*
 * Rows as they were when they were asked for. A switch may hold a hundred thousand memberships; to
 * make JSON of them takes longer than a join may wait. So a walk copies them, small and quick, and
 * each turn of the loop makes some of them into JSON.
 */
struct snapshot;

/* Row as JSON; now is the time of the snapshot. NULL: no memory. */
typedef json_t *snapshot_json_fn(const struct snapshot *s, const void *row);

struct snapshot {
	struct rpc_rows rows; /* first: rpc.c knows no more of it */
	struct caller *caller;
	snapshot_json_fn *json;
	nsec now;
	int error; /* 0, -ENOMEM, -EBUSY: rows are missing */
	size_t row_size, n, max, next;
	char *data;
};

/* NULL: no memory. */
struct snapshot *snapshot_create(struct caller *caller, size_t row_size, snapshot_json_fn *json);
void snapshot_destroy(struct snapshot *s);
/* A new last row of undefined content, NULL when there is no room: s->error says why. */
void *snapshot_add(struct snapshot *s);
/* Hand it to the call. 0, or s->error with the sentence; then it is destroyed. */
int snapshot_finish(struct snapshot *s, struct rpc_call *call);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef API_METRICS_H
#define API_METRICS_H

#include "base/error.h"

/*
 * Figures for Prometheus and what reads its format: GET /metrics on a Unix socket or an address,
 * OpenMetrics 1.0 where the client accepts it, else the Prometheus text format 0.0.4. It lives in the
 * control event loop: an answer is made in pieces, one a turn and only while its reader reads.
 */
struct control;
struct metrics;

/*
 * Listen where the configuration says: a path (mode 0660, owner and groups as of the control socket)
 * or ADDRESS:PORT. Nobody asks who reads at an address. NULL with the sentence in err.
 */
struct metrics *metrics_create(struct control *c, struct error *err);
void metrics_destroy(struct metrics *m); /* before control. NULL is fine */

#endif

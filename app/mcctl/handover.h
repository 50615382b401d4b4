/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MCCTL_HANDOVER_H
#define MCCTL_HANDOVER_H

#include <jansson.h>

#include "base/error.h"

/* A guest's memberships on their way from one switch to another: JSON through a pipe. */
struct client;
struct request;

void export_print(const struct request *r, const json_t *result);
/* Reads standard input to its end. */
int import_run(const struct request *r, struct client *c, struct error *err);

#endif

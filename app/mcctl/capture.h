/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MCCTL_CAPTURE_H
#define MCCTL_CAPTURE_H

#include "base/error.h"

struct client;
struct request;

/* Frames as pcapng on standard output until there are enough, or a signal ends it. */
int capture_run(const struct request *r, struct client *c, struct error *err);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef API_TELEMETRY_H
#define API_TELEMETRY_H

#include "base/error.h"

/*
 * The figures of the control socket as commands of DPDK's telemetry socket: /mcswitch/status, ports,
 * uplinks, teams, queriers, groups, cores and drops, for dpdk-telemetry.py and what reads the same.
 *
 * DPDK answers on a thread of its own, which must not touch control. So control publishes each topic
 * once a second as finished JSON under a lock that no worker takes, and the thread reads only that.
 * Bounded: TELEMETRY_MAX_GROUPS groups, since an answer holds 16 KiB.
 */
struct control;
struct telemetry;

#define TELEMETRY_MAX_GROUPS 256

/* EAL has started with telemetry. NULL with the sentence in err. */
struct telemetry *telemetry_create(struct control *c, struct error *err);
/* The commands stay, and tell that the switch is ending. Before control. NULL is fine. */
void telemetry_destroy(struct telemetry *t);

#endif

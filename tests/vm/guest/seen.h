/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MCGUEST_SEEN_H
#define MCGUEST_SEEN_H

#include <stdio.h>

/*
 * What the switch put into this machine, before the kernel looks at memberships: the proof that a
 * stream does not reach a guest that did not ask. Counts received IP multicast frames by interface,
 * VLAN and destination.
 */

/* 0 or -errno. */
int seen_open(void);

/* What to wait for; -1 if not open. */
int seen_fd(void);

void seen_run(void);
void seen_reset(void);

/* A JSON list, one object a destination. */
void seen_stats(FILE *out);

#endif

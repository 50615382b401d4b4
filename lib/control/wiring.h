/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_WIRING_H
#define CONTROL_WIRING_H

#include "base/error.h"
#include "control/control.h"

/* What app/mcswitch builds and hands to the control lcore. All of it outlives control. */
struct control_wiring {
	struct forwarding *fwd;
	struct portset_pool *sets;
	struct retire *retire;
	const struct conf_drivers *drivers; /* what is known of NICs' drivers; NULL: nothing */
	const char *version;
};

/*
 * Take the configuration (and own it from now on, also on error), open every port it names and
 * publish the first plane. No worker needs to run yet. On error nothing is left open.
 */
int control_create(const struct control_wiring *wiring, struct conf *conf, struct control **out,
	struct error *err);

/* Turn the loop until control_stop. */
void control_run(struct control *c);

/* Workers have stopped. NULL is fine. */
void control_destroy(struct control *c);

#endif

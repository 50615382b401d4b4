/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef UNIT_FAKE_CONTROL_H
#define UNIT_FAKE_CONTROL_H

#include <stdbool.h>

#include "conf/conf.h"
#include "control/control.h"

/*
 * A control lcore that only shows a fixed scene: one uplink, two guests, a row of each kind. It
 * stands in for control.h, and for what api reads of membership and conf, in tests of api.
 */
struct control {
	struct event_base *base;
	struct control_watcher *watchers;
	struct conf conf;
	unsigned int n_extra_rows; /* besides the scene's: for long answers */
	bool refuse;               /* every action */
	char last[512];            /* the last action as words */
};

void fake_control_init(struct control *c, struct event_base *base);
/* An event happens. */
void fake_control_tell(struct control *c, const char *text);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#include "watchdog.h"

int watchdog_look(struct watchdog *w, const uint64_t *turns, unsigned int n)
{
	int still = -1;

	if (n > WATCHDOG_MAX_WORKERS)
		n = WATCHDOG_MAX_WORKERS;
	for (unsigned int i = 0; i < n; i++) {
		if (n == w->n && turns[i] == w->turns[i] && still < 0)
			still = (int)i;
		w->turns[i] = turns[i];
	}
	w->n = n;
	return still;
}

/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_QMP_H
#define CONTROL_QMP_H

#include <event2/event.h>

#include "base/addr.h"
#include "control/qmp_filter.h"

/*
 * What a guest's QEMU tells over its monitor socket (QMP): the receive filter of the guest's NIC, and
 * that the machine resumes. Runs on the control loop; memory and time are bounded whatever the peer
 * does (qmp_link.h).
 */
struct qmp;

struct qmp_sink {
	void *ctx;
	/* The filter as it is now; valid during the call. */
	void (*filter)(void *ctx, const struct qmp_filter *filter);
	/* The machine runs on after an incoming migration, a pause or a restored snapshot. */
	void (*resumed)(void *ctx);
	/* connected: NIC found, its name in text. Else why not; told at each change. */
	void (*state)(void *ctx, bool connected, const char *text);
};

/*
 * path: of the monitor's socket. vhost_path: of the guest's vhost-user socket, by which its NIC is
 * found; if QEMU does not tell, by mac (may be zero); else the machine's only NIC is taken. The
 * strings are the caller's and stay. NULL: no memory.
 */
struct qmp *qmp_create(struct event_base *base, const char *path, const char *vhost_path,
	const struct mac_addr *mac, const struct qmp_sink *sink);
/* NULL is fine. The sink is not told. */
void qmp_destroy(struct qmp *q);

/* Read the filter (again), now or as soon as there is a connection. */
void qmp_ask(struct qmp *q);

#endif

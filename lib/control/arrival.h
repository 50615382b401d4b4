/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_ARRIVAL_H
#define CONTROL_ARRIVAL_H

#include "base/clock.h"
#include "control/control.h"

struct ctl_port;

/* What shows that a guest has moved in. */
enum ctl_sign {
	SIGN_VRING,    /* its rings were in use before it connected */
	SIGN_RARP,     /* its front-end asks us to announce it (VHOST_USER_SEND_RARP) */
	SIGN_QMP,      /* QEMU says RESUME */
	SIGN_OPERATOR, /* mcctl guest migrated */
	SIGN_N,
};

/* The last arrival of a guest, in its port. */
struct ctl_arrival {
	bool open; /* first seen a short while ago: more signs and first times are awaited */
	bool due;  /* what follows has not been done: the port is not up yet */
	nsec last_sign;
	int64_t frames; /* that were the guest's own to receive, when it arrived */
	struct control_migration told;
};

void ctl_arrival_sign(struct control *c, struct ctl_port *p, enum ctl_sign sign);
/* The port went down. */
void ctl_arrival_end(struct control *c, struct ctl_port *p);
/* The planes are published: do what is due, and look for what comes first. */
void ctl_arrivals_advance(struct control *c);
/* The guest has reported. */
void ctl_arrival_answered(struct control *c, struct ctl_port *p);
/* Report the guest's groups for it: more of them have become known. */
void ctl_arrival_replay(struct control *c, struct ctl_port *p);
/* The guest's NIC filter is admitted. */
void ctl_arrival_filter(struct control *c, struct ctl_port *p, unsigned int n_rows);

#endif

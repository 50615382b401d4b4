/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MEMBERSHIP_QUERIER_H
#define MEMBERSHIP_QUERIER_H

#include "membership/machine.h"

struct vlan_state;

/* Who asks the hosts of a VLAN in one family: another, or we, or nobody. */
struct querier {
	struct timer present; /* runs while another one is known */
	struct timer ask;     /* runs while we are the one and there is a port to ask */
	struct vlan_state *vlan;
	struct membership_timers timers; /* in force: configured, or adopted from the other */
	struct ip_addr address;          /* of the other; unspecified: none */
	nsec since;                      /* of the present state of affairs */
	uint16_t port;
	uint8_t version;
	bool v6;
	uint8_t n_startup;         /* startup queries still to send */
	uint8_t robustness;        /* told by the other; 0: not */
	uint32_t query_interval_s; /* told by the other; 0: not */
};

void querier_init(struct membership *m, struct querier *q, struct vlan_state *vlan, bool v6);
void querier_fini(struct membership *m, struct querier *q);
/* The settings of the VLAN, or its ports, are others now. */
void querier_settings_changed(struct membership *m, struct querier *q, bool was_ours);
void querier_ports_changed(struct membership *m, struct querier *q);

/* Returns whether it came from the querier, elected before or by this. */
bool querier_query_seen(
	struct membership *m, struct querier *q, uint16_t port, const struct group_msg *query);

/* The port may no longer route: what was heard from it does not count. */
void querier_port_refused(struct membership *m, struct querier *q, uint16_t port);

static inline bool querier_is_other(const struct querier *q)
{
	return timer_is_running(&q->present);
}

bool querier_is_ours(const struct querier *q);
/* Our source address; unspecified unless one is configured for this family. */
struct ip_addr querier_own_address(const struct querier *q);
/* Are we the querier, and do our queries go to this port? */
bool querier_asks(const struct membership *m, const struct querier *q, uint16_t port);
/* Send a query with the values of this querier to ports. */
void querier_send(struct membership *m, const struct querier *q, const struct bitset *ports,
	struct group_query *query);

void querier_present_expire(struct membership *m, struct timer *t);
void querier_ask_expire(struct membership *m, struct timer *t);

#endif

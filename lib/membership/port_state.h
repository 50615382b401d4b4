/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MEMBERSHIP_PORT_STATE_H
#define MEMBERSHIP_PORT_STATE_H

#include "membership/row.h"

/* A port: its limits, its counters, and its rows in every VLAN. */
struct port_state {
	struct membership_port conf;
	struct membership_counters counters;
	struct row *rows;
	unsigned int n_rows;
	unsigned int n_heard;     /* rows that count against max_groups */
	unsigned int n_reporters; /* over all rows; see port_state_max_reporters */
	bool quota_told;          /* one event until it is below again */
};

struct port_state *port_state_find(const struct membership *m, uint16_t port);
int port_state_set(struct membership *m, const struct membership_port *conf);
/* End origins (bits) of all its rows, in one VLAN or, with NULL, in all. */
void port_state_end_rows(struct membership *m, struct port_state *port,
	const struct vlan_state *vlan, unsigned int origins, const char *reason);
void port_state_free(struct membership *m, uint16_t port);

/* A guest may invent any number of addresses: as many reporters as it may have rows and sources. */
unsigned int port_state_max_reporters(const struct port_state *port);

#endif

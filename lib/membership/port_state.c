/* SPDX-License-Identifier: BSD-3-Clause */
#include "membership/port_state.h"

#include <errno.h>
#include <stdlib.h>

struct port_state *port_state_find(const struct membership *m, uint16_t port)
{
	return port < BITSET_SIZE ? m->port[port] : NULL;
}

int port_state_set(struct membership *m, const struct membership_port *conf)
{
	struct port_state *port;

	if (conf->id >= BITSET_SIZE)
		return -EINVAL;
	port = m->port[conf->id];
	if (port == NULL)
		port = calloc(1, sizeof(*port));
	if (port == NULL)
		return -ENOMEM;
	port->conf = *conf;
	port->quota_told = false;
	m->port[conf->id] = port;
	return 0;
}

void port_state_end_rows(struct membership *m, struct port_state *port,
	const struct vlan_state *vlan, unsigned int origins, const char *reason)
{
	struct row *next;

	for (struct row *r = port->rows; r != NULL; r = next) {
		next = r->port_next;
		if (vlan == NULL || r->group->vlan == vlan)
			row_origins_end(m, r, origins, reason);
	}
}

void port_state_free(struct membership *m, uint16_t port)
{
	free(m->port[port]);
	m->port[port] = NULL;
}

unsigned int port_state_max_reporters(const struct port_state *port)
{
	uint64_t max = (uint64_t)port->conf.max_groups * (1 + (uint64_t)port->conf.max_sources);

	return max < UINT32_MAX ? (unsigned int)max : UINT32_MAX;
}

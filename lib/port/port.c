/* SPDX-License-Identifier: BSD-3-Clause */
#include "port/port.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "port/port_private.h"

/*
 * What both kinds share. A port id is reused by the control lcore after a guest was deleted; the
 * generation keeps facts that were under way about the earlier owner from being taken for news.
 */
#define VHOST_POLL_MS 100 /* in case a fact was lost */

static uint16_t next_generation;

struct port *port_new(
	const struct port_env *env, uint16_t id, enum port_kind kind, const char *device)
{
	struct port *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	p->kind = kind;
	p->id = id;
	p->env = env;
	p->pool = env->pool;
	p->own_rings = env->own_rings;
	p->stream_octets = env->stream_octets;
	p->attached = -1;
	p->generation = ++next_generation;
	atomic_init(&p->vid, -1);
	atomic_init(&p->node, -1);
	atomic_init(&p->up, false);
	snprintf(p->device, sizeof(p->device), "%s", device);
	return p;
}

void port_destroy(struct port *p)
{
	if (p == NULL)
		return;
	if (p->kind == PORT_ETHDEV)
		port_ethdev_destroy(p);
	else
		port_vhost_destroy(p);
	free(p->unicast);
	free(p);
}

/* From any thread. The pipe is blocking and never full for long: its reader only counts facts. */
void port_tell(const struct port *p, enum port_fact_type type)
{
	struct port_fact fact = {.port = p->id, .generation = p->generation, .type = type};
	ssize_t n;

	do {
		n = write(p->env->facts_fd, &fact, sizeof(fact));
	} while (n < 0 && errno == EINTR);
}

uint16_t port_id(const struct port *p)
{
	return p->id;
}

uint16_t port_generation(const struct port *p)
{
	return p->generation;
}

enum port_kind port_kind(const struct port *p)
{
	return p->kind;
}

const char *port_driver(const struct port *p)
{
	return p->driver;
}

const char *port_device(const struct port *p)
{
	return p->device;
}

unsigned int port_poll_ms(const struct port *p)
{
	return p->kind == PORT_ETHDEV ? p->profile.poll_ms : VHOST_POLL_MS;
}

const char *port_ring_fault(const struct port *p)
{
	return p->kind == PORT_VHOST ? ring_fault_sentence((enum ring_fault)atomic_load(&p->fault))
				     : "";
}

unsigned int port_ring_faults(const struct port *p)
{
	return atomic_load_explicit(&p->n_faults, memory_order_relaxed);
}

const char *port_link_detection(const struct port *p)
{
	return p->link_text;
}

const char *port_multicast_filter(const struct port *p)
{
	return p->multicast_text;
}

const char *port_unicast_filter(const struct port *p)
{
	return p->unicast_text;
}

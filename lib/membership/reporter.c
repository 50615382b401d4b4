/* SPDX-License-Identifier: BSD-3-Clause */
#include "membership/reporter.h"

#include "membership/port_state.h"
#include "membership/vlan_state.h"

/* Beyond an uplink there may be thousands; a list is walked for each report. */
#define LIST_MAX 128u

/* Does what it said last still count, or would the row's timers be over by now? */
static bool is_fresh(const struct membership *m, const struct row *r, const struct reporter *rep)
{
	nsec interval = vlan_state_membership_interval(r->group->vlan, !ip_is_v4(&r->group->id));
	uint32_t last = rep->last_join > rep->last_leave ? rep->last_join : rep->last_leave;

	return m->now < coarse_to_nsec(m, last) + interval + COARSE_TICK;
}

/* A host that had no address when it reported first (RFC 3376 4.2.13) has one now. */
static bool is_host(const struct reporter *rep, const struct host *h)
{
	return mac_equal(&rep->mac, &h->mac) &&
	       (ip_equal(&rep->address, &h->address) || ip_is_unspecified(&rep->address));
}

static void unlink_free(struct membership *m, const struct row *r, struct reporter **at)
{
	struct reporter *rep = *at;

	*at = rep->next;
	m->port[r->port]->n_reporters--;
	slab_give(&m->reporters, rep);
}

/* Find, and on the way drop those that have said nothing for an interval. */
static struct reporter *find_fresh(struct membership *m, const struct row *r,
	struct reporter **list, const struct host *h, unsigned int *n)
{
	struct reporter *found = NULL;

	*n = 0;
	while (*list != NULL) {
		if (is_host(*list, h))
			found = *list;
		else if (!is_fresh(m, r, *list)) {
			unlink_free(m, r, list);
			continue;
		}
		list = &(*list)->next;
		(*n)++;
	}
	return found;
}

static struct reporter *reporter_create(
	struct membership *m, struct row *r, struct reporter **list, unsigned int n)
{
	struct port_state *port = m->port[r->port];
	struct reporter *rep;

	if (n >= LIST_MAX || port->n_reporters >= port_state_max_reporters(port))
		return NULL;
	rep = slab_take(&m->reporters);
	if (rep == NULL)
		return NULL;
	port->n_reporters++;
	rep->next = *list;
	*list = rep;
	rep->left = true;
	return rep;
}

void reporter_joined(
	struct membership *m, struct row *r, struct reporter **list, const struct host *h)
{
	uint32_t now = coarse_from_nsec(m, m->now);
	struct reporter *rep;
	unsigned int n;

	rep = find_fresh(m, r, list, h, &n);
	if (rep == NULL)
		rep = reporter_create(m, r, list, n);
	if (rep == NULL) {
		r->untracked = true;
		return;
	}
	if (rep->left)
		rep->since = now;
	rep->left = false;
	rep->address = h->address;
	rep->mac = h->mac;
	rep->version = h->version;
	rep->last_join = now;
}

void reporter_left(
	struct membership *m, struct row *r, struct reporter **list, const struct host *h)
{
	struct reporter *rep;
	unsigned int n;

	rep = find_fresh(m, r, list, h, &n);
	if (rep == NULL)
		return;
	rep->left = true;
	rep->last_leave = coarse_from_nsec(m, m->now);
}

void reporter_clear(struct membership *m, struct row *r, struct reporter **list)
{
	while (*list != NULL)
		unlink_free(m, r, list);
}

bool reporter_is_live(const struct membership *m, const struct row *r, const struct reporter *rep)
{
	return !rep->left && is_fresh(m, r, rep);
}

bool reporter_has(const struct membership *m, const struct row *r, const struct reporter *list,
	const struct host *h)
{
	for (const struct reporter *rep = list; rep != NULL; rep = rep->next) {
		if (is_host(rep, h))
			return reporter_is_live(m, r, rep);
	}
	return false;
}

bool reporter_has_other(const struct membership *m, const struct row *r,
	const struct reporter *list, const struct host *h)
{
	for (const struct reporter *rep = list; rep != NULL; rep = rep->next) {
		if (!is_host(rep, h) && reporter_is_live(m, r, rep))
			return true;
	}
	return false;
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include "membership/forwarding.h"

#include <errno.h>

#include "membership/source.h"
#include "membership/vlan_state.h"

/*
 * Rows become port sets: who gets the group from a source in no list, and for each listed source
 * where that makes a difference, who gets it from there. The rows' source lists are sorted, so
 * they are merged with one cursor a row, without an allocation.
 */
typedef void exception_fn(
	void *ctx, unsigned int i, const struct ip_addr *source, const struct bitset *ports);

/* Ports whose NIC filter has the MAC and of whose groups behind it snooping knows none; ports
 * whose NIC takes all. Nothing refines the latter: the guest asked for every frame. */
static struct bitset filter_ports(const struct group *g)
{
	const struct group *mac_group = g->is_mac ? g : g->mac_group;
	struct bitset ports = g->vlan->filter_all;

	if (mac_group == NULL)
		return ports;
	for (const struct row *r = mac_group->rows; r != NULL; r = r->group_next) {
		if (row_has(r, ORIGIN_FILTER) && r->n_behind == 0)
			bitset_set(&ports, r->port);
	}
	return ports;
}

static struct bitset unlisted_ports(const struct group *g, const struct bitset *filter)
{
	struct bitset ports = *filter;

	for (const struct row *r = g->rows; r != NULL; r = r->group_next) {
		if (!g->is_mac && row_wants_unlisted(r))
			bitset_set(&ports, r->port);
	}
	return ports;
}

static const struct source *lowest(const struct source *const *cursor, unsigned int n)
{
	const struct source *low = NULL;

	for (unsigned int i = 0; i < n; i++) {
		if (cursor[i] == NULL)
			continue;
		if (low == NULL || ip_compare(&cursor[i]->address, &low->address) < 0)
			low = cursor[i];
	}
	return low;
}

/* Calls fn for each source whose ports are not the members. Returns how many those are. */
static unsigned int exceptions_walk(const struct group *g, const struct bitset *filter,
	const struct bitset *members, exception_fn *fn, void *ctx)
{
	const struct source *cursor[BITSET_SIZE];
	const struct source *low;
	unsigned int n_rows = 0, n = 0;

	for (const struct row *r = g->rows; r != NULL; r = r->group_next)
		cursor[n_rows++] = r->sources;
	while ((low = lowest(cursor, n_rows)) != NULL) {
		struct ip_addr address = low->address;
		struct bitset ports = *filter;
		unsigned int i = 0;

		for (const struct row *r = g->rows; r != NULL; r = r->group_next, i++) {
			bool here = cursor[i] != NULL && ip_equal(&cursor[i]->address, &address);

			if (here ? source_passes(cursor[i]) : row_wants_unlisted(r))
				bitset_set(&ports, r->port);
			if (here)
				cursor[i] = cursor[i]->next;
		}
		if (!bitset_equal(&ports, members))
			fn(ctx, n++, &address, &ports);
	}
	return n;
}

static uint64_t bitset_digest(const struct bitset *s, uint64_t h)
{
	for (unsigned int i = 0; i < BITSET_WORDS; i++)
		h = hash_mix(h ^ s->w[i]) + i;
	return h;
}

static void exception_digest(
	void *ctx, unsigned int i, const struct ip_addr *source, const struct bitset *ports)
{
	uint64_t *h = ctx;

	*h = bitset_digest(ports, ip_hash(source, *h));
}

uint64_t forwarding_digest(const struct group *g)
{
	struct bitset filter, members;
	uint64_t h;

	if (g->rows == NULL)
		return 0;
	filter = filter_ports(g);
	members = unlisted_ports(g, &filter);
	h = bitset_digest(&members, 1);
	if (!g->is_mac)
		exceptions_walk(g, &filter, &members, exception_digest, &h);
	return h != 0 ? h : 1;
}

struct exceptions {
	struct membership_source_ports *out;
	unsigned int max;
};

static void exception_store(
	void *ctx, unsigned int i, const struct ip_addr *source, const struct bitset *ports)
{
	struct exceptions *e = ctx;

	if (i < e->max)
		e->out[i] = (struct membership_source_ports){.source = *source, .ports = *ports};
}

int membership_forwarding(const struct membership *m, uint16_t vlan,
	const struct membership_group *group, struct bitset *members,
	struct membership_source_ports *sources, unsigned int max)
{
	const struct group *g = group_find_named(m, vlan, group);
	struct exceptions e = {.out = sources, .max = max};
	struct bitset filter;

	if (g == NULL || g->rows == NULL)
		return -ENOENT;
	filter = filter_ports(g);
	*members = unlisted_ports(g, &filter);
	if (g->is_mac)
		return 0;
	return (int)exceptions_walk(g, &filter, members, exception_store, &e);
}

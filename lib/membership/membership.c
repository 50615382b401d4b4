/* SPDX-License-Identifier: BSD-3-Clause */
#include "membership/membership.h"

#include <errno.h>
#include <stdlib.h>

#include "membership/configured.h"
#include "membership/leave.h"
#include "membership/mac_filter.h"
#include "membership/message.h"
#include "membership/port_state.h"
#include "membership/record.h"
#include "membership/reporter.h"
#include "membership/source.h"
#include "membership/vlan_state.h"

/*
 * Who wants which group. The facade of the room: every call that changes something first lets
 * time pass up to now, then changes state, then tells the sink of the groups whose forwarding is
 * another one (group_flush).
 *
 *   a message     message.c      validated, counted, taken apart
 *   its records   record.c       SSM, compatibility, quotas; allocate, then act
 *   their effect  filter_mode.c  RFC 3376 6.4 as a table
 *   on a row      row.c source.c reporter.c   what a port wants, from where, on whose behalf
 *   leaves        leave.c        end, ask or wait
 *   who asks      querier.c      and who routes: router.c
 *   NIC filters   mac_filter.c   configuration: configured.c
 *   the answer    forwarding.c   and for people: walk.c
 *
 * A row hangs in its group and in its port; groups hang in one hash table and in their VLAN. Rows,
 * sources, reporters and groups come from slabs; the VLAN, the port and the table own them.
 */

#define ORIGINS_ALL    ((1u << ORIGIN_N) - 1)
#define ORIGINS_LEARNT (ORIGINS_ALL & ~(1u << ORIGIN_STATIC))

static void (*const expire[WHEEL_N])(struct membership *m, struct timer *t) = {
	[WHEEL_ROW] = row_timer_expire,
	[WHEEL_SOURCE] = source_timer_expire,
	[WHEEL_LEAVE] = leave_timer_expire,
	[WHEEL_QUERIER] = querier_present_expire,
	[WHEEL_ASK] = querier_ask_expire,
	[WHEEL_ROUTER] = router_timer_expire,
};

struct membership *membership_create(const struct membership_sink *sink, uint64_t seed, nsec now)
{
	struct membership *m = calloc(1, sizeof(*m));

	if (m == NULL)
		return NULL;
	m->sink = *sink;
	m->seed = hash_mix(seed);
	m->birth = now;
	m->now = now;
	if (group_table_init(m) < 0) {
		free(m);
		return NULL;
	}
	for (unsigned int i = 0; i < WHEEL_N; i++)
		timer_wheel_init(&m->wheel[i], now);
	slab_init(&m->rows, sizeof(struct row));
	slab_init(&m->sources, sizeof(struct source));
	slab_init(&m->reporters, sizeof(struct reporter));
	slab_init(&m->leaves, sizeof(struct leave));
	return m;
}

void membership_destroy(struct membership *m)
{
	if (m == NULL)
		return;
	m->sink = (struct membership_sink){0};
	for (unsigned int i = 0; i < VLAN_ID_SIZE; i++) {
		if (m->vlan[i] != NULL)
			vlan_state_free(m, m->vlan[i]);
	}
	for (unsigned int i = 0; i < BITSET_SIZE; i++)
		port_state_free(m, (uint16_t)i);
	slab_fini(&m->rows);
	slab_fini(&m->sources);
	slab_fini(&m->reporters);
	slab_fini(&m->leaves);
	group_table_fini(m);
	free(m);
}

nsec membership_next(const struct membership *m)
{
	nsec next = NSEC_NEVER;

	for (unsigned int i = 0; i < WHEEL_N; i++) {
		nsec t = timer_wheel_next(&m->wheel[i]);

		if (t < next)
			next = t;
	}
	return next;
}

/* Step from one due time to the next, so that a late call does things in order, each at its time. */
static void time_pass(struct membership *m, nsec now)
{
	struct timer *t;
	nsec next;

	while ((next = membership_next(m)) <= now) {
		if (next > m->now)
			m->now = next;
		for (unsigned int i = 0; i < WHEEL_N; i++) {
			while ((t = timer_wheel_expire(&m->wheel[i], m->now)) != NULL)
				expire[i](m, t);
		}
	}
	if (now > m->now)
		m->now = now;
}

void membership_advance(struct membership *m, nsec now)
{
	time_pass(m, now);
	group_flush(m);
}

int membership_vlan_set(struct membership *m, const struct membership_vlan *vlan, nsec now)
{
	int rc;

	time_pass(m, now);
	rc = vlan_state_set(m, vlan);
	group_flush(m);
	return rc;
}

void membership_vlan_del(struct membership *m, uint16_t vlan, nsec now)
{
	struct vlan_state *v;

	time_pass(m, now);
	v = vlan_state_find(m, vlan);
	if (v != NULL)
		vlan_state_free(m, v);
	group_flush(m);
}

/* What an earlier setting of the port let it be. */
static void port_reconsider(struct membership *m, struct vlan_state *vlan, uint16_t port)
{
	const struct membership_port *conf = &m->port[port]->conf;
	bool may_route = conf->is_uplink || conf->router_allowed;

	for (unsigned int v6 = 0; v6 < 2; v6++) {
		if (!may_route)
			querier_port_refused(m, &vlan->querier[v6], port);
		querier_ports_changed(m, &vlan->querier[v6]);
	}
	if (!may_route && vlan->port[port] != NULL)
		router_end(m, vlan->port[port], false);
}

int membership_port_set(struct membership *m, const struct membership_port *port, nsec now)
{
	int rc;

	time_pass(m, now);
	rc = port_state_set(m, port);
	for (unsigned int i = 0; i < VLAN_ID_SIZE && rc == 0; i++) {
		if (m->vlan[i] != NULL)
			port_reconsider(m, m->vlan[i], port->id);
	}
	group_flush(m);
	return rc;
}

void membership_vlan_ports(
	struct membership *m, uint16_t vlan, const struct bitset *ports, nsec now)
{
	struct vlan_state *v;

	time_pass(m, now);
	v = vlan_state_find(m, vlan);
	if (v != NULL)
		vlan_state_ports_set(m, v, ports);
	group_flush(m);
}

static void port_end(struct membership *m, struct port_state *port, bool with_static)
{
	port_state_end_rows(m, port, NULL, with_static ? ORIGINS_ALL : ORIGINS_LEARNT, "port down");
	for (unsigned int i = 0; i < VLAN_ID_SIZE; i++) {
		if (m->vlan[i] != NULL)
			vlan_state_port_end(m, m->vlan[i], port->conf.id, with_static);
	}
}

void membership_port_down(struct membership *m, uint16_t port, nsec now)
{
	struct port_state *ps;

	time_pass(m, now);
	ps = port_state_find(m, port);
	if (ps != NULL)
		port_end(m, ps, false);
	group_flush(m);
}

void membership_port_del(struct membership *m, uint16_t port, nsec now)
{
	struct port_state *ps;

	time_pass(m, now);
	ps = port_state_find(m, port);
	if (ps == NULL)
		return;
	port_end(m, ps, true);
	group_flush(m);
	for (unsigned int i = 0; i < VLAN_ID_SIZE; i++) {
		if (m->vlan[i] != NULL)
			bitset_clear(&m->vlan[i]->ports, port);
	}
	port_state_free(m, port);
}

enum membership_verdict membership_message_seen(struct membership *m, uint16_t vlan, uint16_t port,
	const struct mac_addr *reporter, const struct group_msg *msg, nsec now)
{
	enum membership_verdict verdict;

	time_pass(m, now);
	verdict =
		message_seen(m, vlan_state_find(m, vlan), port_state_find(m, port), reporter, msg);
	group_flush(m);
	return verdict;
}

/* A VLAN and a port of it, for settings that name both. */
static struct vlan_state *vlan_of_port(struct membership *m, uint16_t vlan, uint16_t port)
{
	struct vlan_state *v = vlan_state_find(m, vlan);

	if (v == NULL || port_state_find(m, port) == NULL || !bitset_has(&v->ports, port))
		return NULL;
	return v;
}

int membership_static_add(struct membership *m, uint16_t vlan, uint16_t port,
	const struct ip_addr *group, const struct ip_addr *source, nsec now)
{
	struct vlan_state *v = vlan_of_port(m, vlan, port);
	int rc;

	if (!ip_is_multicast(group) || ip_is_link_local_group(group) || ip_is_multicast(source))
		return -EINVAL;
	if (v == NULL)
		return -ENOENT;
	time_pass(m, now);
	rc = configured_add(m, v, port, group, source);
	group_flush(m);
	return rc;
}

int membership_static_del(struct membership *m, uint16_t vlan, uint16_t port,
	const struct ip_addr *group, const struct ip_addr *source, nsec now)
{
	struct vlan_state *v = vlan_of_port(m, vlan, port);
	int rc;

	if (v == NULL)
		return -ENOENT;
	time_pass(m, now);
	rc = configured_del(m, v, port, group, source);
	group_flush(m);
	return rc;
}

int membership_filter_set(struct membership *m, uint16_t vlan, uint16_t port,
	const struct mac_addr *macs, unsigned int n, bool all, nsec now)
{
	struct vlan_state *v = vlan_of_port(m, vlan, port);
	int rc;

	if (v == NULL)
		return -ENOENT;
	time_pass(m, now);
	rc = mac_filter_set(m, v, m->port[port], macs, n, all);
	group_flush(m);
	return rc;
}

void membership_filter_all(const struct membership *m, uint16_t vlan, struct bitset *out)
{
	const struct vlan_state *v = vlan_state_find(m, vlan);

	*out = v != NULL ? v->filter_all : (struct bitset){0};
}

static int errno_from_verdict(enum membership_verdict verdict)
{
	if (verdict == MEMBERSHIP_DROP_QUOTA_GROUPS)
		return -EDQUOT;
	return verdict == MEMBERSHIP_DROP_NO_MEMORY ? -ENOMEM : 0;
}

static bool is_snooped(
	const struct membership *m, uint16_t vlan, uint16_t port, const struct ip_addr *group)
{
	const struct group *g = group_find(m, vlan, group, false);
	const struct row *r = g != NULL ? row_find(g, port) : NULL;

	return r != NULL && row_has(r, ORIGIN_SNOOPED);
}

int membership_restore(struct membership *m, uint16_t vlan, uint16_t port,
	const struct ip_addr *group, bool exclude, const struct ip_addr *sources,
	unsigned int n_sources, nsec now)
{
	struct vlan_state *v = vlan_of_port(m, vlan, port);
	struct record rec = {
		.type = exclude ? GROUP_RECORD_IS_EX : GROUP_RECORD_IS_IN,
		.origin = ORIGIN_RESTORED,
		.group = *group,
		.n_sources = n_sources,
		.list = sources,
	};
	int rc = 0;

	if (v == NULL)
		return -ENOENT;
	time_pass(m, now);
	if (!is_snooped(m, vlan, port, group)) /* else it is known better */
		rc = errno_from_verdict(record_seen(m, v, m->port[port], &rec, NULL));
	group_flush(m);
	return rc;
}

int membership_router_static(
	struct membership *m, uint16_t vlan, uint16_t port, bool is_router, nsec now)
{
	struct vlan_state *v = vlan_of_port(m, vlan, port);
	struct vlan_port *vp;

	if (v == NULL)
		return -ENOENT;
	if (!is_router && v->port[port] == NULL)
		return 0;
	vp = vlan_state_port(v, port);
	if (vp == NULL)
		return -ENOMEM;
	time_pass(m, now);
	router_static_set(m, vp, is_router);
	group_flush(m);
	return 0;
}

void membership_router_ports(const struct membership *m, uint16_t vlan, struct bitset *out)
{
	const struct vlan_state *v = vlan_state_find(m, vlan);

	*out = v != NULL ? v->routers : (struct bitset){0};
}

void membership_querier(
	const struct membership *m, uint16_t vlan, bool v6, struct membership_querier_info *out)
{
	const struct vlan_state *v = vlan_state_find(m, vlan);
	const struct querier *q = v != NULL ? &v->querier[v6] : NULL;
	bool is_other = q != NULL && querier_is_other(q);

	*out = (struct membership_querier_info){.expires = NSEC_NEVER};
	if (q == NULL)
		return;
	out->ours = querier_is_ours(q);
	out->known = is_other || out->ours;
	out->since = q->since;
	out->timers = q->timers;
	out->address = is_other ? q->address : querier_own_address(q);
	out->version = is_other ? q->version : family_get(v6)->version[COMPAT_NEWEST];
	if (!is_other)
		return;
	out->port = q->port;
	out->expires = q->present.deadline;
}

const struct membership_counters *membership_port_counters(
	const struct membership *m, uint16_t port)
{
	const struct port_state *ps = port_state_find(m, port);

	return ps != NULL ? &ps->counters : NULL;
}

unsigned int membership_row_count(const struct membership *m, uint16_t port)
{
	const struct port_state *ps = port_state_find(m, port);

	if (port == UINT16_MAX)
		return m->n_rows;
	return ps != NULL ? ps->n_rows : 0;
}

size_t membership_memory(const struct membership *m)
{
	size_t size = sizeof(*m) + m->n_slots * sizeof(m->slots[0]);

	return size + m->groups.size + m->rows.size + m->sources.size + m->reporters.size +
	       m->leaves.size;
}

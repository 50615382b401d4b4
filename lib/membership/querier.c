/* SPDX-License-Identifier: BSD-3-Clause */
#include "membership/querier.h"

#include "membership/family.h"
#include "membership/port_state.h"
#include "membership/vlan_state.h"

/*
 * Election, RFC 3376 6.6.2 and RFC 3810 7.6.2: the lowest address asks, the others are silent
 * until it has been for RV x QI + QRI/2. 0.0.0.0 is the source of switches that only ask; it never
 * wins, neither theirs nor ours, so with no address of our own any other querier has our place.
 */

static struct querier *querier_from(struct timer *t, size_t offset)
{
	return (struct querier *)((char *)t - offset);
}

bool querier_is_ours(const struct querier *q)
{
	return q->vlan->conf.querier != QUERIER_OFF && !querier_is_other(q);
}

struct ip_addr querier_own_address(const struct querier *q)
{
	const struct membership_vlan *conf = &q->vlan->conf;

	if (conf->querier != QUERIER_ON || ip_is_unspecified(&conf->querier_address[q->v6]))
		return family_get(q->v6)->unspecified;
	return conf->querier_address[q->v6];
}

static bool has_own_address(const struct querier *q)
{
	struct ip_addr own = querier_own_address(q);

	return !ip_is_unspecified(&own);
}

bool querier_asks(const struct membership *m, const struct querier *q, uint16_t port)
{
	const struct port_state *ps = port_state_find(m, port);

	if (!querier_is_ours(q) || ps == NULL || !bitset_has(&q->vlan->ports, port))
		return false;
	return !ps->conf.is_uplink || has_own_address(q);
}

static struct bitset asked_ports(const struct membership *m, const struct querier *q)
{
	struct bitset ports = {0};

	BITSET_FOREACH (i, &q->vlan->ports) {
		if (querier_asks(m, q, (uint16_t)i))
			bitset_set(&ports, i);
	}
	return ports;
}

void querier_send(struct membership *m, const struct querier *q, const struct bitset *ports,
	struct group_query *query)
{
	query->version = family_get(q->v6)->version[COMPAT_NEWEST];
	query->source = querier_own_address(q);
	query->router_alert = true;
	query->robustness = (uint8_t)q->timers.robustness;
	query->query_interval_s = (uint32_t)(q->timers.query_interval / NSEC_PER_SEC);
	if (m->sink.send_query != NULL)
		m->sink.send_query(m->sink.ctx, q->vlan->conf.id, ports, query);
}

/* One general query, and the timer of the next one: startup queries follow each other at a quarter
 * of the interval, RFC 3376 8.6, 8.7. */
static void general_ask(struct membership *m, struct querier *q)
{
	struct bitset ports = asked_ports(m, q);
	struct group_query query = {
		.group = family_get(q->v6)->unspecified,
		.max_response = q->timers.query_response,
	};

	if (bitset_empty(&ports))
		return;
	if (q->n_startup > 0)
		q->n_startup--;
	machine_timer_start(
		m, WHEEL_ASK, &q->ask, q->timers.query_interval / (q->n_startup > 0 ? 4 : 1));
	querier_send(m, q, &ports, &query);
}

/* Begin or cease to ask, as the state of affairs says. */
static void querier_reconsider(struct membership *m, struct querier *q, unsigned int n_startup)
{
	struct bitset ports = asked_ports(m, q);

	if (bitset_empty(&ports)) {
		machine_timer_stop(m, WHEEL_ASK, &q->ask);
		return;
	}
	if (timer_is_running(&q->ask))
		return;
	q->n_startup = (uint8_t)n_startup;
	general_ask(m, q);
}

/* QRV and QQIC of the elected querier replace ours, RFC 3376 4.1.6, 4.1.7. */
static void timers_update(struct querier *q)
{
	q->timers = q->vlan->conf.timers;
	if (!querier_is_other(q))
		return;
	if (q->robustness != 0)
		q->timers.robustness = q->robustness;
	if (q->query_interval_s != 0)
		q->timers.query_interval = q->query_interval_s * NSEC_PER_SEC;
}

/* RFC 3376 8.5, RFC 3810 9.5. */
static nsec present_interval(const struct querier *q)
{
	return q->timers.robustness * q->timers.query_interval + q->timers.query_response / 2;
}

static void querier_tell(struct membership *m, struct querier *q, const char *reason)
{
	struct membership_event e = {
		.type = MEMBERSHIP_QUERIER_CHANGED,
		.vlan = q->vlan->conf.id,
		.port = q->port,
		.address = q->address,
		.reason = reason,
	};

	q->since = m->now;
	machine_event(m, &e);
}

static void other_forget(struct membership *m, struct querier *q, const char *reason)
{
	machine_timer_stop(m, WHEEL_QUERIER, &q->present);
	q->address = family_get(q->v6)->unspecified;
	q->version = 0;
	q->robustness = 0;
	q->query_interval_s = 0;
	timers_update(q);
	querier_tell(m, q, reason);
	querier_reconsider(m, q, 1);
}

void querier_init(struct membership *m, struct querier *q, struct vlan_state *vlan, bool v6)
{
	q->vlan = vlan;
	q->v6 = v6;
	q->address = family_get(v6)->unspecified;
	q->since = m->now;
	timers_update(q);
}

void querier_fini(struct membership *m, struct querier *q)
{
	machine_timer_stop(m, WHEEL_QUERIER, &q->present);
	machine_timer_stop(m, WHEEL_ASK, &q->ask);
}

void querier_settings_changed(struct membership *m, struct querier *q, bool was_ours)
{
	struct ip_addr own = querier_own_address(q);

	timers_update(q);
	machine_timer_lower(m, WHEEL_QUERIER, &q->present, present_interval(q));
	machine_timer_lower(m, WHEEL_ASK, &q->ask, q->timers.query_interval);
	if (querier_is_other(q) && has_own_address(q) && ip_compare(&own, &q->address) < 0)
		other_forget(m, q, "lower address");
	else if (querier_is_ours(q) != was_ours)
		q->since = m->now;
	querier_reconsider(m, q, q->timers.robustness);
}

void querier_ports_changed(struct membership *m, struct querier *q)
{
	querier_reconsider(m, q, q->timers.robustness);
}

void querier_port_refused(struct membership *m, struct querier *q, uint16_t port)
{
	if (querier_is_other(q) && q->port == port)
		other_forget(m, q, "port refused");
}

/* Has this address to be silent? */
static bool is_loser(const struct querier *q, const struct ip_addr *address)
{
	struct ip_addr own = querier_own_address(q);

	if (querier_is_other(q))
		return ip_compare(address, &q->address) > 0;
	return has_own_address(q) && ip_compare(address, &own) >= 0;
}

bool querier_query_seen(
	struct membership *m, struct querier *q, uint16_t port, const struct group_msg *query)
{
	bool is_same = querier_is_other(q) && ip_equal(&query->source, &q->address);

	if (ip_is_unspecified(&query->source) || is_loser(q, &query->source))
		return false;
	q->address = query->source;
	q->port = port;
	q->version = query->version;
	q->robustness = query->robustness;
	q->query_interval_s = query->query_interval_s;
	machine_timer_start(m, WHEEL_QUERIER, &q->present, 0);
	timers_update(q);
	machine_timer_start(m, WHEEL_QUERIER, &q->present, present_interval(q));
	if (!is_same)
		querier_tell(m, q, "heard");
	querier_reconsider(m, q, 0);
	return true;
}

void querier_present_expire(struct membership *m, struct timer *t)
{
	other_forget(m, querier_from(t, offsetof(struct querier, present)), "silent");
}

void querier_ask_expire(struct membership *m, struct timer *t)
{
	general_ask(m, querier_from(t, offsetof(struct querier, ask)));
}

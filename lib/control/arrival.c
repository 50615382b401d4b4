/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "control/control_private.h"

/*
 * A guest has moved in (paper, "Considerations for VMotion"). It shows in several ways, at about the
 * same time; they are one arrival, which is followed once and at once:
 *
 *   restored rows admitted    what another host has exported, or we have saved: restore.c
 *   filter rows admitted      what the guest's NIC filter holds: guest_nic.c, as soon as QEMU answers
 *   reverse ARP, reports      in the guest's name, out of its uplink: moved.c
 *   synthetic queries         whose answer corrects all of that: query.c
 *
 * The first times of what matters are kept and told when the arrival is over.
 */
#define COALESCE_MS 600   /* QEMU repeats its announcements for about a second */
#define WATCH_MS    10000 /* what has not come by then is told as missing */

static const char *const sign_names[SIGN_N] = {"vring", "rarp", "qmp", "operator"};

static const char *const sign_texts[SIGN_N] = {
	"its rings were in use before",
	"its front-end asks to announce it",
	"QEMU runs it on",
	"an operator says so",
};

static int64_t frames_received(const struct control *c, const struct ctl_port *p)
{
	return (int64_t)(ctl_port_packets(c, p->id).tx - p->n_injected);
}

static void arrival_begin(struct control *c, struct ctl_port *p, enum ctl_sign sign)
{
	p->arrival = (struct ctl_arrival){
		.open = true,
		.due = true,
		.last_sign = c->now,
		.frames = frames_received(c, p),
		.told = {.at = c->now, .signs = 1u << sign},
	};
	ctl_event(c, "migration", p, -1, NULL, "%s has moved in: %s", p->name, sign_texts[sign]);
}

void ctl_arrival_sign(struct control *c, struct ctl_port *p, enum ctl_sign sign)
{
	struct ctl_arrival *a = &p->arrival;
	bool again = a->told.signs >> sign & 1 && sign != SIGN_RARP; /* that one QEMU repeats */

	if (a->open && !again && c->now - a->last_sign < nsec_from_ms(COALESCE_MS)) {
		a->told.signs |= (uint8_t)(1u << sign);
		a->last_sign = c->now;
		return;
	}
	ctl_arrival_end(c, p);
	arrival_begin(c, p, sign);
}

/* --- what follows --- */

/* A frame of its own has told the switches beyond where it is. */
static bool has_announced_itself(const struct control *c, const struct ctl_port *p)
{
	return ctl_port_packets(c, p->id).rx != p->rx_at_up;
}

static unsigned int guest_announce(
	struct control *c, const struct ctl_port *p, uint16_t vlan, bool notify)
{
	const struct ctl_team *t = ctl_team_of_vlan(c, vlan);
	uint16_t uplink = ctl_carrier(c, vlan, p->id);
	nsec first = 0;

	if (t == NULL || uplink == TEAM_NO_UPLINK || mac_is_zero(&p->mac))
		return 0;
	if (t->conf->notify_switches && notify)
		ctl_notify_switches(c, p, vlan);
	return t->conf->replay_memberships ? ctl_replay(c, p, vlan, &first) : 0;
}

static void guest_announce_all(struct control *c, struct ctl_port *p, bool notify)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < c->n_vlans; i++) {
		if (ctl_port_uses_vlan(p, c->vlans[i].id))
			n += guest_announce(c, p, c->vlans[i].id, notify);
	}
	if (n > 0 && p->arrival.open && p->arrival.told.replay == 0)
		p->arrival.told.replay = ctl_clock();
}

void ctl_arrival_replay(struct control *c, struct ctl_port *p)
{
	if (p->up)
		guest_announce_all(c, p, false);
}

static void follow(struct control *c, struct ctl_port *p)
{
	struct ctl_arrival *a = &p->arrival;

	a->due = false;
	a->told.n_rows[ORIGIN_RESTORED] += ctl_restore_admit(c, p);
	ctl_nic_ask(p);
	guest_announce_all(c, p, !has_announced_itself(c, p));
	ctl_burst_start(c, p);
	ctl_bursts_advance(c);
	if (c->conf->igmp.queries > 0)
		a->told.query = ctl_clock();
}

/* --- the end --- */

static bool row_count(
	const struct membership_row *row, const struct membership_row_source *sources, void *ctx)
{
	unsigned int *n_rows = ctx;

	if (row->origin == ORIGIN_SNOOPED || row->origin == ORIGIN_STATIC)
		n_rows[row->origin]++;
	return true;
}

static void signs_format(uint8_t signs, char *buf, size_t size)
{
	size_t used = 0;

	buf[0] = '\0';
	for (unsigned int i = 0; i < SIGN_N && used < size; i++) {
		if (signs >> i & 1)
			used += (size_t)snprintf(buf + used, size - used, "%s%s",
				used > 0 ? ", " : "", sign_names[i]);
	}
}

static const char *after_format(nsec at, nsec then, char buf[16])
{
	if (then == 0)
		return "none";
	snprintf(buf, 16, "%.1f ms", (double)(then - at) / (double)NSEC_PER_MS);
	return buf;
}

void ctl_arrival_end(struct control *c, struct ctl_port *p)
{
	struct control_migration *m = &p->arrival.told;
	char signs[48], replay[16], query[16], answer[16], frame[16];

	if (!p->arrival.open)
		return;
	p->arrival.open = p->arrival.due = false;
	membership_walk(c->membership, UINT16_MAX, p->id, NULL, row_count, m->n_rows);
	signs_format(m->signs, signs, sizeof(signs));
	ctl_event_migration(c, p, m,
		"%s moved in (%s): rows %u restored, %u filter, %u reported; first replay %s, "
		"query "
		"%s, answer %s, frame %s",
		p->name, signs, m->n_rows[ORIGIN_RESTORED], m->n_rows[ORIGIN_FILTER],
		m->n_rows[ORIGIN_SNOOPED], after_format(m->at, m->replay, replay),
		after_format(m->at, m->query, query), after_format(m->at, m->answer, answer),
		after_format(m->at, m->frame, frame));
}

static void look(struct control *c, struct ctl_port *p)
{
	struct ctl_arrival *a = &p->arrival;
	bool complete;

	if (a->told.frame == 0 && frames_received(c, p) > a->frames)
		a->told.frame = c->now;
	complete = p->burst.left == 0 && a->told.answer != 0 && a->told.frame != 0 &&
		   c->now - a->last_sign >= nsec_from_ms(COALESCE_MS);
	if (complete || c->now - a->told.at >= nsec_from_ms(WATCH_MS))
		ctl_arrival_end(c, p);
}

void ctl_arrivals_advance(struct control *c)
{
	for (unsigned int id = 0; id < BITSET_SIZE; id++) {
		struct ctl_port *p = &c->ports[id];

		if (!p->used || !p->arrival.open)
			continue;
		if (p->arrival.due && p->up)
			follow(c, p);
		look(c, p);
	}
}

void ctl_arrival_answered(struct control *c, struct ctl_port *p)
{
	if (p->arrival.open && p->arrival.told.query != 0 && p->arrival.told.answer == 0)
		p->arrival.told.answer = c->now;
}

void ctl_arrival_filter(struct control *c, struct ctl_port *p, unsigned int n_rows)
{
	struct control_migration *m = &p->arrival.told;

	if (!p->arrival.open || p->arrival.due || m->filter != 0)
		return;
	m->filter = ctl_clock();
	m->n_rows[ORIGIN_FILTER] = n_rows;
}

const char *control_sign_name(unsigned int sign)
{
	return sign < SIGN_N ? sign_names[sign] : NULL;
}

int control_guest_migrated(struct control *c, const char *name, struct error *err)
{
	int id = control_port_find(c, name);
	struct ctl_port *p = id < 0 ? NULL : &c->ports[id];

	if (p == NULL || p->is_uplink)
		return error_set(err, -ENOENT, "there is no guest named %s", name);
	if (!p->up)
		return error_set(err, -ENOTCONN, "guest %s is not connected", name);
	ctl_arrival_sign(c, p, SIGN_OPERATOR);
	return 0;
}

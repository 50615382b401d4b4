/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/control_private.h"
#include "control/qmp.h"

/*
 * What QEMU says of a guest's NIC, and what it is worth here. Multicast addresses become rows of
 * origin filter: at once, before any report (paper, page 3). The NIC's own address is the guest's
 * where none is configured. Promiscuity and other unicast addresses are shown and give the guest
 * nothing: that is for its security settings to say.
 */
#define STALE_S 60 /* QMP is gone for so long: its rows are history */

struct ctl_nic {
	struct control *c;
	struct ctl_port *p;
	struct qmp *qmp;
	bool connected;
	nsec lost_at;                      /* !connected: since when; 0: its rows have gone */
	uint64_t vlans[VLAN_ID_SIZE / 64]; /* in which filter rows may stand */
	char text[96];
};

static bool vlan_is_marked(const struct ctl_nic *nic, uint16_t vlan)
{
	return nic->vlans[vlan / 64] >> (vlan % 64) & 1;
}

static void rows_set(
	struct ctl_nic *nic, uint16_t vlan, const struct qmp_filter *f, unsigned int n, bool all)
{
	struct control *c = nic->c;
	uint64_t bit = 1ULL << (vlan % 64);

	if (n == 0 && !all && !vlan_is_marked(nic, vlan))
		return;
	if (membership_filter_set(c->membership, vlan, nic->p->id, f->macs, n, all, c->now) < 0)
		return;
	if (n > 0 || all)
		nic->vlans[vlan / 64] |= bit;
	else
		nic->vlans[vlan / 64] &= ~bit;
}

/* In each VLAN that the guest uses; in a trunk, each that its NIC takes. A trunk's rows together
 * are within the guest's limit of groups; in VLANs beyond that reports alone count. */
static unsigned int rows_set_all(struct ctl_nic *nic, const struct qmp_filter *f)
{
	const struct ctl_port *p = nic->p;
	unsigned int left = p->guest.limits.groups, n_rows = 0;
	bool all = qmp_filter_is_all(f);

	for (unsigned int i = 0; i < nic->c->n_vlans; i++) {
		uint16_t vlan = nic->c->vlans[i].id;
		bool taken = !p->guest.trunk || (qmp_filter_has_vlan(f, vlan) && f->n_macs <= left);

		if (!ctl_port_uses_vlan(p, vlan))
			continue;
		rows_set(nic, vlan, f, taken ? f->n_macs : 0, taken && all);
		n_rows += taken ? f->n_macs : 0;
		left -= p->guest.trunk && taken ? f->n_macs : 0;
	}
	nic->c->topology_dirty |= all || p->filter_all;
	nic->p->filter_all = all;
	return n_rows;
}

static void filter_seen(void *ctx, const struct qmp_filter *f)
{
	struct ctl_nic *nic = ctx;
	struct control *c = nic->c;

	c->now = ctl_clock();
	snprintf(nic->text, sizeof(nic->text), "%s%s%u multicast, %u more unicast",
		f->promiscuous ? "promiscuous, " : "",
		qmp_filter_is_all(f)          ? "all multicast, "
		: f->multicast == QMP_RX_NONE ? "no multicast, "
					      : "",
		f->n_macs, f->n_unicast);
	ctl_port_mac_told(c, nic->p, &f->main_mac);
	if (nic->p->up)
		ctl_arrival_filter(c, nic->p, rows_set_all(nic, f));
}

static void resumed(void *ctx)
{
	struct ctl_nic *nic = ctx;

	nic->c->now = ctl_clock();
	ctl_arrival_sign(nic->c, nic->p, SIGN_QMP);
}

static void state_seen(void *ctx, bool connected, const char *text)
{
	struct ctl_nic *nic = ctx;
	struct control *c = nic->c;

	c->now = ctl_clock();
	if (connected)
		ctl_event(c, "guest", nic->p, -1, NULL, "QMP of %s: its NIC is %s", nic->p->name,
			text);
	else if (nic->connected)
		ctl_event(
			c, "guest", nic->p, -1, NULL, "QMP of %s is lost: %s", nic->p->name, text);
	if (!connected) {
		if (nic->connected)
			nic->lost_at = c->now;
		snprintf(nic->text, sizeof(nic->text), "unknown: %s", text);
	}
	nic->connected = connected;
}

int ctl_nic_open(struct control *c, struct ctl_port *p)
{
	struct qmp_sink sink = {NULL, filter_seen, resumed, state_seen};
	struct ctl_nic *nic;

	if (p->guest.qmp[0] == '\0')
		return 0;
	nic = calloc(1, sizeof(*nic));
	if (nic == NULL)
		return -ENOMEM;
	nic->c = c;
	nic->p = p;
	snprintf(nic->text, sizeof(nic->text), "unknown: not connected yet");
	sink.ctx = nic;
	nic->qmp = qmp_create(c->base, p->guest.qmp, p->guest.socket, &p->guest.mac, &sink);
	if (nic->qmp == NULL) {
		free(nic);
		return -ENOMEM;
	}
	p->nic = nic;
	return 0;
}

void ctl_nic_close(struct ctl_port *p)
{
	if (p->nic != NULL)
		qmp_destroy(p->nic->qmp);
	free(p->nic);
	p->nic = NULL;
}

void ctl_nic_ask(struct ctl_port *p)
{
	if (p->nic != NULL)
		qmp_ask(p->nic->qmp);
}

void ctl_nic_port_down(struct ctl_port *p)
{
	p->filter_all = false;
	if (p->nic != NULL)
		memset(p->nic->vlans, 0, sizeof(p->nic->vlans));
}

const char *ctl_nic_text(const struct ctl_port *p)
{
	return p->nic != NULL ? p->nic->text : "";
}

void ctl_nics_expire(struct control *c)
{
	static const struct qmp_filter nothing;

	for (unsigned int id = 0; id < BITSET_SIZE; id++) {
		struct ctl_nic *nic = c->ports[id].used ? c->ports[id].nic : NULL;

		if (nic == NULL || nic->connected || nic->lost_at == 0 ||
			c->now - nic->lost_at < STALE_S * NSEC_PER_SEC)
			continue;
		nic->lost_at = 0;
		rows_set_all(nic, &nothing);
	}
}

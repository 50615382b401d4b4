/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/control_private.h"

/*
 * Memberships that outlive a connection. What a guest had is taken down when it goes, when a person
 * exports it, and for the state file; it waits at the port, for nobody is there to receive, and is
 * admitted as restored rows when the same machine is back or a moved one has come. Restored rows
 * are provisional: the guest's answer to the burst confirms them, or they expire.
 *
 *   kept       the guest went with its rings in use: it may come back (a cancelled migration,
 *              a pause). Briefly, and only for rings that are older than the connection.
 *   saved      by an earlier run of the switch: likewise, however long it takes
 *   imported   an operator vouches for it: for whoever connects
 */
#define KEEP_LOGGING_S 30 /* a migration that fails at the last moment lets the source run on */
#define KEEP_S         5
#define IMPORTED_S     600
#define DECIDE_MS      2000 /* a guest is up: by now it is known whether its rings are old */

static bool row_take(
	const struct membership_row *row, const struct membership_row_source *sources, void *ctx)
{
	struct ip_addr listed[HANDOVER_MAX_SOURCES + 1];
	unsigned int n = 0;

	if (row->group.is_mac || row->origin == ORIGIN_STATIC || row->origin == ORIGIN_FILTER)
		return true;
	for (unsigned int i = 0; i < row->n_sources && n <= HANDOVER_MAX_SOURCES; i++) {
		/* INCLUDE lists what is requested, EXCLUDE what is not. */
		if (sources[i].forwarded != row->exclude)
			listed[n++] = sources[i].source;
	}
	return handover_add(ctx, row->vlan, &row->group.ip, row->exclude, listed, n) == 0;
}

struct handover *ctl_restore_take(const struct control *c, const struct ctl_port *p)
{
	struct handover *h = handover_new(p->name);

	if (h == NULL)
		return NULL;
	h->igmp_version = p->igmp_version;
	h->mld_version = p->mld_version;
	for (unsigned int v6 = 0; v6 < 2; v6++)
		h->address[v6] = ctl_port_address(p, v6);
	membership_walk(c->membership, UINT16_MAX, p->id, NULL, row_take, h);
	return h;
}

/* Not for a short while only. */
bool ctl_restore_lasts(const struct ctl_port *p)
{
	return p->pending.rows != NULL && (p->pending.imported || p->pending.until == NSEC_NEVER);
}

void ctl_restore_drop(struct ctl_port *p)
{
	handover_free(p->pending.rows);
	p->pending.rows = NULL;
}

static void pend(struct ctl_port *p, struct handover *h, bool imported, nsec until)
{
	ctl_restore_drop(p);
	p->pending.logged = false;
	strcpy(h->guest, p->name);
	p->pending.rows = h;
	p->pending.imported = imported;
	p->pending.until = until;
}

void ctl_restore_keep(struct control *c, struct ctl_port *p)
{
	nsec keep = (p->logging ? KEEP_LOGGING_S : KEEP_S) * NSEC_PER_SEC;
	struct handover *h = ctl_restore_take(c, p);

	if (h == NULL || h->n_rows == 0) {
		handover_free(h);
		return;
	}
	pend(p, h, false, c->now + keep);
	p->pending.logged = p->logging;
}

void ctl_restore_closed(struct ctl_port *p)
{
	if (!p->up && p->pending.rows != NULL && p->pending.logged)
		ctl_restore_drop(p);
}

void ctl_restore_saved(struct ctl_port *p, struct handover *h)
{
	pend(p, h, false, NSEC_NEVER);
}

static unsigned int rows_admit(
	struct control *c, struct ctl_port *p, const struct handover *h, unsigned int *n_refused)
{
	unsigned int n = 0;

	*n_refused = 0;
	for (size_t i = 0; i < h->n_rows; i++) {
		const struct handover_row *r = &h->rows[i];
		int rc = membership_restore(c->membership, r->vlan, p->id, &r->group, r->exclude,
			r->sources, r->n_sources, c->now);

		n += rc == 0;
		*n_refused += rc != 0;
	}
	for (unsigned int v6 = 0; v6 < 2; v6++) {
		struct ip_addr known = ctl_port_address(p, v6);

		if (ip_is_unspecified(&known))
			p->address[v6] = h->address[v6];
	}
	if (p->igmp_version == 0)
		p->igmp_version = h->igmp_version;
	if (p->mld_version == 0)
		p->mld_version = h->mld_version;
	return n;
}

unsigned int ctl_restore_admit(struct control *c, struct ctl_port *p)
{
	unsigned int n, n_refused;

	if (p->pending.rows == NULL)
		return 0;
	n = rows_admit(c, p, p->pending.rows, &n_refused);
	ctl_restore_drop(p);
	return n;
}

void ctl_restore_port_up(struct control *c, struct ctl_port *p)
{
	nsec decided = c->now + nsec_from_ms(DECIDE_MS);

	if (p->pending.rows == NULL)
		return;
	if (p->pending.imported)
		p->arrival.told.n_rows[ORIGIN_RESTORED] += ctl_restore_admit(c, p);
	else if (p->pending.until > decided)
		p->pending.until = decided;
}

void ctl_restore_expire(struct control *c)
{
	for (unsigned int id = 0; id < BITSET_SIZE; id++) {
		struct ctl_port *p = &c->ports[id];

		if (p->used && p->pending.rows != NULL && p->pending.until <= c->now)
			ctl_restore_drop(p);
	}
}

/* --- what operators ask --- */

static struct ctl_port *guest_find(struct control *c, const char *name, struct error *err)
{
	int id = control_port_find(c, name);

	if (id >= 0 && !c->ports[id].is_uplink)
		return &c->ports[id];
	error_set(err, -ENOENT, "there is no guest named %s", name);
	return NULL;
}

int control_guest_export(struct control *c, const char *name, json_t **out, struct error *err)
{
	struct ctl_port *p = guest_find(c, name, err);
	struct handover *h;
	char *text = NULL;
	size_t size;
	FILE *file;

	if (p == NULL)
		return -ENOENT;
	h = p->up || p->pending.rows == NULL ? ctl_restore_take(c, p) : NULL;
	file = open_memstream(&text, &size);
	if (file != NULL && (h != NULL || p->pending.rows != NULL))
		handover_print(h != NULL ? h : p->pending.rows, file);
	if (file != NULL)
		fclose(file);
	*out = text != NULL ? json_loads(text, 0, NULL) : NULL;
	free(text);
	handover_free(h);
	return *out != NULL ? 0 : error_set(err, -ENOMEM, "no memory");
}

/* Rows of VLANs that the guest does not use go. */
static unsigned int rows_sift(const struct ctl_port *p, struct handover *h)
{
	unsigned int n_refused = 0;
	size_t n = 0;

	for (size_t i = 0; i < h->n_rows; i++) {
		if (ctl_port_uses_vlan(p, h->rows[i].vlan) && n < p->guest.limits.groups) {
			h->rows[n++] = h->rows[i];
			continue;
		}
		free(h->rows[i].sources);
		n_refused++;
	}
	h->n_rows = n;
	return n_refused;
}

/* A long hand-over comes in parts. */
static int rows_append(struct handover *to, const struct handover *from)
{
	int rc = 0;

	for (size_t i = 0; i < from->n_rows && rc == 0; i++) {
		const struct handover_row *r = &from->rows[i];

		rc = handover_add(to, r->vlan, &r->group, r->exclude, r->sources, r->n_sources);
	}
	return rc;
}

int control_guest_import(struct control *c, const char *name, const json_t *json, bool append,
	struct control_import *out, struct error *err)
{
	struct ctl_port *p = guest_find(c, name, err);
	unsigned int n_refused;
	struct handover *h;
	int rc;

	*out = (struct control_import){0};
	if (p == NULL)
		return -ENOENT;
	rc = handover_read(json, &h, err);
	if (rc < 0)
		return rc;
	if (append && p->pending.rows != NULL && p->pending.imported)
		rc = rows_append(h, p->pending.rows);
	if (rc < 0) {
		handover_free(h);
		return error_set(err, rc, "more than %u memberships", HANDOVER_MAX_ROWS);
	}
	out->n_refused = rows_sift(p, h);
	out->n_waiting = (unsigned int)h->n_rows;
	pend(p, h, true, c->now + IMPORTED_S * NSEC_PER_SEC);
	ctl_event(c, "migration", p, -1, NULL, "%u memberships imported for %s", out->n_waiting,
		p->name);
	if (!p->up)
		return 0;
	out->n_admitted = rows_admit(c, p, h, &n_refused);
	out->n_refused += n_refused;
	out->n_waiting = 0;
	ctl_restore_drop(p);
	ctl_arrival_replay(c, p);
	return 0;
}

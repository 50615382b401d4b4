/* SPDX-License-Identifier: BSD-3-Clause */
#include "membership/record.h"

#include "membership/filter_mode.h"
#include "membership/port_state.h"
#include "membership/reporter.h"
#include "membership/source.h"
#include "membership/vlan_state.h"

/*
 * The way of one group record: what must not be taken is dropped, then everything it needs is
 * found or allocated, then it acts. Until it acts, nothing has changed but scratch.
 */

enum compat_rule { TAKE, IGNORE, STRIP };

/* RFC 3376 7.3.2, RFC 3810 8.3.2; a leave of version 2 is a TO_IN. STRIP: without its sources. */
static const uint8_t compat_rules[COMPAT_N][GROUP_RECORD_BLOCK + 1] = {
	[COMPAT_2] = {[GROUP_RECORD_BLOCK] = IGNORE, [GROUP_RECORD_TO_EX] = STRIP},
	[COMPAT_1] = {[GROUP_RECORD_BLOCK] = IGNORE,
		[GROUP_RECORD_TO_EX] = STRIP,
		[GROUP_RECORD_TO_IN] = IGNORE},
};

static bool is_exclude(enum group_record_type type)
{
	return type == GROUP_RECORD_IS_EX || type == GROUP_RECORD_TO_EX;
}

/* RFC 4604 2.2.1, 2.3: in the SSM ranges EXCLUDE means nothing, nor do older versions. */
static bool is_against_ssm(const struct record *rec)
{
	const struct family *f = family_of(&rec->group);

	if (!f->is_ssm(&rec->group))
		return false;
	return is_exclude(rec->type) || (rec->version != 0 && rec->version != f->version[0]);
}

/* Said to a row that wants nothing, it changes nothing. */
static bool starts_nothing(const struct record *rec)
{
	if (is_exclude(rec->type))
		return false;
	return rec->type == GROUP_RECORD_BLOCK || rec->n_sources == 0;
}

static struct ip_addr record_source(const struct record *rec, unsigned int i)
{
	return rec->wire != NULL ? group_record_source(rec->wire, (uint16_t)i) : rec->list[i];
}

static void record_strip(struct record *rec)
{
	rec->n_sources = 0;
	rec->wire = NULL;
	rec->list = NULL;
}

static enum membership_verdict quota_refuse(struct membership *m, const struct vlan_state *vlan,
	struct port_state *port, const struct record *rec, const struct host *h)
{
	struct membership_event e = {
		.type = MEMBERSHIP_QUOTA,
		.vlan = vlan->conf.id,
		.port = port->conf.id,
		.group = {.ip = rec->group},
		.reason = "groups",
	};

	if (h != NULL)
		e.address = h->address;
	if (!port->quota_told)
		machine_event(m, &e);
	port->quota_told = true;
	return MEMBERSHIP_DROP_QUOTA_GROUPS;
}

/* What a record names: sources new to the row, sorted, and how many it has. `at` is where the last
 * new one was put: hosts send sorted lists. */
struct fresh {
	struct source *first;
	struct source *at;
	unsigned int n;
	unsigned int n_known;
};

static void fresh_free(struct membership *m, struct row *r, struct fresh *fresh)
{
	struct source *next;

	for (struct source *s = fresh->first; s != NULL; s = next) {
		next = s->next;
		source_free(m, s);
	}
	for (struct source *s = r->sources; s != NULL; s = s->next)
		s->named = false;
}

static bool fresh_add(struct membership *m, struct fresh *fresh, const struct ip_addr *address)
{
	struct source **link = &fresh->first;
	struct source *s;

	if (fresh->at != NULL && ip_compare(&fresh->at->address, address) < 0)
		link = &fresh->at->next;
	while (*link != NULL && ip_compare(&(*link)->address, address) < 0)
		link = &(*link)->next;
	if (*link != NULL && ip_equal(&(*link)->address, address))
		return true;
	s = source_create(m, address);
	if (s == NULL)
		return false;
	s->named = true;
	s->next = *link;
	*link = s;
	fresh->at = s;
	fresh->n++;
	return true;
}

/* Mark the row's sources that the record names and make the others, max + 1 at most. */
static bool sources_name(struct membership *m, struct row *r, const struct record *rec,
	unsigned int max, struct fresh *fresh)
{
	bool takes_new = filter_mode_takes_new(r, rec->type);
	struct source *s = NULL;

	for (unsigned int i = 0; i < rec->n_sources && fresh->n <= max; i++) {
		struct ip_addr address = record_source(rec, i);

		if (ip_is_unspecified(&address) || ip_is_multicast(&address))
			continue;
		s = source_find(r, s, &address);
		if (s != NULL && ip_equal(&s->address, &address)) {
			s->named = true;
			fresh->n_known++;
		} else if (takes_new && !fresh_add(m, fresh, &address))
			return false;
	}
	return true;
}

/* Over max_sources the list becomes EXCLUDE{}: more than was asked for, never less. */
static bool sources_cap(struct membership *m, struct row *r, struct port_state *port,
	struct record *rec, struct fresh *fresh)
{
	unsigned int max = port->conf.max_sources;

	if (fresh->n <= max && filter_mode_count(r, rec->type, fresh->n) <= max)
		return true;
	fresh_free(m, r, fresh);
	*fresh = (struct fresh){0};
	port->counters.sources_capped++;
	if (rec->type == GROUP_RECORD_BLOCK)
		return false;
	record_strip(rec);
	rec->type = GROUP_RECORD_IS_EX;
	return true;
}

static enum membership_verdict record_take(struct membership *m, struct vlan_state *vlan,
	struct port_state *port, struct record *rec, const struct host *h)
{
	struct group *g = group_get(m, vlan, &rec->group, false);
	struct row *r = g != NULL ? row_get(m, g, port->conf.id) : NULL;
	enum compat compat = family_of(&rec->group)->compat_of[rec->version];
	struct fresh fresh = {0};

	if (r == NULL)
		return MEMBERSHIP_DROP_NO_MEMORY;
	if (!sources_name(m, r, rec, port->conf.max_sources, &fresh)) {
		fresh_free(m, r, &fresh);
		row_settle(m, r, NULL);
		return MEMBERSHIP_DROP_NO_MEMORY;
	}
	if (!sources_cap(m, r, port, rec, &fresh))
		return MEMBERSHIP_PASS_ROUTERS;
	if (is_exclude(rec->type) || fresh.n + fresh.n_known > 0 || row_is_heard(r))
		row_origin_add(m, r, rec->origin, h != NULL ? &h->address : NULL);
	source_adopt(r, fresh.first);
	if (filter_mode_apply(m, r, rec->type, h) && rec->type == GROUP_RECORD_IS_EX)
		row_older_host_seen(m, r, compat);
	return MEMBERSHIP_PASS_ROUTERS;
}

enum membership_verdict record_seen(struct membership *m, struct vlan_state *vlan,
	struct port_state *port, const struct record *rec, const struct host *h)
{
	const struct group *g = group_find(m, vlan->conf.id, &rec->group, false);
	const struct row *r = g != NULL ? row_find(g, port->conf.id) : NULL;
	enum compat_rule rule = r != NULL ? compat_rules[row_compat(m, r)][rec->type] : TAKE;
	struct record taken = *rec;

	if (!ip_is_multicast(&rec->group) || ip_is_link_local_group(&rec->group))
		return MEMBERSHIP_PASS_ROUTERS;
	if (is_against_ssm(rec) || rule == IGNORE)
		return MEMBERSHIP_PASS_ROUTERS;
	if (rule == STRIP)
		record_strip(&taken);
	if (r == NULL || !row_is_heard(r)) {
		if (starts_nothing(&taken))
			return MEMBERSHIP_PASS_ROUTERS;
		if (port->n_heard >= port->conf.max_groups)
			return quota_refuse(m, vlan, port, rec, h);
	}
	return record_take(m, vlan, port, &taken, h);
}

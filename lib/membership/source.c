/* SPDX-License-Identifier: BSD-3-Clause */
#include "membership/source.h"

#include "membership/reporter.h"

struct source *source_find(const struct row *r, struct source *from, const struct ip_addr *address)
{
	struct source *s = from != NULL && ip_compare(&from->address, address) <= 0 ? from : NULL;
	struct source *next = s != NULL ? s->next : r->sources;

	while (next != NULL && ip_compare(&next->address, address) <= 0) {
		s = next;
		next = s->next;
	}
	return s;
}

struct source *source_find_exact(const struct row *r, const struct ip_addr *address)
{
	struct source *s = source_find(r, NULL, address);

	return s != NULL && ip_equal(&s->address, address) ? s : NULL;
}

struct source *source_create(struct membership *m, const struct ip_addr *address)
{
	struct source *s = slab_take(&m->sources);

	if (s != NULL)
		s->address = *address;
	return s;
}

void source_free(struct membership *m, struct source *s)
{
	if (s->row != NULL)
		reporter_clear(m, s->row, &s->reporters);
	machine_timer_stop(m, WHEEL_SOURCE, &s->timer);
	slab_give(&m->sources, s);
}

void source_adopt(struct row *r, struct source *list)
{
	struct source **at = &r->sources;
	struct source *next;

	for (struct source *s = list; s != NULL; s = next) {
		next = s->next;
		while (*at != NULL && ip_compare(&(*at)->address, &s->address) < 0)
			at = &(*at)->next;
		s->row = r;
		s->next = *at;
		*at = s;
		at = &s->next;
	}
}

void source_sweep(struct membership *m, struct row *r)
{
	struct source **at = &r->sources;

	while (*at != NULL) {
		struct source *s = *at;

		if (s->listed || s->is_static) {
			at = &s->next;
			continue;
		}
		*at = s->next;
		source_free(m, s);
	}
}

void source_request(struct membership *m, struct source *s, nsec after)
{
	if (!source_is_requested(s))
		group_touch(m, s->row->group);
	s->listed = true;
	machine_timer_start(m, WHEEL_SOURCE, &s->timer, after);
}

void source_exclude(struct membership *m, struct source *s)
{
	if (!s->listed || timer_is_running(&s->timer))
		group_touch(m, s->row->group);
	s->listed = true;
	s->n_queries = 0;
	reporter_clear(m, s->row, &s->reporters);
	machine_timer_stop(m, WHEEL_SOURCE, &s->timer);
}

void source_unlist(struct membership *m, struct source *s)
{
	if (s->listed)
		group_touch(m, s->row->group);
	s->listed = false;
	s->n_queries = 0;
	reporter_clear(m, s->row, &s->reporters);
	machine_timer_stop(m, WHEEL_SOURCE, &s->timer);
}

void source_end(struct membership *m, struct source *s)
{
	if (s->row->mode == MODE_EXCLUDE)
		source_exclude(m, s);
	else
		source_unlist(m, s);
}

void source_timer_expire(struct membership *m, struct timer *t)
{
	struct source *s = (struct source *)((char *)t - offsetof(struct source, timer));
	struct row *r = s->row;

	group_touch(m, r->group); /* its timer was what requested it */
	source_end(m, s);
	source_sweep(m, r);
	row_settle(m, r, r->leaving ? "leave" : "timeout");
}

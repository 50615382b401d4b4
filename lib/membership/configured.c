/* SPDX-License-Identifier: BSD-3-Clause */
#include "membership/configured.h"

#include <errno.h>

#include "membership/source.h"
#include "membership/vlan_state.h"

static int source_add(struct membership *m, struct row *r, const struct ip_addr *address)
{
	struct source *s = source_find_exact(r, address);

	if (s == NULL) {
		s = source_create(m, address);
		if (s == NULL)
			return -ENOMEM;
		source_adopt(r, s);
	}
	s->is_static = true;
	return 0;
}

int configured_add(struct membership *m, struct vlan_state *vlan, uint16_t port,
	const struct ip_addr *group, const struct ip_addr *source)
{
	struct group *g = group_get(m, vlan, group, false);
	struct row *r = g != NULL ? row_get(m, g, port) : NULL;

	if (r == NULL)
		return -ENOMEM;
	if (ip_is_unspecified(source))
		r->is_static = true;
	else if (source_add(m, r, source) < 0) {
		row_settle(m, r, NULL);
		return -ENOMEM;
	}
	row_origin_add(m, r, ORIGIN_STATIC, NULL);
	group_touch(m, g);
	return 0;
}

static bool has_static_source(const struct row *r)
{
	for (const struct source *s = r->sources; s != NULL; s = s->next) {
		if (s->is_static)
			return true;
	}
	return false;
}

int configured_del(struct membership *m, struct vlan_state *vlan, uint16_t port,
	const struct ip_addr *group, const struct ip_addr *source)
{
	struct group *g = group_find(m, vlan->conf.id, group, false);
	struct row *r = g != NULL ? row_find(g, port) : NULL;
	struct source *s = r != NULL ? source_find_exact(r, source) : NULL;
	bool is_any = ip_is_unspecified(source);

	if (r == NULL || (is_any ? !r->is_static : s == NULL || !s->is_static))
		return -ENOENT;
	if (is_any)
		r->is_static = false;
	else
		s->is_static = false;
	source_sweep(m, r);
	group_touch(m, g);
	if (!r->is_static && !has_static_source(r))
		row_origins_end(m, r, 1u << ORIGIN_STATIC, "static");
	return 0;
}

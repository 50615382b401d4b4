/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conf/check.h"
#include "conf/fields.h"

/*
 * A VLAN's settings and static memberships, changed while the switch runs. The rules are those of
 * the file: a change is made, the whole is checked, and what does not pass is undone.
 */

/* The VLAN, made if the file did not name it; *made tells. NULL: no memory. */
static struct conf_vlan *vlan_get(struct conf *c, uint16_t id, bool *made)
{
	struct conf_vlan *grown;
	size_t i = 0;

	while (i < c->n_vlans && c->vlans[i].id < id)
		i++;
	*made = i == c->n_vlans || c->vlans[i].id != id;
	if (!*made)
		return &c->vlans[i];
	grown = reallocarray(c->vlans, c->n_vlans + 1, sizeof(*grown));
	if (grown == NULL)
		return NULL;
	c->vlans = grown;
	memmove(&grown[i + 1], &grown[i], (c->n_vlans - i) * sizeof(*grown));
	c->n_vlans++;
	conf_vlan_defaults(&grown[i], id);
	return &grown[i];
}

/* One that was made and got nothing. */
static void vlan_forget(struct conf *c, struct conf_vlan *v)
{
	c->n_vlans--;
	memmove(v, v + 1, (size_t)(c->vlans + c->n_vlans - v) * sizeof(*v));
}

static int vlans_recheck(const struct conf *c, struct error *err)
{
	struct conf_errors errors = {0};
	struct site site = {.errors = &errors};

	vlans_check(c, &site);
	if (conf_errors_count(&errors) == 0)
		return 0;
	error_set(err, -EINVAL, "%s", errors.n > 0 ? errors.text[0] : "no memory");
	conf_errors_free(&errors);
	return -EINVAL;
}

/* "up0,vm1"; "none" or nothing is the empty list. A new list, the old one is not freed. */
static int router_ports_parse(struct conf_vlan *v, const char *text, struct error *err)
{
	char(*names)[CONF_NAME_SIZE] = calloc(CONF_MAX_PORTS, sizeof(*names));
	size_t n = 0, size;

	if (names == NULL)
		return error_set(err, -ENOMEM, "no memory");
	if (strcmp(text, "none") == 0)
		text = "";
	for (bool more = text[0] != '\0'; more; text += size + 1) {
		size = strcspn(text, ",");
		more = text[size] != '\0';
		if (size >= CONF_NAME_SIZE || n == CONF_MAX_PORTS) {
			free(names);
			return error_set(
				err, -EINVAL, "router_ports: '%.64s' is no list of ports", text);
		}
		memcpy(names[n++], text, size);
	}
	v->router_ports = names;
	v->n_router_ports = n;
	return 0;
}

static int setting_parse(struct conf_vlan *v, const char *key, const char *value, struct error *err)
{
	const struct field *f = fields_find(vlan_fields, key);
	int rc;

	if (strcmp(key, "router_ports") == 0)
		return router_ports_parse(v, value, err);
	if (f == NULL)
		f = fields_find(timers_fields, key);
	if (f == NULL || strcmp(key, "id") == 0)
		return error_set(err, -EINVAL,
			"'%.64s' cannot be set; unregistered, validation, querier, "
			"querier_address, fast_leave, router_ports, robustness, query_interval_ms, "
			"query_response_ms and last_member_interval_ms can",
			key);
	rc = field_parse(f, value, v, err);
	if (rc < 0)
		error_prefix(err, "VLAN %u", v->id);
	return rc;
}

int conf_vlan_set(
	struct conf *c, uint16_t id, const char *key, const char *value, struct error *err)
{
	bool made;
	struct conf_vlan *v = vlan_get(c, id, &made), was;
	int rc;

	if (v == NULL)
		return error_set(err, -ENOMEM, "no memory");
	was = *v;
	rc = setting_parse(v, key, value, err);
	if (rc == 0)
		rc = vlans_recheck(c, err);
	if (v->router_ports != was.router_ports)
		free(rc == 0 ? was.router_ports : v->router_ports);
	if (rc == 0)
		return 0;
	*v = was;
	if (made)
		vlan_forget(c, v);
	return rc;
}

int conf_static_parse(
	const char *group, const char *source, struct conf_static *out, struct error *err)
{
	int rc;

	*out = (struct conf_static){0};
	rc = field_parse(fields_find(static_fields, "group"), group, out, err);
	if (rc < 0)
		return rc;
	out->source = ip_unspecified(!ip_is_v4(&out->group));
	return source != NULL ? field_parse(fields_find(static_fields, "source"), source, out, err)
			      : 0;
}

/* Where the entry of this group and source stands, or else n_statics. */
static size_t static_find(const struct conf_vlan *v, const struct conf_static *what)
{
	size_t i = 0;

	while (i < v->n_statics && (!ip_equal(&v->statics[i].group, &what->group) ||
					   !ip_equal(&v->statics[i].source, &what->source)))
		i++;
	return i;
}

/* Room for one more port in entry i, which may be a new one. */
static int member_add(
	struct conf_vlan *v, size_t i, const struct conf_static *what, const char *port)
{
	char(*ports)[CONF_NAME_SIZE];
	struct conf_static *s;

	if (i == v->n_statics) {
		s = reallocarray(v->statics, i + 1, sizeof(*s));
		if (s == NULL)
			return -ENOMEM;
		v->statics = s;
		s[i] = (struct conf_static){.group = what->group, .source = what->source};
	}
	s = &v->statics[i];
	ports = reallocarray(s->ports, s->n_ports + 1, sizeof(*ports));
	if (ports == NULL)
		return -ENOMEM;
	s->ports = ports;
	memset(ports[s->n_ports], 0, sizeof(ports[0]));
	memcpy(ports[s->n_ports++], port, strnlen(port, CONF_NAME_SIZE - 1));
	if (i == v->n_statics)
		v->n_statics++;
	return 0;
}

/* Take back the port that member_add has put last. */
static void member_undo(struct conf_vlan *v, size_t i)
{
	struct conf_static *s = &v->statics[i];

	if (--s->n_ports > 0)
		return;
	free(s->ports);
	v->n_statics--;
}

int conf_static_add(struct conf *c, uint16_t vlan, const struct conf_static *what, const char *port,
	struct error *err)
{
	bool made;
	struct conf_vlan *v = vlan_get(c, vlan, &made);
	size_t i;
	int rc;

	if (v == NULL)
		return error_set(err, -ENOMEM, "no memory");
	i = static_find(v, what);
	if (i == CONF_MAX_STATICS)
		rc = error_set(err, -EINVAL, "VLAN %u has %u static groups already", vlan,
			CONF_MAX_STATICS);
	else
		rc = member_add(v, i, what, port);
	if (rc == -ENOMEM)
		error_set(err, rc, "no memory");
	if (rc == 0) {
		rc = vlans_recheck(c, err);
		if (rc < 0)
			member_undo(v, i);
	}
	if (rc < 0 && made) {
		free(v->statics);
		vlan_forget(c, v);
	}
	return rc;
}

int conf_static_del(struct conf *c, uint16_t vlan, const struct conf_static *what, const char *port,
	struct error *err)
{
	const struct conf_vlan *found = conf_vlan_find(c, vlan);
	struct conf_vlan *v = found != NULL ? &c->vlans[found - c->vlans] : NULL;
	size_t i = v != NULL ? static_find(v, what) : 0;
	char text[IP_STR_SIZE];

	if (v == NULL || i == v->n_statics ||
		!names_have((const char(*)[CONF_NAME_SIZE])v->statics[i].ports,
			v->statics[i].n_ports, port))
		return error_set(err, -ENOENT, "VLAN %u: %.31s is no static member of %s", vlan,
			port, ip_format(&what->group, text));
	vlan_drop_member(v, i, port);
	return 0;
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/handover.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct handover *handover_new(const char *guest)
{
	struct handover *h = calloc(1, sizeof(*h));

	if (h == NULL)
		return NULL;
	snprintf(h->guest, sizeof(h->guest), "%s", guest);
	h->address[false] = ip_unspecified(false);
	h->address[true] = ip_unspecified(true);
	return h;
}

void handover_free(struct handover *h)
{
	if (h == NULL)
		return;
	for (size_t i = 0; i < h->n_rows; i++)
		free(h->rows[i].sources);
	free(h->rows);
	free(h);
}

static struct handover_row *row_append(struct handover *h)
{
	struct handover_row *grown;
	size_t max;

	if (h->n_rows < h->max_rows)
		return &h->rows[h->n_rows];
	max = h->max_rows > 0 ? 2 * h->max_rows : 16;
	grown = reallocarray(h->rows, max, sizeof(*grown));
	if (grown == NULL)
		return NULL;
	h->rows = grown;
	h->max_rows = max;
	return &h->rows[h->n_rows];
}

int handover_add(struct handover *h, uint16_t vlan, const struct ip_addr *group, bool exclude,
	const struct ip_addr *sources, unsigned int n_sources)
{
	struct handover_row *row, made = {.vlan = vlan, .exclude = exclude, .group = *group};

	if (h->n_rows >= HANDOVER_MAX_ROWS)
		return -ENOSPC;
	if (n_sources > HANDOVER_MAX_SOURCES) { /* more than was asked for, never less */
		made.exclude = true;
		n_sources = 0;
	}
	row = row_append(h);
	if (row == NULL)
		return -ENOMEM;
	if (n_sources > 0) {
		made.sources = calloc(n_sources, sizeof(*made.sources));
		if (made.sources == NULL)
			return -ENOMEM;
		memcpy(made.sources, sources, n_sources * sizeof(*sources));
		made.n_sources = (uint16_t)n_sources;
	}
	*row = made;
	h->n_rows++;
	return 0;
}

/* --- in --- */

static int number_read(
	const json_t *json, const char *key, json_int_t max, json_int_t *out, struct error *err)
{
	const json_t *value = json_object_get(json, key);

	if (!json_is_integer(value) || json_integer_value(value) < 0 ||
		json_integer_value(value) > max)
		return error_set(
			err, -EINVAL, "%s: expected a number from 0 to %lld", key, (long long)max);
	*out = json_integer_value(value);
	return 0;
}

static int sources_read(const json_t *json, bool v6, struct ip_addr sources[HANDOVER_MAX_SOURCES],
	unsigned int *n, struct error *err)
{
	const json_t *list = json_object_get(json, "sources");

	*n = 0;
	if (list == NULL)
		return 0;
	if (!json_is_array(list) || json_array_size(list) > HANDOVER_MAX_SOURCES)
		return error_set(err, -EINVAL, "sources: expected a list of at most %u addresses",
			HANDOVER_MAX_SOURCES);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *text = json_string_value(json_array_get(list, i));
		struct ip_addr *a = &sources[(*n)++];

		if (text == NULL || ip_parse(text, a) < 0 || ip_is_v4(a) == v6 ||
			ip_is_multicast(a) || ip_is_unspecified(a))
			return error_set(err, -EINVAL,
				"sources: expected addresses of hosts of the group's family");
	}
	return 0;
}

static int row_read(const json_t *json, struct handover *h, struct error *err)
{
	const char *group = json_string_value(json_object_get(json, "group"));
	const char *mode = json_string_value(json_object_get(json, "mode"));
	struct ip_addr sources[HANDOVER_MAX_SOURCES], address;
	unsigned int n;
	json_int_t vlan = 0;
	int rc = number_read(json, "vlan", VLAN_ID_MAX, &vlan, err);

	if (rc < 0)
		return rc;
	if (group == NULL || ip_parse(group, &address) < 0 || !ip_is_multicast(&address) ||
		ip_is_link_local_group(&address))
		return error_set(err, -EINVAL,
			"group: expected a multicast address that is not "
			"link-local");
	if (mode == NULL || (strcmp(mode, "include") != 0 && strcmp(mode, "exclude") != 0))
		return error_set(err, -EINVAL, "mode: expected include or exclude");
	rc = sources_read(json, !ip_is_v4(&address), sources, &n, err);
	if (rc < 0)
		return rc;
	return handover_add(h, (uint16_t)vlan, &address, mode[0] == 'e', sources, n);
}

static int rows_read(const json_t *json, struct handover *h, struct error *err)
{
	const json_t *rows = json_object_get(json, "rows");

	if (!json_is_array(rows) || json_array_size(rows) > HANDOVER_MAX_ROWS)
		return error_set(err, -EINVAL, "rows: expected a list of at most %u memberships",
			HANDOVER_MAX_ROWS);
	for (size_t i = 0; i < json_array_size(rows); i++) {
		int rc = row_read(json_array_get(rows, i), h, err);

		if (rc == -EINVAL)
			error_prefix(err, "rows[%zu]", i);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int address_read(
	const json_t *json, const char *key, bool v6, struct ip_addr *out, struct error *err)
{
	const json_t *value = json_object_get(json, key);

	if (value == NULL || json_is_null(value))
		return 0;
	if (!json_is_string(value) || ip_parse(json_string_value(value), out) < 0 ||
		ip_is_v4(out) == v6 || ip_is_multicast(out))
		return error_set(err, -EINVAL, "%s: expected the address of a host", key);
	return 0;
}

static int guest_read(const json_t *json, struct handover *h, struct error *err)
{
	json_int_t igmp = 0, mld = 0;
	int rc = number_read(json, "igmp_version", 3, &igmp, err);

	if (rc == 0)
		rc = number_read(json, "mld_version", 2, &mld, err);
	if (rc == 0)
		rc = address_read(json, "ip", false, &h->address[false], err);
	if (rc == 0)
		rc = address_read(json, "ip6", true, &h->address[true], err);
	if (rc < 0)
		return rc;
	h->igmp_version = (uint8_t)igmp;
	h->mld_version = (uint8_t)mld;
	return rows_read(json, h, err);
}

int handover_read(const json_t *json, struct handover **out, struct error *err)
{
	const char *guest = json_string_value(json_object_get(json, "guest"));
	const json_t *version = json_object_get(json, "version");
	struct handover *h;
	int rc;

	if (!json_is_integer(version) || json_integer_value(version) != HANDOVER_VERSION)
		return error_set(err, -EINVAL, "version: this switch understands version %d",
			HANDOVER_VERSION);
	if (guest == NULL || guest[0] == '\0' || strlen(guest) >= sizeof(h->guest))
		return error_set(err, -EINVAL, "guest: expected the name of a guest");
	h = handover_new(guest);
	if (h == NULL)
		return error_set(err, -ENOMEM, "no memory");
	rc = guest_read(json, h, err);
	if (rc < 0) {
		handover_free(h);
		return rc == -ENOMEM ? error_set(err, rc, "no memory") : rc;
	}
	*out = h;
	return 0;
}

/* --- out --- */

static void row_print(const struct handover_row *row, FILE *out)
{
	char text[IP_STR_SIZE];

	fprintf(out, "{\"vlan\":%u,\"group\":\"%s\",\"mode\":\"%s\",\"sources\":[", row->vlan,
		ip_format(&row->group, text), row->exclude ? "exclude" : "include");
	for (unsigned int i = 0; i < row->n_sources; i++)
		fprintf(out, "%s\"%s\"", i > 0 ? "," : "", ip_format(&row->sources[i], text));
	fputs("]}", out);
}

void handover_print(const struct handover *h, FILE *out)
{
	char text[IP_STR_SIZE];

	fprintf(out, "{\"version\":%d,\"guest\":\"%s\",\"igmp_version\":%u,\"mld_version\":%u,",
		HANDOVER_VERSION, h->guest, h->igmp_version, h->mld_version);
	for (unsigned int v6 = 0; v6 < 2; v6++) {
		if (!ip_is_unspecified(&h->address[v6]))
			fprintf(out, "\"ip%s\":\"%s\",", v6 ? "6" : "",
				ip_format(&h->address[v6], text));
	}
	fputs("\"rows\":[", out);
	for (size_t i = 0; i < h->n_rows; i++) {
		if (i > 0)
			fputc(',', out);
		row_print(&h->rows[i], out);
	}
	fputs("]}", out);
}

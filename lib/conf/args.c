/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conf/build.h"
#include "conf/fields.h"
#include "conf/guest.h"

#define DEVICE_PREFIX "device:"
#define TRUNK_WORDS   64

/* A guest argument, cut to pieces in place. */
struct guest_arg {
	struct raw_guest guest;
	struct raw_limits limits;
	struct raw_security security;
	char *trunk[TRUNK_WORDS];
};

/* Take "key=value" off a comma-separated list. False at its end. value is NULL without '='. */
static bool pair_next(char **list, char **key, char **value)
{
	*key = strsep(list, ",");
	if (*key == NULL)
		return false;
	*value = strchr(*key, '=');
	if (*value != NULL)
		*(*value)++ = '\0';
	return true;
}

static int trunk_split(struct guest_arg *a, char *value, struct error *err)
{
	unsigned int n = 0;
	char *word;

	if (a->guest.trunk != NULL)
		return error_set(err, -EINVAL, "trunk is given twice");
	while ((word = strsep(&value, "+")) != NULL) {
		if (n == TRUNK_WORDS)
			return error_set(err, -EINVAL,
				"trunk has more than %d VLANs; use a configuration file",
				TRUNK_WORDS);
		a->trunk[n++] = word;
	}
	a->guest.trunk = a->trunk;
	a->guest.trunk_count = n;
	return 0;
}

/* Where the text of this key goes; NULL: there is no such key. */
static char **guest_slot(struct guest_arg *a, const char *key)
{
	const struct field *f;

	f = fields_find(guest_fields, key);
	if (f != NULL && strcmp(key, "name") != 0 && strcmp(key, "socket") != 0 &&
		strcmp(key, "device") != 0)
		return (char **)((char *)&a->guest + f->raw);
	f = fields_find(limits_fields, key);
	if (f != NULL)
		return (char **)((char *)&a->limits + f->raw);
	f = fields_find(security_fields, key);
	return f != NULL ? (char **)((char *)&a->security + f->raw) : NULL;
}

static int guest_pair(struct guest_arg *a, const char *key, char *value, struct error *err)
{
	char **slot;

	if (value == NULL)
		return error_set(err, -EINVAL, "'%.64s' has no value; write key=value", key);
	if (strcmp(key, "trunk") == 0)
		return trunk_split(a, value, err);
	slot = guest_slot(a, key);
	if (slot == NULL)
		return error_set(err, -EINVAL,
			"there is no key '%.64s'; choose from vlan, trunk, mode, mac, qmp, router, "
			"groups, sources, reports_per_s, promiscuous, mac_changes, "
			"forged_transmits",
			key);
	if (*slot != NULL)
		return error_set(err, -EINVAL, "%s is given twice", key);
	*slot = value;
	return 0;
}

static int guest_split(struct guest_arg *a, char *text, struct error *err)
{
	char *key, *value;
	int rc;

	*a = (struct guest_arg){.guest = {.limits = &a->limits, .security = &a->security}};
	if (!pair_next(&text, &key, &value) || value == NULL || *value == '\0' || *key == '\0')
		return error_set(err, -EINVAL,
			"write NAME=SOCKET[,key=value...] or NAME=device:DEVICE[,...]");
	a->guest.name = key;
	if (strncmp(value, DEVICE_PREFIX, strlen(DEVICE_PREFIX)) == 0)
		a->guest.device = value + strlen(DEVICE_PREFIX);
	else
		a->guest.socket = value;
	while (pair_next(&text, &key, &value)) {
		rc = guest_pair(a, key, value, err);
		if (rc != 0)
			return rc;
	}
	return 0;
}

int conf_guest_parse(const char *arg, struct conf_guest *out, struct error *err)
{
	struct conf_errors errors = {0};
	struct site site = {.errors = &errors};
	struct guest_arg a;
	char *text = strdup(arg);
	int rc;

	*out = (struct conf_guest){0};
	if (text == NULL)
		return error_set(err, -ENOMEM, "there is no memory left");
	rc = guest_split(&a, text, err);
	if (rc != 0) {
		error_prefix(err, "guest '%.64s'", arg);
		goto done;
	}
	rc = guest_build(&a.guest, &site, "", out);
	if (rc != 0) {
		error_set(err, rc, "%s", errors.n > 0 ? errors.text[0] : "there is no memory left");
		conf_guest_fini(out);
	}
done:
	conf_errors_free(&errors);
	free(text);
	return rc;
}

int conf_add_guest_arg(struct conf *c, const char *arg, struct error *err)
{
	struct conf_guest guest, *slot;
	int rc = conf_guest_parse(arg, &guest, err);

	if (rc != 0)
		return rc;
	slot = conf_guest_append(c);
	if (slot == NULL) {
		conf_guest_fini(&guest);
		return error_set(err, -ENOMEM, "there is no memory left");
	}
	*slot = guest;
	return 0;
}

/* A name made of a device: 0000:3b:00.0 becomes 0000_3b_00.0. */
static void name_from_device(char *name, size_t size, const char *device)
{
	size_t n = 0;

	for (; n < size - 1 && device[n] != '\0'; n++)
		name[n] = strchr("_.-", device[n]) == NULL &&
					  !(device[n] >= '0' && device[n] <= '9') &&
					  !((device[n] | 0x20) >= 'a' && (device[n] | 0x20) <= 'z')
				  ? '_'
				  : device[n];
	name[n] = '\0';
}

static int uplink_split(struct raw_uplink *raw, char *text, struct error *err)
{
	const struct field *f;
	char *key, *value, **slot;

	raw->device = strsep(&text, ",");
	while (pair_next(&text, &key, &value)) {
		f = strcmp(key, "device") != 0 ? fields_find(uplink_fields, key) : NULL;
		if (f == NULL)
			return error_set(err, -EINVAL,
				"there is no key '%.64s'; choose from name, link, poll_ms, "
				"debounce_ms, multicast",
				key);
		if (value == NULL)
			return error_set(
				err, -EINVAL, "'%.64s' has no value; write key=value", key);
		slot = (char **)((char *)raw + f->raw);
		if (*slot != NULL)
			return error_set(err, -EINVAL, "%s is given twice", key);
		*slot = value;
	}
	return 0;
}

static int uplink_parse(char *text, struct conf_uplink *out, struct error *err)
{
	char name[sizeof(out->device)];
	struct raw_uplink raw = {0};
	int rc = uplink_split(&raw, text, err);

	if (rc != 0)
		return rc;
	if (raw.name == NULL) {
		name_from_device(name, sizeof(name), raw.device);
		raw.name = name;
	}
	for (const struct field *f = uplink_fields; rc == 0 && f->key != NULL; f++) {
		const char *given = *(char **)((char *)&raw + f->raw);

		if (given != NULL)
			rc = field_parse(f, given, out, err);
	}
	return rc;
}

int conf_add_uplink_arg(struct conf *c, const char *arg, struct error *err)
{
	struct conf_uplink uplink = {0}, *slot;
	char *text = strdup(arg);
	int rc = -ENOMEM;

	if (text != NULL)
		rc = uplink_parse(text, &uplink, err);
	free(text);
	if (rc == -EINVAL) {
		error_prefix(err, "uplink '%.64s'", arg);
		return rc;
	}
	slot = rc == 0 ? conf_uplink_append(c) : NULL;
	if (slot == NULL)
		return error_set(err, -ENOMEM, "there is no memory left");
	*slot = uplink;
	return 0;
}

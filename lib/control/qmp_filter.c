/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/qmp_filter.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int rx_read(const json_t *nic, const char *key, enum qmp_rx *out, struct error *err)
{
	static const char *const names[] = {"none", "normal", "all"};
	const char *text = json_string_value(json_object_get(nic, key));

	for (unsigned int i = 0; text != NULL && i < 3; i++) {
		if (strcmp(text, names[i]) == 0) {
			*out = (enum qmp_rx)i;
			return 0;
		}
	}
	return error_set(err, -EINVAL, "%s is none of none, normal, all", key);
}

static int mac_order(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct mac_addr));
}

static void macs_unique(struct qmp_filter *f)
{
	unsigned int n = 0;

	qsort(f->macs, f->n_macs, sizeof(f->macs[0]), mac_order);
	for (unsigned int i = 0; i < f->n_macs; i++) {
		if (n == 0 || !mac_equal(&f->macs[n - 1], &f->macs[i]))
			f->macs[n++] = f->macs[i];
	}
	f->n_macs = n;
}

static int multicast_table_read(const json_t *nic, struct qmp_filter *f, struct error *err)
{
	const json_t *list = json_object_get(nic, "multicast-table");
	struct mac_addr mac;

	if (!json_is_array(list))
		return error_set(err, -EINVAL, "multicast-table is no list");
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *text = json_string_value(json_array_get(list, i));

		if (text == NULL || mac_parse(text, &mac) < 0)
			return error_set(err, -EINVAL, "multicast-table holds what is no address");
		if (!mac_is_multicast(&mac))
			continue;
		if (f->n_macs == QMP_FILTER_MAX_MACS) {
			f->overflow = true;
			break;
		}
		f->macs[f->n_macs++] = mac;
	}
	macs_unique(f);
	return 0;
}

static int vlans_read(const json_t *nic, struct qmp_filter *f, struct error *err)
{
	const json_t *list = json_object_get(nic, "vlan-table");
	enum qmp_rx mode = QMP_RX_NONE;
	int rc = rx_read(nic, "vlan", &mode, err);

	if (rc < 0)
		return rc;
	if (mode == QMP_RX_ALL)
		memset(f->vlans, 0xff, sizeof(f->vlans));
	if (mode != QMP_RX_NORMAL)
		return 0;
	if (!json_is_array(list) || json_array_size(list) > VLAN_ID_SIZE)
		return error_set(err, -EINVAL, "vlan-table is no list of at most %u", VLAN_ID_SIZE);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *id = json_array_get(list, i);

		if (!json_is_integer(id) || json_integer_value(id) < 0 ||
			json_integer_value(id) >= (json_int_t)VLAN_ID_SIZE)
			return error_set(err, -EINVAL, "vlan-table holds what is no VLAN");
		f->vlans[json_integer_value(id) / 64] |= 1ULL << (json_integer_value(id) % 64);
	}
	return 0;
}

int qmp_filter_read(const json_t *nic, struct qmp_filter *out, struct error *err)
{
	const char *name = json_string_value(json_object_get(nic, "name"));
	const char *mac = json_string_value(json_object_get(nic, "main-mac"));
	int rc;

	memset(out, 0, sizeof(*out));
	if (name == NULL || strlen(name) >= sizeof(out->name))
		return error_set(err, -EINVAL, "a NIC without a name, or with one too long");
	strcpy(out->name, name);
	if (mac == NULL || mac_parse(mac, &out->main_mac) < 0)
		return error_set(err, -EINVAL, "main-mac is no address");
	out->promiscuous = json_is_true(json_object_get(nic, "promiscuous"));
	out->overflow = json_is_true(json_object_get(nic, "multicast-overflow"));
	out->n_unicast = (unsigned int)json_array_size(json_object_get(nic, "unicast-table"));
	rc = rx_read(nic, "multicast", &out->multicast, err);
	if (rc == 0)
		rc = vlans_read(nic, out, err);
	if (rc == 0 && out->multicast == QMP_RX_NORMAL && !out->overflow)
		rc = multicast_table_read(nic, out, err);
	if (out->overflow)
		out->n_macs = 0;
	return rc;
}

static bool nic_matches(const json_t *nic, const char *name, const struct mac_addr *mac)
{
	const char *text;
	struct mac_addr main_mac;

	if (name[0] != '\0') {
		text = json_string_value(json_object_get(nic, "name"));
		return text != NULL && strcmp(text, name) == 0;
	}
	text = json_string_value(json_object_get(nic, "main-mac"));
	return text != NULL && mac_parse(text, &main_mac) == 0 && mac_equal(&main_mac, mac);
}

const json_t *qmp_nic_find(const json_t *list, const char *name, const struct mac_addr *mac)
{
	size_t n = json_array_size(list);

	for (size_t i = 0; i < n && i < QMP_MAX_NICS; i++) {
		const json_t *nic = json_array_get(list, i);

		if ((name[0] != '\0' || !mac_is_zero(mac)) && nic_matches(nic, name, mac))
			return nic;
	}
	return name[0] == '\0' && n == 1 ? json_array_get(list, 0) : NULL;
}

/* Copy text up to one of the characters in ends. False: it is empty or too long. */
static bool word_copy(char out[QMP_NAME_SIZE], const char *text, const char *ends)
{
	size_t size = strcspn(text, ends);

	if (size == 0 || size >= QMP_NAME_SIZE)
		return false;
	memcpy(out, text, size);
	out[size] = '\0';
	return true;
}

/*
 * nic0: index=0,type=nic,model=virtio-net-pci,macaddr=52:54:00:a2:7d:63
 *  \ net0: index=0,type=vhost-user,vhost-user0 to chr0
 */
unsigned int qmp_nics_read(const char *text, struct qmp_nic *out, unsigned int max)
{
	static const char type_nic[] = ",type=nic,", type_vhost[] = ",type=vhost-user,",
			  to[] = " to ";
	char name[QMP_NAME_SIZE] = "", line[512];
	unsigned int n = 0;

	while (*text != '\0' && n < max) {
		size_t size = strcspn(text, "\n");
		const char *label;

		snprintf(line, sizeof(line), "%.*s", (int)(size < 500 ? size : 500), text);
		text += size + (text[size] == '\n');
		if (line[0] != ' ' &&
			(strstr(line, type_nic) == NULL || !word_copy(name, line, ":")))
			name[0] = '\0';
		label = strstr(line, type_vhost) != NULL ? strstr(line, to) : NULL;
		if (line[0] != ' ' || label == NULL || name[0] == '\0')
			continue;
		if (!word_copy(out[n].chardev, label + sizeof(to) - 1, "\r\n"))
			continue;
		strcpy(out[n++].name, name);
		name[0] = '\0'; /* one queue pair a NIC */
	}
	return n;
}

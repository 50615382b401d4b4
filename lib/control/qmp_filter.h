/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_QMP_FILTER_H
#define CONTROL_QMP_FILTER_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/error.h"

/*
 * What QEMU says of a guest's NIC, as values: answers of QMP in, structs out. Pure; the answers may
 * be anybody's, so each is taken only whole and within bounds.
 */
#define QMP_NAME_SIZE       128  /* of a NIC or chardev, longer ones are refused */
#define QMP_FILTER_MAX_MACS 4096 /* more are as good as an overflow */
#define QMP_MAX_NICS        64   /* of one machine, the others are not looked at */

enum qmp_rx { QMP_RX_NONE, QMP_RX_NORMAL, QMP_RX_ALL };

/* One NIC's receive filter (query-rx-filter). What it claims beyond multicast and VLANs is for people
 * to see. */
struct qmp_filter {
	char name[QMP_NAME_SIZE];
	struct mac_addr main_mac;
	bool promiscuous;
	enum qmp_rx multicast;
	bool overflow; /* the table is not kept: as good as QMP_RX_ALL */
	unsigned int n_unicast;
	unsigned int n_macs; /* multicast addresses, without repeats */
	struct mac_addr macs[QMP_FILTER_MAX_MACS];
	uint64_t vlans[VLAN_ID_SIZE / 64]; /* that the NIC takes; untagged always passes */
};

/* 0, or -EINVAL with what is wrong. nic: one element of query-rx-filter's answer. */
int qmp_filter_read(const json_t *nic, struct qmp_filter *out, struct error *err);

static inline bool qmp_filter_has_vlan(const struct qmp_filter *f, uint16_t vlan)
{
	return vlan == 0 || (f->vlans[vlan / 64] >> (vlan % 64) & 1);
}

/* Every multicast frame, by its own wish or because its table does not hold them all. */
static inline bool qmp_filter_is_all(const struct qmp_filter *f)
{
	return f->multicast == QMP_RX_ALL || (f->multicast == QMP_RX_NORMAL && f->overflow);
}

/*
 * Which of the machine's NICs is meant: the one of this name, or, when name is empty, of this MAC
 * (not zero), or the only one there is. list: query-rx-filter's answer. NULL: none of them.
 */
const json_t *qmp_nic_find(const json_t *list, const char *name, const struct mac_addr *mac);

/* NICs on vhost-user as "info network" tells them; the chardev's label leads to the socket. */
struct qmp_nic {
	char name[QMP_NAME_SIZE];
	char chardev[QMP_NAME_SIZE];
};
/* Returns how many there are, at most max. text: what human-monitor-command returned. */
unsigned int qmp_nics_read(const char *text, struct qmp_nic *out, unsigned int max);

#endif

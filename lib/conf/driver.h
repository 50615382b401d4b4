/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONF_DRIVER_H
#define CONF_DRIVER_H

#include "conf/conf.h"

/*
 * What is known of a NIC's driver: drivers-config/NAME.yaml, one file a family. No code of the
 * switch names a driver; it looks here for the name that DPDK gives (rte_eth_dev_info.driver_name).
 * Every fact names where it was read. Immutable once loaded; owned by the caller.
 */
#define CONF_DRIVER_NAME_SIZE 64
#define CONF_SOURCE_SIZE      512
#define CONF_UNLIMITED        UINT32_MAX

struct conf_fault {
	char text[CONF_SOURCE_SIZE];
	char source[CONF_SOURCE_SIZE];
};

struct conf_driver {
	char file[CONF_NAME_SIZE]; /* "i40e.yaml"; "defaults" when no file knows the driver */
	size_t n_names;
	char (*names)[CONF_DRIVER_NAME_SIZE];
	struct {
		enum conf_link detect; /* set; interrupt: where the device offers none, poll */
		uint32_t
			poll_ms; /* 10-60000, default 100; how often the state is read in any way */
		bool idle_tx; /* its protocol lives on transmit calls, also with nothing to send */
		char source[CONF_SOURCE_SIZE];
	} link;
	struct {
		enum conf_filter filter; /* set */
		uint32_t size; /* of a list; CONF_UNLIMITED: as many as the driver takes */
		char source[CONF_SOURCE_SIZE];
	} multicast, unicast; /* unicast: never all; size is without the port's own address */
	struct {
		uint32_t rx, tx; /* 64-32768, default 1024 */
		char source[CONF_SOURCE_SIZE];
	} descriptors;
	struct {
		bool strip; /* does the device take the tag off at less cost than we do? */
		char source[CONF_SOURCE_SIZE];
	} vlan;
	struct {
		uint8_t multicast; /* 0 unknown, 1 yes, 2 no: spread over receive queues */
		char source[CONF_SOURCE_SIZE];
	} rss;
	size_t n_faults;
	struct conf_fault *faults;
};

struct conf_drivers {
	size_t n;
	struct conf_driver *entries;
};

/* All *.yaml of a directory. NULL and at least one error when anything is wrong. */
struct conf_drivers *conf_drivers_load(const char *dir, struct conf_errors *errors);
void conf_drivers_free(struct conf_drivers *d);

/*
 * What is known of the driver of this name. Never NULL: one that no file names is told by the
 * device itself as far as it can be, so the link interrupt is used where the device says it has
 * one, else its state is read every 100 ms; lists of addresses are tried at any size, and what is
 * refused opens the filter; 1,024 descriptors; tags are stripped where the device can. d may be
 * NULL: no file at all.
 */
const struct conf_driver *conf_driver_find(const struct conf_drivers *d, const char *name);

#endif

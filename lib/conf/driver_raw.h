/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONF_DRIVER_RAW_H
#define CONF_DRIVER_RAW_H

#include "conf/fields.h"
#include "conf/tree.h"

/* A driver file as libcyaml reads it, and what its keys mean for struct conf_driver. */

struct raw_link {
	char *detect, *poll_ms, *idle_tx, *source;
};

struct raw_filter {
	char *filter, *size, *source;
};

struct raw_descriptors {
	char *rx, *tx, *source;
};

struct raw_vlan_strip {
	char *strip, *source;
};

struct raw_rss {
	char *multicast, *source;
};

struct raw_fault {
	char *fault, *source;
};

struct raw_driver {
	char **names;
	struct raw_link *link;
	struct raw_filter *multicast, *unicast;
	struct raw_descriptors *descriptors;
	struct raw_vlan_strip *vlan;
	struct raw_rss *rss;
	struct raw_fault *faults;
	unsigned int names_count, faults_count;
};

struct raw_drivers {
	struct raw_driver *drivers;
	unsigned int drivers_count;
};

extern const cyaml_schema_value_t driver_root; /* of struct raw_drivers */

/* The first field of each is the one that the part is about. */
extern const struct field driver_link_fields[], driver_multicast_fields[], driver_unicast_fields[],
	driver_descriptors_fields[], driver_vlan_fields[], driver_rss_fields[],
	driver_fault_fields[];

bool driver_name_is_right(const char *name);

#endif

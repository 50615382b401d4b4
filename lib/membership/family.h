/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MEMBERSHIP_FAMILY_H
#define MEMBERSHIP_FAMILY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"

/*
 * Compatibility of a group, RFC 3376 7.3.2 and RFC 3810 8.3.2: the rules of the oldest host heard.
 * MLDv1 is IGMPv2 in other clothes, so MLD has no COMPAT_1.
 */
enum compat { COMPAT_NEWEST, COMPAT_2, COMPAT_1, COMPAT_N };

/* All in which IGMP and MLD differ for this room. */
struct family {
	bool v6;
	uint8_t version[COMPAT_N];  /* the version that each compatibility is called */
	enum compat compat_of[4];   /* by version of the message */
	struct ip_addr unspecified; /* group of general queries, source of nobody */
	bool (*is_ssm)(const struct ip_addr *group);
};

const struct family *family_get(bool v6);

static inline const struct family *family_of(const struct ip_addr *group)
{
	return family_get(!ip_is_v4(group));
}

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#include "membership/family.h"

/* RFC 4607 1: 232/8. */
static bool igmp_is_ssm(const struct ip_addr *group)
{
	return group->b[12] == 232;
}

/* RFC 4607 1: ff3x::/32. */
static bool mld_is_ssm(const struct ip_addr *group)
{
	return group->b[0] == 0xff && (group->b[1] & 0xf0) == 0x30 && group->b[2] == 0 &&
	       group->b[3] == 0;
}

static const struct family igmp = {
	.v6 = false,
	.version = {[COMPAT_NEWEST] = 3, [COMPAT_2] = 2, [COMPAT_1] = 1},
	.compat_of = {[1] = COMPAT_1, [2] = COMPAT_2, [3] = COMPAT_NEWEST},
	.unspecified = {.b = {[10] = 0xff, [11] = 0xff}},
	.is_ssm = igmp_is_ssm,
};

static const struct family mld = {
	.v6 = true,
	.version = {[COMPAT_NEWEST] = 2, [COMPAT_2] = 1, [COMPAT_1] = 1},
	.compat_of = {[1] = COMPAT_2, [2] = COMPAT_NEWEST},
	.unspecified = {.b = {0}},
	.is_ssm = mld_is_ssm,
};

const struct family *family_get(bool v6)
{
	return v6 ? &mld : &igmp;
}

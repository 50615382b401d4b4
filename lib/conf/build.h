/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONF_BUILD_H
#define CONF_BUILD_H

#include "conf/schema.h"

/*
 * From what was written to the struct: every element at the place it has in the text, also one with
 * errors, so that paths of later checks still name the right lines.
 */

/* c is fresh from conf_new. Errors go to site. 0, -EINVAL or -ENOMEM. */
int conf_build(struct conf *c, const struct raw *raw, const struct site *site);

/* conf_validate with lines. */
int conf_check(struct conf *c, const struct site *site);

/* One more uplink or guest, zeroed. NULL: no memory. */
struct conf_uplink *conf_uplink_append(struct conf *c);
struct conf_guest *conf_guest_append(struct conf *c);

#endif

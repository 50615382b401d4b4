/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONF_GUEST_H
#define CONF_GUEST_H

#include "conf/schema.h"

/* A guest from what was written, whether in YAML or as an argument. Errors go to site, at path.
 * 0, -EINVAL or -ENOMEM; out is to be finished by conf_guest_fini in any case. */
int guest_build(const struct raw_guest *raw, const struct site *site, const char *path,
	struct conf_guest *out);

/* A list of VLAN ids, ascending. what: whose. Errors go to site. 0, -EINVAL or -ENOMEM. */
int vlan_list_build(char *const *texts, size_t n, const struct site *site, const char *path,
	const char *what, uint16_t **out, size_t *n_out);

#endif

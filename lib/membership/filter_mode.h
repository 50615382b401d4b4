/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MEMBERSHIP_FILTER_MODE_H
#define MEMBERSHIP_FILTER_MODE_H

#include "membership/row.h"

struct host;

/* Does a record of this type add sources to the row that are new to it? */
bool filter_mode_takes_new(const struct row *r, enum group_record_type type);

/* Of the sources of a row, how many are listed after a record of this type that names the `named`
 * ones and n_new others? */
unsigned int filter_mode_count(
	const struct row *r, enum group_record_type type, unsigned int n_new);

/* A record acts on a row whose `named` sources it names; those that are not listed are new to it.
 * h: NULL when no host speaks (restore). Returns whether the row is still there. */
bool filter_mode_apply(
	struct membership *m, struct row *r, enum group_record_type type, const struct host *h);

const char *filter_mode_name(enum filter_mode mode);

#endif

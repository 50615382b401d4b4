/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MCSWITCH_ADVISORIES_H
#define MCSWITCH_ADVISORIES_H

#include <stddef.h>

/*
 * What a version of DPDK is known to lack. The facts are in advisories.json, which tools/doctor reads
 * too; JSON, so that the doctor needs nothing but Python, and compiled in, so that the warning does
 * not hang on a file being installed.
 */
struct advisory {
	const char *id;
	const char *what;
	unsigned int year, month; /* the branch */
	unsigned int last;        /* its last release that has the flaw */
};

/* What a version ("22.11.11", or as rte_version() names it) lacks the fixes of, as a list for people,
 * "" when nothing is known; returns how many. */
size_t advisories_lacking(const char *version, char *buf, size_t size);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MCSWITCH_ARGS_H
#define MCSWITCH_ARGS_H

#include <stdbool.h>

#include "conf/conf.h"
#include "conf/driver.h"

struct logging;

/* The command line: EAL's arguments, "--", ours. */
struct args {
	int eal_argc; /* argv[0] and what stands before "--" */
	char **eal_argv;
	struct conf *conf;            /* owned by the caller after args_parse */
	struct conf_drivers *drivers; /* owned by the caller; NULL: there are no files */
	bool check;
};

/* 0 go on, 1 everything asked for is done (--help, --version), negative: the sentences are in
 * the log, whose level is set here; exit 1. */
int args_parse(int argc, char **argv, struct logging *logging, struct args *out);

#endif

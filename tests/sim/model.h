/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef SIM_MODEL_H
#define SIM_MODEL_H

#include <stdbool.h>

#include "membership/membership.h"

/*
 * The same protocol, written naively from the RFC's words: sets are bits, timers are searched, a
 * port has a row for every group of a small world whether it wants it or not. It shares nothing
 * with lib/membership but its headers, so that a mistake must be made twice to go unseen.
 */
#define MODEL_GROUPS  4
#define MODEL_PORTS   3 /* 0 and 1 guests, 2 an uplink */
#define MODEL_SOURCES 4
#define MODEL_HOSTS   3 /* behind a port */
#define MODEL_MACS    2 /* of groups 0 and 1; of group 3 */

typedef unsigned int sources; /* a bit each */

struct model_row {
	bool snooped, restored, exclude, untracked;
	bool static_any;
	sources static_sources;
	sources x, y; /* requested (A in INCLUDE mode), excluded */
	nsec group_end, source_end[MODEL_SOURCES];
	nsec v1_end, v2_end;
	nsec any[MODEL_HOSTS];                  /* last time the host asked for all; 0: does not */
	nsec asked[MODEL_SOURCES][MODEL_HOSTS]; /* and for a source */
};

struct model {
	nsec now;
	bool fast, is_querier_auto;
	nsec other_end[2]; /* another querier is present until, by v6 */
	bool filter[MODEL_MACS][MODEL_PORTS], filter_all[MODEL_PORTS];
	int first_host[MODEL_PORTS]; /* -1: none heard */
	bool several[MODEL_PORTS];
	struct model_row row[MODEL_GROUPS][MODEL_PORTS];
};

#define MODEL_RV     2
#define MODEL_LMI    (1 * NSEC_PER_SEC)
#define MODEL_QI     (10 * NSEC_PER_SEC)
#define MODEL_QRI    (2 * NSEC_PER_SEC)
#define MODEL_LMQT   (MODEL_RV * MODEL_LMI)
#define MODEL_GMI    (MODEL_RV * MODEL_QI + MODEL_QRI)
#define MODEL_OTHER  (MODEL_RV * MODEL_QI + MODEL_QRI / 2)
#define MODEL_COARSE (100 * NSEC_PER_MS) /* how exactly hosts' times are kept */

bool model_is_v6(int group);
bool model_is_ssm(int group);
int model_mac(int group); /* -1: of none */

void model_init(struct model *m, nsec now, bool fast, bool is_querier_auto);
void model_advance(struct model *m, nsec now);
/* version 1 or 2: a report (IS_EX) or leave (TO_IN) of that version. host -1: restore. */
void model_record(struct model *m, int group, int port, int host, int version,
	enum group_record_type type, sources a);
void model_query(struct model *m, bool v6, int group, sources a, bool suppress);
void model_port_down(struct model *m, int port);

/* Does the port get the group from this source; -1: from one that nobody lists. */
bool model_passes(const struct model *m, int group, int port, int source);
bool model_has_row(const struct model *m, int group, int port);
bool model_filter_admits(const struct model *m, int mac, int port);
nsec model_row_end(const struct model_row *r);
int model_row_version(const struct model *m, int group, const struct model_row *r);

#endif

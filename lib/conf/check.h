/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONF_CHECK_H
#define CONF_CHECK_H

#include "conf/lines.h"

/* The parts of conf_check. Errors go to site, at the paths of the elements. */
void vlans_check(const struct conf *c, const struct site *site);
void teams_check(const struct conf *c, const struct site *site);

/* Uplinks in no team join the implied one. 0 or -ENOMEM. */
int teams_complete(struct conf *c, const struct site *site);

/* An uplink (0 .. n_uplinks - 1) or a guest (from n_uplinks) by name; -1: neither. */
int port_find(const struct conf *c, const char *name);

/* The first team that lists this uplink; NULL: none. */
const struct conf_team *team_of(const struct conf *c, const char *uplink);

/* A port is no longer named in static entry i, which goes with its last port. */
void vlan_drop_member(struct conf_vlan *v, size_t i, const char *name);

bool names_have(const char (*names)[CONF_NAME_SIZE], size_t n, const char *name);

#endif

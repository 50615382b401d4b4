/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MCCTL_SHOW_H
#define MCCTL_SHOW_H

#include <jansson.h>

#include "base/error.h"

/* Answers for people: see struct verb's print and follow. */
struct client;
struct request;

/* show_status.c */
void show_status(const struct request *r, const json_t *result);
void show_config(const struct request *r, const json_t *result);
void show_drops(const struct request *r, const json_t *result);
void show_schema(const struct request *r, const json_t *result);
/* show_cores.c */
void show_cores(const struct request *r, const json_t *result);
/* show_ports.c */
void show_ports(const struct request *r, const json_t *result);
void show_uplinks(const struct request *r, const json_t *result);
void show_teams(const struct request *r, const json_t *result);
void show_guests(const struct request *r, const json_t *result);
/* show_groups.c */
void show_groups(const struct request *r, const json_t *result);
void show_busiest(const struct request *r, const json_t *result);
void show_snooping(const struct request *r, const json_t *result);
void show_queriers(const struct request *r, const json_t *result);
/* show_counters.c */
void show_counters(const struct request *r, const json_t *result);
/* show_events.c */
void show_events(const struct request *r, const json_t *result);
int watch_events(const struct request *r, struct client *c, struct error *err);

#endif

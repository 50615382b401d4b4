/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef API_TELEMETRY_DATA_H
#define API_TELEMETRY_DATA_H

#include <jansson.h>

struct rte_tel_data;

/*
 * A JSON object as a dictionary of DPDK's telemetry. That knows strings, numbers and lists of one of
 * them: booleans become 0 or 1, null, nested objects and empty lists are left out. 0 or a negative errno.
 */
int telemetry_data_object(struct rte_tel_data *out, json_t *object);

#endif

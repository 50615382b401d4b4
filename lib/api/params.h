/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef API_PARAMS_H
#define API_PARAMS_H

#include "api/rpc.h"

/* Check what was given against what the method declares. *out is a new object that holds declared
 * names only, each of a declared type; null members are left out. 0 or -EINVAL or -ENOMEM with a sentence that
 * names the offending word and what was expected. given may be NULL: none. */
int params_bind(const struct rpc_method *m, json_t *given, json_t **out, struct error *err);

/* Predicates for struct rpc_param. */
bool params_is_vlan(const json_t *value);      /* 0 to 4094 */
bool params_is_group(const json_t *value);     /* multicast IP address or MAC */
bool params_is_name(const json_t *value);      /* not empty, of the characters of a name */
bool params_is_count(const json_t *value);     /* 0 or more */
bool params_is_positive(const json_t *value);  /* 1 or more */
bool params_is_top_count(const json_t *value); /* 1 to BUSIEST_MAX */

/* A declared string that is there, or NULL. */
const char *params_string(const json_t *params, const char *name);
long long params_integer(const json_t *params, const char *name, long long otherwise);

/* A method's parameters in their order, and as a JSON Schema of the object. NULL: no memory. */
json_t *params_list(const struct rpc_method *m);
json_t *params_schema(const struct rpc_method *m);

#endif

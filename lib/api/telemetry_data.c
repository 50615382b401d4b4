/* SPDX-License-Identifier: BSD-3-Clause */
#include "api/telemetry_data.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>

#include <rte_telemetry.h>
#include <rte_version.h>

/* Renamed in DPDK 23.03, and the old names went later. */
#if RTE_VERSION >= RTE_VERSION_NUM(23, 3, 0, 0)
#define TEL_UINT       RTE_TEL_UINT_VAL
#define tel_array_uint rte_tel_data_add_array_uint
#define tel_dict_uint  rte_tel_data_add_dict_uint
#else
#define TEL_UINT       RTE_TEL_U64_VAL
#define tel_array_uint rte_tel_data_add_array_u64
#define tel_dict_uint  rte_tel_data_add_dict_u64
#endif

/* Longer ones are cut. */
static int string_add(struct rte_tel_data *out, const char *name, const char *text)
{
	char cut[RTE_TEL_MAX_STRING_LEN];

	snprintf(cut, sizeof(cut), "%s", text);
	return rte_tel_data_add_dict_string(out, name, cut);
}

static int list_add(struct rte_tel_data *out, const char *name, const json_t *list)
{
	bool strings = json_is_string(json_array_get(list, 0));
	struct rte_tel_data *array;
	const json_t *item;
	size_t i;
	int rc = 0;

	if (json_array_size(list) == 0)
		return 0;
	array = rte_tel_data_alloc();
	if (array == NULL)
		return -ENOMEM;
	rte_tel_data_start_array(array, strings ? RTE_TEL_STRING_VAL : TEL_UINT);
	json_array_foreach (list, i, item) {
		if (strings)
			rc = rte_tel_data_add_array_string(array, json_string_value(item));
		else
			rc = tel_array_uint(array, (uint64_t)json_integer_value(item));
		if (rc < 0) /* it holds no more */
			break;
	}
	rc = rte_tel_data_add_dict_container(out, name, array, 0);
	if (rc < 0)
		rte_tel_data_free(array);
	return rc;
}

static int member_add(struct rte_tel_data *out, const char *name, const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_STRING:
		return string_add(out, name, json_string_value(value));
	case JSON_INTEGER:
		return tel_dict_uint(out, name, (uint64_t)json_integer_value(value));
	case JSON_TRUE:
	case JSON_FALSE:
		return rte_tel_data_add_dict_int(out, name, json_is_true(value));
	case JSON_ARRAY:
		return list_add(out, name, value);
	default:
		return 0;
	}
}

int telemetry_data_object(struct rte_tel_data *out, json_t *object)
{
	const char *name;
	json_t *value;
	int rc = rte_tel_data_start_dict(out);

	json_object_foreach (object, name, value) {
		if (rc < 0)
			break;
		rc = member_add(out, name, value);
	}
	return rc;
}

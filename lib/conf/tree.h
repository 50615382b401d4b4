/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONF_TREE_H
#define CONF_TREE_H

#include <cyaml/cyaml.h>

#include "conf/lines.h"

/*
 * A text as libcyaml reads it into a tree of structs, and the words in which a schema is written.
 * What does not fit the schema is reported with file and line, which libcyaml does not know.
 */

/* Nothing is required here and "key:" without a value is as good as no key: what must be given is
 * said by who loads, with the name of what lacks it. */
#define OPT                         (CYAML_FLAG_OPTIONAL | CYAML_FLAG_POINTER_NULL)
#define TEXT(s, m)                  CYAML_FIELD_STRING_PTR(#m, OPT, struct s, m, 0, CYAML_UNLIMITED)
#define PART(s, m)                  CYAML_FIELD_MAPPING_PTR(#m, OPT, struct s, m, m##_keys)
#define LIST(key, s, m, entry, max) CYAML_FIELD_SEQUENCE(key, OPT, struct s, m, &(entry), 0, (max))
#define ENTRY(s, keys)                                                  \
	{                                                               \
		CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct s, keys) \
	}
#define TREE_END CYAML_FIELD_END

extern const cyaml_schema_value_t tree_word; /* an entry of a list of texts */

/* 0, or -EINVAL after errors were added. *out is NULL for an empty text. */
int tree_load(const struct cyaml_schema_value *root, const char *text, size_t size,
	const struct site *site, void **out);
void tree_free(const struct cyaml_schema_value *root, void *tree);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#include "conf/file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

char *file_read(const char *path, size_t *size, struct conf_errors *errors)
{
	FILE *file = fopen(path, "re");
	char *text;

	*size = 0;
	if (file == NULL) {
		conf_errors_add(errors, "%s: cannot be opened: %s", path, strerror(errno));
		return NULL;
	}
	text = malloc(CONF_FILE_MAX + 1);
	if (text != NULL)
		*size = fread(text, 1, CONF_FILE_MAX + 1, file);
	if (text == NULL || ferror(file)) {
		conf_errors_add(errors, "%s: cannot be read: %s", path, strerror(errno));
		free(text);
		text = NULL;
	}
	fclose(file);
	return text;
}

/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONF_FILE_H
#define CONF_FILE_H

#include "conf/conf.h"

/* The whole of a file, for the caller to free; of one that is too long, CONF_FILE_MAX + 1 bytes.
 * NULL after an error has been added. */
char *file_read(const char *path, size_t *size, struct conf_errors *errors);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#include "advisories.h"

#include <stdio.h>
#include <string.h>

static const struct advisory table[] = {
#include "advisories_table.h"
};

size_t advisories_lacking(const char *version, char *buf, size_t size)
{
	unsigned int year = 0, month = 0, minor = 0;
	size_t n = 0;

	buf[0] = '\0';
	sscanf(version + strcspn(version, "0123456789"), "%u.%u.%u", &year, &month, &minor);
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		const struct advisory *a = &table[i];
		size_t used = strlen(buf);

		if (a->year != year || a->month != month || minor > a->last)
			continue;
		snprintf(buf + used, size - used, "%s%s (%s)", n > 0 ? ", " : "", a->id, a->what);
		n++;
	}
	return n;
}

/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

/*
 * What went wrong, as a sentence for the person who must mend it. Functions that can fail for a
 * reason a user may cause take a struct error and return a negative errno besides.
 */
struct error {
	char text[512];
};

/* Write the sentence, return code (a negative errno) so that callers can `return error_set(...)`.
 * err may be NULL: then only the code is returned. */
int error_set(struct error *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Put "fmt: " before the sentence that is there: callers add what they were about to do. */
void error_prefix(struct error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/conf.h"

/*
 * The input is a configuration, and its first line an argument for a guest and for an uplink. What
 * is refused must say why; what is accepted must print as something that reads back the same.
 */
#define CHECK(condition)                                                                \
	do {                                                                            \
		if (!(condition)) {                                                     \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
			abort();                                                        \
		}                                                                       \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *print(const struct conf *c)
{
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	CHECK(out != NULL && conf_print(c, out) == 0);
	fclose(out);
	return text;
}

/* Print, load, print: the same text. */
static void conf_returns(const struct conf *c)
{
	struct conf_errors errors = {0};
	char *text = print(c), *again;
	struct conf *back = conf_load_text("printed", text, strlen(text), &errors);

	if (back == NULL)
		fprintf(stderr, "%s\n%s", errors.text[0], text);
	CHECK(back != NULL && errors.n == 0);
	again = print(back);
	CHECK(strcmp(text, again) == 0);
	free(again);
	free(text);
	conf_free(back);
}

static void load(const char *text, size_t size)
{
	struct conf_errors errors = {0};
	struct conf *c = conf_load_text("F", text, size, &errors);

	CHECK((c == NULL) == (errors.n > 0));
	for (size_t i = 0; i < errors.n; i++)
		CHECK(strncmp(errors.text[i], "F:", 2) == 0);
	if (c != NULL)
		conf_returns(c);
	conf_free(c);
	conf_errors_free(&errors);
}

static void arguments(const char *text, size_t size)
{
	struct conf_errors errors = {0};
	struct conf *c = conf_new();
	struct error err = {""};
	char *arg = strndup(text, size);

	arg[strcspn(arg, "\n")] = '\0';
	CHECK(c != NULL && arg != NULL);
	CHECK(conf_add_guest_arg(c, arg, &err) == 0 || err.text[0] != '\0');
	CHECK(conf_add_uplink_arg(c, arg, &err) == 0 || err.text[0] != '\0');
	if (conf_validate(c, &errors) == 0)
		conf_returns(c);
	else
		CHECK(errors.n > 0);
	conf_errors_free(&errors);
	conf_free(c);
	free(arg);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	arguments((const char *)data, size);
	load((const char *)data, size);
	return 0;
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "script.h"

/*
 * Replay the cases of script files against the membership machine: sim FILE ... A case ends at its
 * first failure; the others still run.
 */
struct run {
	const char *file;
	unsigned int line;
	char name[SIM_TEXT];
	bool in_case, failed, was_event_checked;
	unsigned int n_cases, n_failed;
	struct world world;
};

static void case_fail(struct run *r, const char *wrong)
{
	printf("%s:%u: %s: %s\n", r->file, r->line, r->name, wrong);
	r->failed = true;
}

static void check_silence(struct run *r)
{
	char wrong[2 * SIM_TEXT] = "";

	if (r->world.sent[0] == '\0')
		return;
	text_add(wrong, sizeof(wrong), "sent but not expected: %s", r->world.sent);
	case_fail(r, wrong);
}

static void case_end(struct run *r)
{
	if (!r->in_case)
		return;
	if (!r->failed)
		check_silence(r);
	r->n_failed += r->failed;
	world_fini(&r->world);
	r->in_case = false;
}

static void case_begin(struct run *r, const char *name)
{
	case_end(r);
	snprintf(r->name, sizeof(r->name), "%s", name);
	world_init(&r->world);
	r->in_case = true;
	r->failed = false;
	r->n_cases++;
}

/* Seconds with up to three decimals, exactly. */
static nsec time_read(const char *word)
{
	return SIM_BIRTH + (nsec)(strtod(word, NULL) * 1000 + 0.5) * NSEC_PER_MS;
}

static void step(struct run *r, char *line)
{
	struct script s = {.w = &r->world, .at = line};
	bool is_check = isspace((unsigned char)line[0]);
	const char *wrong;
	char *word;

	if (!is_check) {
		check_silence(r);
		r->world.events[0] = '\0';
		world_advance(&r->world, time_read(script_word(&s)));
	}
	word = script_word(&s);
	if (word != NULL && !(is_check ? script_check(&s, word) : script_do(&s, word)))
		case_fail(r, s.wrong);
	wrong = world_check_told(&r->world);
	if (wrong != NULL && !r->failed)
		case_fail(r, wrong);
}

static void line_run(struct run *r, char *line)
{
	line[strcspn(line, "#\n")] = '\0';
	for (size_t n = strlen(line); n > 0 && isspace((unsigned char)line[n - 1]); n--)
		line[n - 1] = '\0';
	if (line[0] == '\0')
		return;
	if (strncmp(line, "case ", 5) == 0)
		case_begin(r, line + 5);
	else if (r->in_case && !r->failed)
		step(r, line);
}

static int file_run(struct run *r, const char *path)
{
	FILE *f = fopen(path, "r");
	char line[SIM_TEXT];

	if (f == NULL) {
		perror(path);
		return -1;
	}
	r->file = path;
	r->line = 0;
	while (fgets(line, sizeof(line), f) != NULL) {
		r->line++;
		line_run(r, line);
	}
	case_end(r);
	fclose(f);
	return 0;
}

int main(int argc, char **argv)
{
	static struct run r;

	for (int i = 1; i < argc; i++) {
		if (file_run(&r, argv[i]) < 0)
			return 2;
	}
	printf("%u cases, %u failed\n", r.n_cases, r.n_failed);
	return r.n_failed == 0 && r.n_cases > 0 ? 0 : 1;
}

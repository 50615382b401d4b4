/* SPDX-License-Identifier: BSD-3-Clause */
/* The verb table as a bash completion script: four arrays and one function that walks them. */
#include <string.h>

#include "help.h"
#include "verbs.h"

static const char script[] =
	"_mcctl() {\n"
	"\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
	"\tlocal verb='' used=' ' last='' words='' w i socket=()\n"
	"\tCOMPREPLY=()\n"
	"\tcase $prev in\n"
	"\t-f|--file|--socket)\n"
	"\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
	"\t\treturn ;;\n"
	"\tesac\n"
	"\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
	"\t\tw=${COMP_WORDS[i]}\n"
	"\t\tcase $w in\n"
	"\t\t--socket) socket=(--socket \"${COMP_WORDS[++i]}\"); continue ;;\n"
	"\t\t-f|--file) ((i++)); continue ;;\n"
	"\t\t-*) continue ;;\n"
	"\t\tesac\n"
	"\t\tif [[ -n ${_mcctl_next[${verb:-.}]} ]]; then\n"
	"\t\t\tverb+=${verb:+ }$w\n"
	"\t\telse\n"
	"\t\t\tused+=\"$w \" last=$w\n"
	"\t\tfi\n"
	"\tdone\n"
	"\tif [[ $cur == -* ]]; then\n"
	"\t\twords='--json --socket --file --once --help --version'\n"
	"\telif [[ -n ${_mcctl_next[${verb:-.}]} ]]; then\n"
	"\t\twords=${_mcctl_next[${verb:-.}]}\n"
	"\telif [[ -z $last && -n ${_mcctl_first[$verb]} ]]; then\n"
	"\t\twords=${_mcctl_first[$verb]}\n"
	"\telif [[ -n ${_mcctl_value[$verb $last]} ]]; then\n"
	"\t\twords=${_mcctl_value[$verb $last]}\n"
	"\telse\n"
	"\t\tfor w in ${_mcctl_words[$verb]}; do\n"
	"\t\t\t[[ $used == *\" $w \"* ]] || words+=\"$w \"\n"
	"\t\tdone\n"
	"\tfi\n"
	"\t[[ $words == *@port* ]] &&\n"
	"\t\twords=${words/@port/$(mcctl \"${socket[@]}\" --names 2>/dev/null)}\n"
	"\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
	"}\n"
	"complete -F _mcctl mcctl\n";

/* Every beginning of a verb and the words that may follow; "." is the empty beginning. */
static void next_print(FILE *out)
{
	char done[64] = "", next[512];

	fprintf(out, "declare -A _mcctl_next=(\n\t[.]='%s'\n",
		help_next(NULL, 0, " ", next, sizeof(next)));
	for (const struct verb *v = verbs_table(); v->words != NULL; v++) {
		const char *blank = strchr(v->words, ' ');
		char first[32];
		char *const words[] = {first};

		if (blank == NULL)
			continue;
		snprintf(first, sizeof(first), "%.*s", (int)(blank - v->words), v->words);
		if (strcmp(first, done) == 0)
			continue;
		fprintf(out, "\t[%s]='%s'\n", first, help_next(words, 1, " ", next, sizeof(next)));
		strcpy(done, first);
	}
	fputs(")\n", out);
}

/* The words that may stand for an argument that goes by its place, or for a keyword's value. */
static const char *values_of(const struct arg *a)
{
	if (a->choices != NULL)
		return a->choices;
	return a->kind == ARG_PORT ? "@port" : "";
}

/* What may stand right after the verb where something must or may go by its place. */
static void first_print(FILE *out)
{
	fputs("declare -A _mcctl_first=(\n", out);
	for (const struct verb *v = verbs_table(); v->words != NULL; v++) {
		if (v->args != NULL && v->args[0].keyword == NULL)
			fprintf(out, "\t['%s']='%s '\n", v->words, values_of(&v->args[0]));
	}
	fputs(")\n", out);
}

static void words_print(FILE *out)
{
	fputs("declare -A _mcctl_words=(\n", out);
	for (const struct verb *v = verbs_table(); v->words != NULL; v++) {
		if (v->args == NULL)
			continue;
		fprintf(out, "\t['%s']='", v->words);
		for (const struct arg *a = v->args; a->help != NULL; a++) {
			if (a->keyword != NULL)
				fprintf(out, "%s ", a->keyword);
		}
		fputs("'\n", out);
	}
	fputs(")\n", out);
}

static void value_print(FILE *out)
{
	fputs("declare -A _mcctl_value=(\n", out);
	for (const struct verb *v = verbs_table(); v->words != NULL; v++) {
		for (const struct arg *a = v->args; a != NULL && a->help != NULL; a++) {
			if (a->keyword != NULL && a->value != NULL)
				fprintf(out, "\t['%s %s']='%s'\n", v->words, a->keyword,
					values_of(a)[0] != '\0' ? values_of(a) : " ");
		}
	}
	fputs(")\n", out);
}

void help_completion(FILE *out)
{
	fputs("# bash completion for mcctl; printed by mcctl --completion\n", out);
	next_print(out);
	first_print(out);
	words_print(out);
	value_print(out);
	fputs(script, out);
}

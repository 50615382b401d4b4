/* SPDX-License-Identifier: BSD-3-Clause */
/* What QMP or a hand-over may say: any JSON as query-rx-filter's answer, "info network" and export. */
#include <errno.h>
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "control/handover.h"
#include "control/qmp_filter.h"

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void filter_check(const json_t *nic)
{
	static struct qmp_filter f;
	struct error err = {""};
	int rc = qmp_filter_read(nic, &f, &err);

	must(rc == 0 || (rc == -EINVAL && err.text[0] != '\0'));
	must(f.n_macs <= QMP_FILTER_MAX_MACS && strlen(f.name) < sizeof(f.name));
	must(rc != 0 || !qmp_filter_is_all(&f) || f.n_macs == 0);
	for (unsigned int i = 0; rc == 0 && i < f.n_macs; i++) {
		must(mac_is_multicast(&f.macs[i]));
		must(i == 0 || !mac_equal(&f.macs[i - 1], &f.macs[i]));
	}
}

/* What was read is printed and read to the same text. */
static void handover_check(const json_t *json)
{
	struct handover *h, *back;
	char *text[2] = {NULL};
	size_t size;
	struct error err;
	json_t *again;
	FILE *out;

	if (handover_read(json, &h, &err) != 0)
		return;
	strcpy(h->guest, "vm1"); /* a name that a port has */
	out = open_memstream(&text[0], &size);
	handover_print(h, out);
	fclose(out);
	again = json_loads(text[0], 0, NULL);
	must(handover_read(again, &back, &err) == 0);
	out = open_memstream(&text[1], &size);
	handover_print(back, out);
	fclose(out);
	must(strcmp(text[0], text[1]) == 0);
	json_decref(again);
	handover_free(h);
	handover_free(back);
	free(text[0]);
	free(text[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct mac_addr mac = {{0x52, 0x54, 0, 0, 0, 1}};
	json_t *json = json_loadb((const char *)data, size, JSON_DECODE_ANY, NULL);
	char *text = strndup((const char *)data, size);
	struct qmp_nic nics[4];
	const json_t *nic;

	must(qmp_nics_read(text, nics, 4) <= 4);
	free(text);
	nic = qmp_nic_find(json, "", &mac);
	filter_check(nic != NULL ? nic : json);
	handover_check(json);
	json_decref(json);
	return 0;
}

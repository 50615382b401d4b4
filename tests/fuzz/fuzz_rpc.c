/* SPDX-License-Identifier: BSD-3-Clause */
/* Any line into the real method table over a fake control lcore: one reply, one line, valid JSON. */
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/fake_control.h"
#include "api/methods.h"
#include "api/rpc.h"

struct text {
	char *data;
	size_t size, max;
};

static int text_add(const char *data, size_t size, void *ctx)
{
	struct text *t = ctx;

	if (t->size + size >= t->max) {
		t->max = 2 * (t->size + size) + 256;
		t->data = realloc(t->data, t->max);
	}
	memcpy(t->data + t->size, data, size);
	t->size += size;
	return 0;
}

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void reply_check(struct rpc_reply *reply)
{
	struct text t = {0};
	json_t *json;
	int more;

	do
		more = rpc_reply_write(reply, text_add, &t);
	while (more > 0);
	rpc_reply_free(reply);
	must(more == 0);
	must(t.size > 0 && t.data[t.size - 1] == '\n');
	must(memchr(t.data, '\n', t.size) == t.data + t.size - 1);
	json = json_loadb(t.data, t.size, 0, NULL);
	must(json_object_get(json, "id") != NULL);
	must((json_object_get(json, "error") != NULL) != (json_object_get(json, "result") != NULL));
	json_decref(json);
	free(t.data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct control control;
	size_t snapshots_size = 0;
	struct caller caller = {.control = &control, .snapshots_size = &snapshots_size};
	const struct rpc_session session = {methods_table(), RPC_WRITE, &caller};
	struct rpc_reply *reply;

	fake_control_init(&control, NULL);
	must(rpc_handle(&session, (const char *)data, size, &reply) == 0);
	if (reply != NULL)
		reply_check(reply);
	must(snapshots_size == 0);
	return 0;
}

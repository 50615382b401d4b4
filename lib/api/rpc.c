/* SPDX-License-Identifier: BSD-3-Clause */
#include "api/rpc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/params.h"

enum reply_state { REPLY_WHOLE, REPLY_HEAD, REPLY_ROWS };

struct rpc_reply {
	enum reply_state state;
	json_t *object; /* REPLY_WHOLE: all of it */
	json_t *id;     /* else: what goes around the rows */
	struct rpc_rows *rows;
	bool comma;
};

json_t *rpc_text(const char *text)
{
	json_t *json = json_string(text);
	char *copy;

	if (json != NULL)
		return json;
	copy = strdup(text);
	if (copy == NULL)
		return NULL;
	for (char *p = copy; *p != '\0'; p++) {
		if ((unsigned char)*p >= 0x80)
			*p = '?';
	}
	json = json_string(copy);
	free(copy);
	return json;
}

static json_t *error_object(enum rpc_code code, const char *sentence, int rc)
{
	const char *name = rc < 0 ? strerrorname_np(-rc) : NULL;

	if (code == RPC_REFUSED && name != NULL)
		return json_pack("{s:i, s:o, s:{s:s}}", "code", (int)code, "message",
			rpc_text(sentence), "data", "errno", name);
	return json_pack("{s:i, s:o}", "code", (int)code, "message", rpc_text(sentence));
}

/* Takes both references. NULL: no memory, and both are gone. */
static struct rpc_reply *reply_whole(json_t *id, const char *member, json_t *value)
{
	struct rpc_reply *r = calloc(1, sizeof(*r));
	json_t *object = json_pack("{s:s, s:o, s:o}", "jsonrpc", "2.0", "id", id, member, value);

	if (r == NULL || object == NULL) {
		json_decref(object);
		free(r);
		return NULL;
	}
	*r = (struct rpc_reply){.state = REPLY_WHOLE, .object = object};
	return r;
}

static struct rpc_reply *reply_rows(json_t *id, struct rpc_rows *rows)
{
	struct rpc_reply *r = calloc(1, sizeof(*r));

	if (r == NULL) {
		json_decref(id);
		rows->destroy(rows);
		return NULL;
	}
	*r = (struct rpc_reply){.state = REPLY_HEAD, .id = id, .rows = rows};
	return r;
}

struct rpc_reply *rpc_reply_error(enum rpc_code code, const char *sentence)
{
	return reply_whole(json_null(), "error", error_object(code, sentence, 0));
}

void rpc_reply_free(struct rpc_reply *r)
{
	if (r == NULL)
		return;
	json_decref(r->object);
	json_decref(r->id);
	if (r->rows != NULL)
		r->rows->destroy(r->rows);
	free(r);
}

static int write_text(json_dump_callback_t write, void *ctx, const char *text)
{
	return write(text, strlen(text), ctx) == 0 ? 0 : -EIO;
}

static int write_json(json_dump_callback_t write, void *ctx, const json_t *json)
{
	size_t flags = JSON_COMPACT | JSON_ENCODE_ANY;

	return json_dump_callback(json, write, ctx, flags) == 0 ? 0 : -EIO;
}

static int write_rows(struct rpc_reply *r, json_dump_callback_t write, void *ctx)
{
	for (unsigned int i = 0; i < RPC_PIECE_ROWS; i++) {
		json_t *row = NULL;
		int rc = r->rows->next(r->rows, &row);

		if (rc < 0)
			return rc;
		if (rc == 0)
			return write_text(write, ctx, "]}\n");
		rc = r->comma ? write_text(write, ctx, ",") : 0;
		if (rc == 0)
			rc = write_json(write, ctx, row);
		json_decref(row);
		if (rc < 0)
			return rc;
		r->comma = true;
	}
	return 1;
}

int rpc_reply_write(struct rpc_reply *r, json_dump_callback_t write, void *ctx)
{
	int rc;

	switch (r->state) {
	case REPLY_WHOLE:
		rc = write_json(write, ctx, r->object);
		return rc < 0 ? rc : write_text(write, ctx, "\n");
	case REPLY_HEAD:
		if (write_text(write, ctx, "{\"jsonrpc\":\"2.0\",\"id\":") < 0 ||
			write_json(write, ctx, r->id) < 0 ||
			write_text(write, ctx, ",\"result\":[") < 0)
			return -EIO;
		r->state = REPLY_ROWS;
		return write_rows(r, write, ctx);
	case REPLY_ROWS:
		return write_rows(r, write, ctx);
	}
	return -EINVAL;
}

char *rpc_notification(const char *method, json_t *params)
{
	json_t *object;
	char *text = NULL;
	size_t size;

	object = json_pack("{s:s, s:s, s:o}", "jsonrpc", "2.0", "method", method, "params", params);
	if (object == NULL)
		return NULL;
	size = json_dumpb(object, NULL, 0, JSON_COMPACT);
	if (size > 0)
		text = malloc(size + 2);
	if (text != NULL) {
		json_dumpb(object, text, size, JSON_COMPACT);
		memcpy(text + size, "\n", 2);
	}
	json_decref(object);
	return text;
}

/* The parser recurses, so the depth is known before it starts. */
static bool depth_exceeds(const char *line, size_t size, unsigned int max)
{
	bool in_string = false;
	unsigned int depth = 0;

	for (size_t i = 0; i < size; i++) {
		char c = line[i];

		if (in_string && c == '\\')
			i++;
		else if (c == '"')
			in_string = !in_string;
		else if (!in_string && (c == '{' || c == '[') && ++depth > max)
			return true;
		else if (!in_string && (c == '}' || c == ']') && depth > 0)
			depth--;
	}
	return false;
}

static bool id_valid(const json_t *id)
{
	return json_is_string(id) || json_is_number(id) || json_is_null(id);
}

/* One failed request: code and sentence, and the errno of a refusal. */
struct failure {
	enum rpc_code code;
	int rc;
	struct error err;
};

static int failure_set(struct failure *f, enum rpc_code code, const char *sentence)
{
	f->code = code;
	return error_set(&f->err, -EBADMSG, "%s", sentence);
}

static int line_parse(const char *line, size_t size, json_t **request, struct failure *f)
{
	json_error_t e;

	if (size > RPC_MAX_LINE)
		return failure_set(f, RPC_INVALID_REQUEST, "a request is at most 65536 bytes");
	if (depth_exceeds(line, size, RPC_MAX_DEPTH))
		return failure_set(f, RPC_INVALID_REQUEST, "a request is at most 8 levels deep");
	*request = json_loadb(line, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &e);
	if (*request != NULL)
		return 0;
	f->code = RPC_PARSE_ERROR;
	return error_set(&f->err, -EBADMSG, "not JSON: %s (byte %d)", e.text, e.position);
}

static int request_check(const json_t *request, struct failure *f)
{
	const json_t *id = json_object_get(request, "id");
	const char *version = json_string_value(json_object_get(request, "jsonrpc"));
	const json_t *params = json_object_get(request, "params");

	if (json_is_array(request))
		return failure_set(f, RPC_INVALID_REQUEST,
			"batches are not served: send one request object a line");
	if (!json_is_object(request))
		return failure_set(f, RPC_INVALID_REQUEST, "a request is an object");
	if (id != NULL && !id_valid(id))
		return failure_set(f, RPC_INVALID_REQUEST, "id: expected a string, number or null");
	if (version == NULL || strcmp(version, "2.0") != 0)
		return failure_set(f, RPC_INVALID_REQUEST, "jsonrpc: expected \"2.0\"");
	if (!json_is_string(json_object_get(request, "method")))
		return failure_set(f, RPC_INVALID_REQUEST, "method: expected a string");
	if (params != NULL && !json_is_object(params) && !json_is_array(params))
		return failure_set(f, RPC_INVALID_REQUEST, "params: expected an object or array");
	return 0;
}

static const struct rpc_method *method_find(const struct rpc_method *methods, const char *name)
{
	for (; methods->name != NULL; methods++) {
		if (strcmp(methods->name, name) == 0)
			return methods;
	}
	return NULL;
}

static int method_run(const struct rpc_session *s, const struct rpc_method *m,
	struct rpc_call *call, json_t *given, struct failure *f)
{
	json_t *params;
	int rc;

	f->code = RPC_INVALID_PARAMS;
	rc = params_bind(m, given, &params, &f->err);
	if (rc < 0)
		return rc;
	f->code = RPC_REFUSED;
	if (m->role > s->role) {
		rc = error_set(&call->err, -EPERM, "%s: this client may only look", m->name);
	} else {
		call->ctx = s->ctx;
		call->params = params;
		rc = m->call(call);
	}
	f->rc = rc;
	f->err = call->err;
	json_decref(params);
	if (rc == 0 && call->result == NULL && call->rows == NULL)
		rc = -ENOMEM;
	if (rc == -ENOMEM)
		f->code = RPC_INTERNAL_ERROR;
	if (rc < 0 && f->err.text[0] == '\0')
		error_set(&f->err, rc, "%s: %s", m->name, strerror(-rc));
	return rc;
}

static int request_run(const struct rpc_session *s, const json_t *request, struct rpc_call *call,
	struct failure *f)
{
	const char *name = json_string_value(json_object_get(request, "method"));
	const struct rpc_method *m = method_find(s->methods, name);

	if (m != NULL)
		return method_run(s, m, call, json_object_get(request, "params"), f);
	f->code = RPC_METHOD_NOT_FOUND;
	return error_set(&f->err, -ENOSYS, "'%.64s' is no method: ask 'schema' for the list", name);
}

/* Takes request (NULL: the line was none). */
static int answer(json_t *request, int rc, struct rpc_call *call, const struct failure *f,
	struct rpc_reply **out)
{
	json_t *id = json_object_get(request, "id");
	bool notification =
		id == NULL && f->code != RPC_PARSE_ERROR && f->code != RPC_INVALID_REQUEST;

	id = id != NULL && id_valid(id) ? json_incref(id) : json_null();
	json_decref(request);
	if (notification) {
		json_decref(id);
		json_decref(call->result);
		if (call->rows != NULL)
			call->rows->destroy(call->rows);
		return 0;
	}
	if (rc < 0)
		*out = reply_whole(id, "error", error_object(f->code, f->err.text, f->rc));
	else if (call->rows != NULL)
		*out = reply_rows(id, call->rows);
	else
		*out = reply_whole(id, "result", call->result);
	return *out != NULL ? 0 : -ENOMEM;
}

int rpc_handle(const struct rpc_session *s, const char *line, size_t size, struct rpc_reply **out)
{
	struct rpc_call call = {0};
	struct failure f = {0};
	json_t *request = NULL;
	int rc;

	*out = NULL;
	rc = line_parse(line, size, &request, &f);
	if (rc == 0)
		rc = request_check(request, &f);
	if (rc == 0)
		rc = request_run(s, request, &call, &f);
	return answer(request, rc, &call, &f, out);
}

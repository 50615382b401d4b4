/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef API_RPC_H
#define API_RPC_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/*
 * JSON-RPC 2.0 without sockets: a line in, a reply out in pieces. What may be asked is a const
 * table of methods; parameters are checked against it before a method runs, so a method only sees
 * what it declares. Batches are refused: a line is one object.
 */
#define RPC_MAX_LINE  65536 /* bytes, without the newline */
#define RPC_MAX_DEPTH 8     /* of nested objects and arrays */

enum rpc_code {
	RPC_PARSE_ERROR = -32700,
	RPC_INVALID_REQUEST = -32600,
	RPC_METHOD_NOT_FOUND = -32601,
	RPC_INVALID_PARAMS = -32602,
	RPC_INTERNAL_ERROR = -32603,
	RPC_REFUSED = -32000, /* the message is a sentence for people, data.errno a name */
};

enum rpc_role { RPC_READ, RPC_WRITE }; /* what a method needs and a client has; ascending */

enum rpc_type { RPC_STRING = 1, RPC_INTEGER = 2, RPC_BOOLEAN = 4, RPC_OBJECT = 8 }; /* bits */

/* One parameter, by name or, in this order, by position. null is the same as absent. */
struct rpc_param {
	const char *name; /* NULL ends the list */
	unsigned int types;
	bool required;
	const char *expected;               /* "a VLAN id, 0 to 4094" */
	bool (*holds)(const json_t *value); /* NULL: the type is enough */
};

/* A long answer: a list whose rows are made when the client is ready to take them. */
struct rpc_rows {
	/* 1 and a row (the caller's), 0: that was all, negative: the list cannot be finished. */
	int (*next)(struct rpc_rows *rows, json_t **row);
	void (*destroy)(struct rpc_rows *rows);
};

/* What a method is given, and where it leaves one of result, rows or err. */
struct rpc_call {
	void *ctx;
	const json_t *params; /* an object that satisfies the method's declaration */
	json_t *result;
	struct rpc_rows *rows;
	struct error err;
};

struct rpc_method {
	const char *name; /* NULL ends the table */
	enum rpc_role role;
	const struct rpc_param *params;     /* NULL: none */
	int (*call)(struct rpc_call *call); /* 0 or a negative errno with err */
	const char *help;
};

struct rpc_session {
	const struct rpc_method *methods;
	enum rpc_role role;
	void *ctx; /* for the methods */
};

struct rpc_reply;

/* Handle one line. 0; *out is NULL when there is nothing to say (a notification). -ENOMEM. */
int rpc_handle(const struct rpc_session *s, const char *line, size_t size, struct rpc_reply **out);

/* A reply that is an error, for lines that never come this far. NULL: no memory. */
struct rpc_reply *rpc_reply_error(enum rpc_code code, const char *sentence);

/* Write the next piece, some RPC_PIECE_ROWS rows. 1: there is more, 0: complete with its newline,
 * negative: what was written is broken, close the connection. write: 0, or -1 when it fails. */
#define RPC_PIECE_ROWS 64
int rpc_reply_write(struct rpc_reply *r, json_dump_callback_t write, void *ctx);
void rpc_reply_free(struct rpc_reply *r); /* NULL is fine */

/* A notification as a line with its newline, params stolen. NULL: no memory. free() it. */
char *rpc_notification(const char *method, json_t *params);

/* A string as JSON whatever its bytes: what is not UTF-8 becomes '?'. NULL: no memory. */
json_t *rpc_text(const char *text);

#endif

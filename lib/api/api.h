/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef API_API_H
#define API_API_H

#include "base/error.h"

/*
 * The control socket: JSON-RPC 2.0, one object a line, over a Unix stream socket (docs/api.md;
 * the method table in methods.c and `mcctl schema`). It lives in the control event loop and takes turns with
 * it: a long answer is written in pieces, one a turn, and only while its reader reads.
 *
 * Bounded: API_MAX_CLIENTS clients, a line of RPC_MAX_LINE bytes, API_OUTPUT_MARK bytes that wait
 * for a reader. A client over a bound is refused with a sentence or dropped; nobody else notices.
 */
struct api;
struct control;

#define API_MAX_CLIENTS     64
#define API_OUTPUT_MARK     (256u << 10) /* more is not written before the client has read */
#define API_MAX_SNAPSHOTS   (64u << 20)  /* rows kept for long answers, all clients together */
#define API_WRITE_TIMEOUT_S 10           /* a client that reads nothing for so long is dropped */
#define API_IDLE_TIMEOUT_S  300          /* a client that asks nothing and does not watch */

/*
 * Listen at socket_path: owner, group and mode as the configuration says (access.h); a directory that is missing is made (one level, 0755); a socket
 * that nobody answers is replaced. SIGPIPE is ignored from here on, unless the process handles it.
 * NULL with the sentence in err when the path is in use or cannot be bound.
 */
struct api *api_create(struct control *c, const char *socket_path, struct error *err);

/* Drop every client, remove the socket if it is still ours. Before control is destroyed. NULL is
 * fine. */
void api_destroy(struct api *a);

#endif

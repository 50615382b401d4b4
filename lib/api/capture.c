/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames to a client, each a notification; a client that does not keep up loses frames, not the session. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/params.h"
#include "api/session.h"
#include "control/control.h"

/* RFC 4648 4. out holds 4 octets for each 3 begun, and a zero. */
static void base64(const uint8_t *in, size_t size, char *out)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (; size > 0; in += 3, size -= size < 3 ? size : 3) {
		uint32_t three = (uint32_t)in[0] << 16;

		if (size > 1)
			three |= (uint32_t)in[1] << 8;
		if (size > 2)
			three |= in[2];
		*out++ = digits[three >> 18];
		*out++ = digits[three >> 12 & 63];
		*out++ = size > 1 ? digits[three >> 6 & 63] : '=';
		*out++ = size > 2 ? digits[three & 63] : '=';
	}
	*out = '\0';
}

#define MARGIN    1024 /* of a notification's other members, and of the last one */
#define DATA_SIZE (4 * ((2048 + 2) / 3) + 1)

static bool line_tell(struct session *s, const char *method, json_t *params)
{
	char *line = params != NULL ? rpc_notification(method, params) : NULL;
	bool taken = line != NULL && session_send(s, line, strlen(line));

	free(line);
	return taken;
}

static bool frame_taken(void *ctx, const struct control_captured *f)
{
	char data[DATA_SIZE];

	if (!session_has_room(ctx, sizeof(data) + MARGIN))
		return false;
	base64(f->octets, f->n_octets, data);
	return line_tell(ctx, "frame",
		json_pack("{s:s, s:s, s:I, s:I, s:s}", "port", f->port, "direction",
			f->out ? "out" : "in", "time_ns", (json_int_t)f->at_realtime_ns, "size",
			(json_int_t)f->size, "data", data));
}

/* Without its last word a client would wait for ever. */
static void ended(void *ctx, const struct control_capture_end *end)
{
	struct session *s = ctx;

	s->caller.capturing = false;
	if (!line_tell(s, "captured",
		    json_pack("{s:I, s:I, s:s}", "frames", (json_int_t)end->n_frames, "lost",
			    (json_int_t)end->n_lost, "ended", end->why)))
		session_break(s);
}

static bool name_append(const struct control_port *p, void *ctx)
{
	return json_array_append_new(ctx, rpc_text(p->name)) == 0;
}

int capture_start(struct rpc_call *call)
{
	struct caller *who = call->ctx;
	const struct control_capture_sink sink = {session_of(who), frame_taken, ended};
	int rc = control_capture_start(who->control, params_string(call->params, "port"),
		params_string(call->params, "group"),
		(uint64_t)params_integer(call->params, "count", 0), &sink, &call->err);
	json_t *ports;

	if (rc < 0)
		return rc;
	who->capturing = true;
	ports = json_array();
	control_ports(who->control, name_append, ports);
	call->result = json_pack("{s:o}", "ports", ports);
	return 0;
}

int capture_stop(struct rpc_call *call)
{
	struct caller *who = call->ctx;

	if (!who->capturing)
		return error_set(&call->err, -EINVAL, "this client does not capture");
	control_capture_stop(who->control);
	return call_done(call, 0);
}

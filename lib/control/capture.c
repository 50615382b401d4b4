/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include <rte_cycles.h>

#include "control/control_private.h"
#include "fwd/retire.h"
#include "fwd/tap.h"
#include "pkt/eth.h"
#include "pkt/group_msg.h"

/*
 * Frames for somebody who looks on: one tap at a time, emptied a few frames a turn. Whoever cannot keep up
 * loses copies, which are counted; the frames themselves have gone their way long before.
 */
#define FRAMES_A_TURN 32

struct ctl_capture {
	struct tap *tap;
	struct control_capture_sink sink;
	int port;        /* the only one, or -1 */
	uint64_t n_left; /* UINT64_MAX: no end */
	uint64_t n_told, n_lost;
	const char
		*ended; /* why no more are taken; what is in the rings is still told. NULL: go on */
	/* the same moment on both clocks */
	uint64_t tsc, realtime_ns;
};

static uint64_t realtime_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

static uint64_t frame_time(const struct ctl_capture *cap, const struct tap_frame *f)
{
	int64_t cycles = (int64_t)(f->tsc - cap->tsc);

	return cap->realtime_ns + (uint64_t)(int64_t)((__int128)cycles * (int64_t)NSEC_PER_SEC /
						      (int64_t)rte_get_tsc_hz());
}

static int filter_make(struct control *c, const char *port, const char *group, int *id,
	struct tap_filter *out, struct error *err)
{
	*out = (struct tap_filter){.by = TAP_ANY_GROUP};
	*id = port != NULL ? control_port_find(c, port) : -1;
	if (port != NULL && *id < 0)
		return error_set(err, -ENOENT, "there is no port named %s", port);
	if (*id >= 0)
		bitset_set(&out->ports, (unsigned int)*id);
	else
		bitset_not(&out->ports);
	if (group == NULL)
		return 0;
	if (mac_parse(group, &out->mac) == 0)
		out->by = TAP_MAC_GROUP;
	else if (ip_parse(group, &out->ip) == 0)
		out->by = TAP_IP_GROUP;
	else
		return error_set(err, -EINVAL, "'%s' is no multicast address", group);
	return 0;
}

int control_capture_start(struct control *c, const char *port, const char *group, uint64_t count,
	const struct control_capture_sink *sink, struct error *err)
{
	struct tap_filter filter;
	struct ctl_capture *cap;
	int id, rc;

	if (c->capture != NULL)
		return error_set(err, -EBUSY, "somebody captures already; one at a time");
	rc = filter_make(c, port, group, &id, &filter, err);
	if (rc < 0)
		return rc;
	cap = calloc(1, sizeof(*cap));
	if (cap != NULL)
		cap->tap = tap_create(c->fwd->n_workers, &filter);
	if (cap == NULL || cap->tap == NULL) {
		free(cap);
		return error_set(err, -ENOMEM, "no memory to capture");
	}
	cap->sink = *sink;
	cap->port = id;
	cap->n_left = count > 0 ? count : UINT64_MAX;
	cap->realtime_ns = realtime_ns();
	cap->tsc = rte_rdtsc();
	c->capture = cap;
	atomic_store_explicit(&c->fwd->tap, cap->tap, memory_order_release);
	return 0;
}

static void end_begin(struct control *c, const char *why)
{
	atomic_store_explicit(&c->fwd->tap, NULL, memory_order_release);
	if (c->capture->ended == NULL)
		c->capture->ended = why;
}

void control_capture_stop(struct control *c)
{
	if (c->capture != NULL)
		end_begin(c, "asked to stop");
}

void control_capture_abort(struct control *c)
{
	struct ctl_capture *cap = c->capture;

	if (cap == NULL)
		return;
	end_begin(c, "nobody looks");
	c->capture = NULL;
	retire_later(c->wiring.retire, cap->tap, tap_destroy);
	free(cap);
}

void ctl_capture_port_gone(struct control *c, uint16_t id)
{
	if (c->capture != NULL && c->capture->port == id)
		end_begin(c, "the port is gone");
}

static bool records_name(const struct group_msg *msg, const struct ip_addr *group)
{
	struct group_record_iter it = group_msg_records(msg);
	struct group_record record;

	while (group_record_next(&it, &record)) {
		if (ip_equal(&record.group, group))
			return true;
	}
	return false;
}

/* Of messages the worker could not tell which groups they are about; a general query is about all. */
static bool frame_concerns(const struct tap_filter *filter, const struct tap_frame *f)
{
	size_t at = eth_type(f->data) == ETHERTYPE_VLAN ? ETH_HEADER_SIZE + ETH_VLAN_SIZE
							: ETH_HEADER_SIZE;
	const uint8_t *l3 = f->data + at;
	bool v6 = get_be16(l3 - 2) == ETHERTYPE_IPV6;
	struct ip_addr to = ip_from_octets(l3 + (v6 ? 24 : 16), v6);
	struct group_msg msg;

	if (filter->by != TAP_IP_GROUP || ip_equal(&to, &filter->ip))
		return true;
	if (group_msg_parse(l3, f->taken - at, &msg) != GROUP_MSG_OK)
		return false;
	switch (msg.type) {
	case GROUP_MSG_QUERY:
		return (msg.v6 == v6 && ip_is_unspecified(&msg.group) &&
			       ip_is_v4(&filter->ip) != v6) ||
		       ip_equal(&msg.group, &filter->ip);
	case GROUP_MSG_REPORT:
	case GROUP_MSG_LEAVE:
		return ip_equal(&msg.group, &filter->ip);
	case GROUP_MSG_RECORDS:
		return records_name(&msg, &filter->ip);
	default:
		return false;
	}
}

static void frame_tell(struct control *c, struct ctl_capture *cap, const struct tap_frame *f)
{
	const struct control_captured frame = {
		.port = control_port_name(c, f->port),
		.out = f->out,
		.at_realtime_ns = frame_time(cap, f),
		.size = f->size,
		.n_octets = f->taken,
		.octets = f->data,
	};

	if (!frame_concerns(&cap->tap->filter, f))
		return;
	if (!cap->sink.frame(cap->sink.ctx, &frame)) {
		cap->n_lost++;
		return;
	}
	cap->n_told++;
	if (--cap->n_left == 0)
		end_begin(c, "the count is reached");
}

void ctl_capture_advance(struct control *c)
{
	struct ctl_capture *cap = c->capture;
	struct control_capture_sink sink;
	struct control_capture_end end;
	const struct tap_frame *f = NULL;
	unsigned int worker;

	if (cap == NULL)
		return;
	for (unsigned int i = 0; i < FRAMES_A_TURN && cap->n_left > 0; i++) {
		f = tap_oldest(cap->tap, &worker);
		if (f == NULL)
			break;
		frame_tell(c, cap, f);
		tap_release(cap->tap, worker);
	}
	if (cap->ended == NULL || (f != NULL && cap->n_left > 0))
		return;
	end = (struct control_capture_end){
		cap->n_told, cap->n_lost + tap_lost(cap->tap), cap->ended};
	sink = cap->sink;
	control_capture_abort(c);
	sink.ended(sink.ctx, &end);
}

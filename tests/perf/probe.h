/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Times of single events while the sink runs, RFC 3918's way:
 *   latency   a frame offered to the switch until it is in the first, and in the last guest's ring
 *             (section 5.1: latency, min and max over the receivers);
 *   joins     a report offered until the group's first frame, a leave until its last (section 6).
 *
 * One thread, the sink's.
 */
#ifndef PERF_PROBE_H
#define PERF_PROBE_H

#include <stdbool.h>
#include <stdint.h>

struct feeder;
struct guest;
struct probe;

enum probe_kind { PROBE_NONE, PROBE_LATENCY, PROBE_JOINS };

struct probe_options {
	enum probe_kind kind;
	unsigned int n_guests; /* latency: all of them; joins: the last one is watched */
	unsigned int n_frames; /* of the source, and */
	unsigned int stride;   /* between their numbers */
};

/* The guests must outlive the probe. NULL without memory. */
struct probe *probe_create(const struct probe_options *options, struct guest *const *guests);
void probe_destroy(struct probe *probe);

/* Latency: call before a frame is offered; true if it is to be watched, then say which it was. */
bool probe_wants_frame(struct probe *probe, uint64_t now_ns);
void probe_frame_sent(struct probe *probe, unsigned int number, uint64_t now_ns);

/* After every poll. */
void probe_turn(struct probe *probe, uint64_t now_ns);

/* Members of the summary's JSON object, each with a comma before it. */
void probe_print(const struct probe *probe);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The frames of the benchmark: UDP to one of n groups 239.1.x.y, and the IGMPv3 reports that join
 * them. source.py writes the same stream frames into the pcap file that the switches replay;
 * change both or neither.
 *
 * All functions are pure: bytes in, bytes out. No thread owns anything here.
 */
#ifndef PERF_FRAME_H
#define PERF_FRAME_H

#include <stddef.h>
#include <stdint.h>

enum {
	FRAME_MIN_SIZE = 64,     /* bytes, without the FCS */
	FRAME_MAX_SIZE = 1518,   /* bytes */
	FRAME_GROUPS_MAX = 4096, /* 239.1.0.0 and on */
	FRAME_REPORT_GROUPS_MAX = 180,
};

/* What a received frame turned out to be. */
enum frame_kind {
	FRAME_STREAM, /* a stream frame, whole and unharmed */
	FRAME_OTHER,  /* no stream frame: a query, another guest's report */
	FRAME_BAD,    /* a stream frame with a wrong address, length or payload */
};

/* Group number i in host order: 239.1.(i / 256).(i % 256). */
uint32_t frame_group(unsigned int i);

/* Writes stream frame number i of `size` bytes. The buffer holds at least `size` bytes. */
void frame_stream_build(uint8_t *frame, size_t size, unsigned int i);

/* Classes a frame and, if it is FRAME_STREAM, stores its number. */
enum frame_kind frame_stream_check(const uint8_t *frame, size_t size, unsigned int *i);

/*
 * Writes an IGMPv3 report (RFC 3376, 4.2) of guest number `guest` for `n` groups from number
 * `first` on, each record EXCLUDE{}: a change of state if `change`, else the current state.
 * Returns the frame's size in bytes; the buffer holds 1,514.
 */
size_t frame_report_build(
	uint8_t *frame, unsigned int guest, unsigned int first, unsigned int n, int change);

#endif

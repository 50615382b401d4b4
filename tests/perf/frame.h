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
	FRAME_MIN_SIZE = 64,           /* bytes, without the FCS */
	FRAME_MAX_SIZE = 1518,         /* bytes */
	FRAME_GROUPS_MAX = 131072,     /* 239.1.0.0 and on */
	FRAME_REPORT_GROUPS_MAX = 180, /* 120 with a source each */
	FRAME_REPORT_SOURCES_MAX = 120,
};

/* IGMPv3 record types, RFC 3376, 4.2.12. */
enum frame_record {
	FRAME_IS_INCLUDE = 1,
	FRAME_IS_EXCLUDE = 2,
	FRAME_TO_INCLUDE = 3,
	FRAME_TO_EXCLUDE = 4,
};

/* A report to build: n records of one type for groups from number `first` on. */
struct frame_report {
	unsigned int guest; /* its number makes its addresses */
	unsigned int first;
	unsigned int n;
	enum frame_record type;
	uint32_t source; /* host order, of every record; 0: none */
	uint16_t vlan;   /* 0: untagged */
};

/* The address that the stream comes from. */
#define FRAME_SOURCE 0x0a0900feu

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
 * Writes stream frame number i as a guest sends it to guest number `to`: unicast, else the same.
 */
void frame_unicast_build(uint8_t *frame, size_t size, unsigned int i, unsigned int to);

/*
 * The number that a stream frame carries, tagged or not, without a look at the rest; -1 if it is
 * no stream frame. The buffer holds FRAME_MIN_SIZE bytes and a tag.
 */
long frame_number(const uint8_t *frame);

/* Writes an IGMPv3 report (RFC 3376, 4.2). Returns its size in bytes; the buffer holds 1,514. */
size_t frame_report_build(uint8_t *frame, const struct frame_report *report);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MCCTL_PCAPNG_H
#define MCCTL_PCAPNG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/*
 * The few blocks of pcapng (draft-ietf-opsawg-pcapng) that a capture of Ethernet frames needs, in this
 * machine's byte order, with times in nanoseconds. An error shows in ferror(out).
 */
void pcapng_section(FILE *out, const char *application);
/* Interfaces are numbered 0, 1 ... in the order in which they are written. */
void pcapng_interface(FILE *out, const char *name, uint32_t snap);

struct pcapng_frame {
	uint32_t interface;
	uint64_t at_ns; /* since 1970 */
	bool out;       /* outbound; else inbound */
	uint32_t size;  /* on the wire */
	uint32_t n_octets;
	const uint8_t *octets;
};
void pcapng_frame(FILE *out, const struct pcapng_frame *frame);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#include "pcapng.h"

#include <string.h>

#define BLOCK_SECTION   0x0a0d0d0au
#define BLOCK_INTERFACE 1u
#define BLOCK_PACKET    6u

#define BYTE_ORDER_MAGIC  0x1a2b3c4du
#define LINKTYPE_ETHERNET 1u

#define OPTION_END     0u
#define OPTION_NAME    2u /* of an interface */
#define OPTION_APP     4u /* of a section */
#define OPTION_TSRESOL 9u /* of an interface */
#define OPTION_FLAGS   2u /* of a packet */

#define FLAG_INBOUND  1u
#define FLAG_OUTBOUND 2u

static uint32_t padded(size_t size)
{
	return (uint32_t)(size + 3) & ~3u;
}

static void put32(FILE *out, uint32_t v)
{
	fwrite(&v, sizeof(v), 1, out);
}

static void put_octets(FILE *out, const void *octets, size_t size)
{
	static const uint8_t zeros[4];

	fwrite(octets, 1, size, out);
	fwrite(zeros, 1, padded(size) - size, out);
}

static void put_option(FILE *out, uint32_t code, const void *value, size_t size)
{
	const uint16_t head[2] = {(uint16_t)code, (uint16_t)size};

	fwrite(head, sizeof(head), 1, out);
	put_octets(out, value, size);
}

static uint32_t option_size(size_t size)
{
	return 4 + padded(size);
}

void pcapng_section(FILE *out, const char *application)
{
	const uint16_t version[2] = {1, 0};
	const uint64_t unknown = UINT64_MAX; /* length of the section */
	size_t n = strlen(application);
	uint32_t size = 28 + option_size(n) + option_size(0);

	put32(out, BLOCK_SECTION);
	put32(out, size);
	put32(out, BYTE_ORDER_MAGIC);
	fwrite(version, sizeof(version), 1, out);
	fwrite(&unknown, sizeof(unknown), 1, out);
	put_option(out, OPTION_APP, application, n);
	put_option(out, OPTION_END, "", 0);
	put32(out, size);
}

void pcapng_interface(FILE *out, const char *name, uint32_t snap)
{
	const uint8_t nanoseconds = 9;
	uint32_t size = 20 + option_size(strlen(name)) + option_size(1) + option_size(0);

	put32(out, BLOCK_INTERFACE);
	put32(out, size);
	put32(out, LINKTYPE_ETHERNET); /* 16 bits of little endian, and 16 reserved ones */
	put32(out, snap);
	put_option(out, OPTION_NAME, name, strlen(name));
	put_option(out, OPTION_TSRESOL, &nanoseconds, 1);
	put_option(out, OPTION_END, "", 0);
	put32(out, size);
}

void pcapng_frame(FILE *out, const struct pcapng_frame *frame)
{
	const uint32_t flags = frame->out ? FLAG_OUTBOUND : FLAG_INBOUND;
	uint32_t size = 32 + padded(frame->n_octets) + option_size(sizeof(flags)) + option_size(0);

	put32(out, BLOCK_PACKET);
	put32(out, size);
	put32(out, frame->interface);
	put32(out, (uint32_t)(frame->at_ns >> 32));
	put32(out, (uint32_t)frame->at_ns);
	put32(out, frame->n_octets);
	put32(out, frame->size);
	put_octets(out, frame->octets, frame->n_octets);
	put_option(out, OPTION_FLAGS, &flags, sizeof(flags));
	put_option(out, OPTION_END, "", 0);
	put32(out, size);
}

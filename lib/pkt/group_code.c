/* SPDX-License-Identifier: BSD-3-Clause */
#include "pkt/group_msg.h"

/*
 * Both codes are an integer below their top bit, and above it a floating point number of three bits
 * of exponent and the mantissa's low bits: 1.mmmm << (exp + 3). Only the mantissa's width differs.
 */
#define CODE8_MANTISSA_BITS  4
#define CODE16_MANTISSA_BITS 12
#define EXPONENT_MAX         7u
#define EXPONENT_BIAS        3u

static uint32_t decode(uint32_t code, unsigned int mantissa_bits)
{
	uint32_t hidden = 1u << mantissa_bits;
	uint32_t exponent = code >> mantissa_bits & EXPONENT_MAX;

	if (code < hidden << EXPONENT_BIAS)
		return code;
	return (hidden | (code & (hidden - 1))) << (exponent + EXPONENT_BIAS);
}

static uint32_t encode(uint32_t value, unsigned int mantissa_bits)
{
	uint32_t hidden = 1u << mantissa_bits;
	uint32_t exponent = 0;

	if (value < hidden << EXPONENT_BIAS)
		return value;
	while (value >> (exponent + EXPONENT_BIAS) >= hidden << 1) {
		if (++exponent > EXPONENT_MAX)
			return (hidden << (EXPONENT_BIAS + 1)) - 1; /* the largest */
	}
	return hidden << EXPONENT_BIAS | exponent << mantissa_bits |
	       (value >> (exponent + EXPONENT_BIAS) & (hidden - 1));
}

uint32_t group_code8_decode(uint8_t code)
{
	return decode(code, CODE8_MANTISSA_BITS);
}

uint8_t group_code8_encode(uint32_t value)
{
	return (uint8_t)encode(value, CODE8_MANTISSA_BITS);
}

uint32_t group_code16_decode(uint16_t code)
{
	return decode(code, CODE16_MANTISSA_BITS);
}

uint16_t group_code16_encode(uint32_t value)
{
	return (uint16_t)encode(value, CODE16_MANTISSA_BITS);
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include "port/ring_copy.h"

#include <string.h>

/*
 * Debian's flags for DPDK end in -march=corei7, so wide registers are asked for function by
 * function. The header of a frame is the same for all: no offload, one buffer. It costs no store of
 * its own: it is blended into the first vector of the frame.
 *
 * "Image" below: header and frame as the guest's buffer will show them. Octet i of the image is
 * octet i - RING_HEADER of the frame.
 */
static const uint8_t header[RING_HEADER] = {[10] = 1}; /* num_buffers, little-endian */

static inline void copy_c(const struct ring_frame *f, const struct ring_target *t)
{
	memcpy(t->to, header, RING_HEADER);
	memcpy(t->to + RING_HEADER, f->data, f->size);
}

static void burst_c(const struct ring_frame *frames, const struct ring_target *targets, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++)
		copy_c(&frames[i], &targets[i]);
}

static const struct ring_copier copier_c = {"C", burst_c, NULL};

#ifdef __x86_64__
#include <immintrin.h>

#define TARGET_AVX2   __attribute__((target("avx2")))
#define TARGET_AVX512 __attribute__((target("avx512f,avx512bw,avx512vl,bmi2")))
#define INLINE        static inline __attribute__((always_inline))

#define LINE 64
#define HALF 32

/* --- AVX-512: a line a register --- */

/* Octets [0, n) of the image, n at most a line; behind them, as far as the buffer has room for a
 * whole line, zeros. */
TARGET_AVX512 INLINE void line_first(
	const struct ring_frame *f, const struct ring_target *t, uint32_t n, bool stream)
{
	const __m512i head = _mm512_set_epi64(0, 0, 0, 0, 0, 0, 1 << 16, 0);
	__mmask64 frame = _bzhi_u64(~0ULL, n) & ~0xfffULL;
	__m512i v = _mm512_mask_loadu_epi8(head, frame, f->data - RING_HEADER);

	if (t->room < LINE)
		_mm512_mask_storeu_epi8(t->to, _bzhi_u64(~0ULL, n), v);
	else if (stream)
		_mm512_stream_si512((void *)t->to, v);
	else
		_mm512_storeu_si512(t->to, v);
}

TARGET_AVX512 INLINE void line_last(const struct ring_frame *f, const struct ring_target *t,
	uint32_t at, uint32_t image, bool stream)
{
	__mmask64 rest = _bzhi_u64(~0ULL, image - at);
	__m512i v = _mm512_maskz_loadu_epi8(rest, f->data + at - RING_HEADER);

	if (t->room - at < LINE)
		_mm512_mask_storeu_epi8(t->to + at, rest, v);
	else if (stream)
		_mm512_stream_si512((void *)(t->to + at), v);
	else
		_mm512_storeu_si512(t->to + at, v);
}

/* Octets [at, image) of the image, not the header; stream: to + at is aligned. */
TARGET_AVX512 INLINE void lines(const struct ring_frame *f, const struct ring_target *t,
	uint32_t at, uint32_t image, bool stream)
{
	for (; at + LINE <= image; at += LINE) {
		__m512i v = _mm512_loadu_si512(f->data + at - RING_HEADER);

		if (stream)
			_mm512_stream_si512((void *)(t->to + at), v);
		else
			_mm512_storeu_si512(t->to + at, v);
	}
	if (at < image)
		line_last(f, t, at, image, stream);
}

/* A line gets stores of one kind only: one that gets both costs hundreds of cycles. */
TARGET_AVX512 INLINE void copy_avx512(
	const struct ring_frame *f, const struct ring_target *t, bool stream)
{
	uint32_t image = RING_HEADER + f->size, to_line = -(uint32_t)(uintptr_t)t->to % LINE;
	uint32_t at = to_line > RING_HEADER ? to_line : to_line + LINE;

	if (to_line == RING_HEADER) { /* a driver that aligns what is behind the header */
		memcpy(t->to, header, RING_HEADER);
		lines(f, t, RING_HEADER, image, stream);
	} else if (to_line == 0 || image < 4 * LINE) {
		line_first(f, t, image < LINE ? image : LINE, stream && to_line == 0);
		if (image > LINE)
			lines(f, t, LINE, image, stream && to_line == 0);
	} else { /* up to a line boundary, then whole lines */
		memcpy(t->to, header, RING_HEADER);
		memcpy(t->to + RING_HEADER, f->data, at - RING_HEADER);
		lines(f, t, at, image, stream);
	}
}

TARGET_AVX512 static void burst_avx512(
	const struct ring_frame *frames, const struct ring_target *targets, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++)
		copy_avx512(&frames[i], &targets[i], false);
}

TARGET_AVX512 static void burst_avx512_stream(
	const struct ring_frame *frames, const struct ring_target *targets, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++)
		copy_avx512(&frames[i], &targets[i], true);
	_mm_sfence();
}

static const struct ring_copier copier_avx512 = {"AVX-512", burst_avx512, burst_avx512_stream};

/* --- AVX2: half a line a register; what does not fill one goes the plain way --- */

TARGET_AVX2 INLINE void half_first(const struct ring_frame *f, const struct ring_target *t)
{
	const __m256i head = _mm256_set_epi64x(0, 0, 1 << 16, 0);
	const __m256i frame = _mm256_set_epi32(-1, -1, -1, -1, -1, 0, 0, 0);
	__m256i v = _mm256_maskload_epi32((const int *)(f->data - RING_HEADER), frame);

	_mm256_storeu_si256((__m256i *)t->to, _mm256_or_si256(v, head));
}

TARGET_AVX2 INLINE void half_copy(
	const struct ring_frame *f, const struct ring_target *t, uint32_t at, bool stream)
{
	__m256i v = _mm256_loadu_si256((const __m256i *)(f->data + at - RING_HEADER));

	if (stream)
		_mm256_stream_si256((__m256i *)(t->to + at), v);
	else
		_mm256_storeu_si256((__m256i *)(t->to + at), v);
}

TARGET_AVX2 INLINE void halves(
	const struct ring_frame *f, const struct ring_target *t, uint32_t image)
{
	uint32_t at = HALF;

	half_first(f, t);
	for (; at + HALF <= image; at += HALF)
		half_copy(f, t, at, false);
	if (at < image)
		half_copy(f, t, image - HALF, false);
}

/* Whole lines past the caches, what is before and behind them the plain way. */
TARGET_AVX2 INLINE void halves_stream(
	const struct ring_frame *f, const struct ring_target *t, uint32_t image)
{
	uint32_t at = -(uint32_t)(uintptr_t)t->to % LINE;

	if (at < RING_HEADER)
		at += LINE;
	memcpy(t->to, header, RING_HEADER);
	memcpy(t->to + RING_HEADER, f->data, at - RING_HEADER);
	for (; at + LINE <= image; at += LINE) {
		half_copy(f, t, at, true);
		half_copy(f, t, at + HALF, true);
	}
	memcpy(t->to + at, f->data + at - RING_HEADER, image - at);
}

TARGET_AVX2 INLINE void copy_avx2(
	const struct ring_frame *f, const struct ring_target *t, bool stream)
{
	uint32_t image = RING_HEADER + f->size;

	if (f->size < HALF)
		copy_c(f, t);
	else if (stream && image >= 4 * LINE)
		halves_stream(f, t, image);
	else
		halves(f, t, image);
}

TARGET_AVX2 static void burst_avx2(
	const struct ring_frame *frames, const struct ring_target *targets, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++)
		copy_avx2(&frames[i], &targets[i], false);
}

TARGET_AVX2 static void burst_avx2_stream(
	const struct ring_frame *frames, const struct ring_target *targets, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++)
		copy_avx2(&frames[i], &targets[i], true);
	_mm_sfence();
}

static const struct ring_copier copier_avx2 = {"AVX2", burst_avx2, burst_avx2_stream};

unsigned int ring_copiers(const struct ring_copier *const **all)
{
	static const struct ring_copier *const ranked[] = {&copier_avx512, &copier_avx2, &copier_c};
	unsigned int first = 2;

	if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
		__builtin_cpu_supports("bmi2"))
		first = 0;
	else if (__builtin_cpu_supports("avx2"))
		first = 1;
	*all = ranked + first;
	return 3 - first;
}

#else

unsigned int ring_copiers(const struct ring_copier *const **all)
{
	static const struct ring_copier *const ranked[] = {&copier_c};

	*all = ranked;
	return 1;
}

#endif

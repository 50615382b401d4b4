/* SPDX-License-Identifier: BSD-3-Clause */
#include "handwrite.h"

#include <string.h>

/*
 * Debian's DPDK flags end in -march=corei7, so wide stores are asked for function by function and
 * chosen when the program runs. Every variant is the same loop, made by this macro because a
 * function with one target cannot inline a function with a wider one.
 */
#define HANDWRITE_DEFINE(name, target_attribute, line_store, fence)                                \
	target_attribute static bool name(                                                         \
		struct handwrite_ring *ring, const struct handwrite_image images[HANDWRITE_BURST]) \
	{                                                                                          \
		uint16_t mask = ring->n_entries - 1, next = ring->next;                            \
		uint16_t avail = __atomic_load_n(&ring->avail->idx, __ATOMIC_ACQUIRE);             \
                                                                                                   \
		if ((uint16_t)(avail - next) < HANDWRITE_BURST)                                    \
			return false;                                                              \
		for (unsigned int i = 0; i < HANDWRITE_BURST; i++, next++) {                       \
			uint16_t id = ring->avail->ring[next & mask];                              \
			uint8_t *to = ring->base + (ring->desc[id].addr - ring->guest_addr);       \
			const uint8_t *from = images[i].bytes;                                     \
                                                                                                   \
			for (uint32_t line = 0; line < images[i].n_lines; line++)                  \
				line_store(                                                        \
					to + line * HANDWRITE_LINE, from + line * HANDWRITE_LINE); \
			ring->used->ring[next & mask] =                                            \
				(struct vring_used_elem){.id = id, .len = images[i].size};         \
		}                                                                                  \
		fence;                                                                             \
		ring->next = next;                                                                 \
		__atomic_store_n(&ring->used->idx, next, __ATOMIC_RELEASE);                        \
		return true;                                                                       \
	}

static inline void line_store_c(void *to, const void *from)
{
	memcpy(to, from, HANDWRITE_LINE);
}

HANDWRITE_DEFINE(ordinary_c, , line_store_c, (void)0)

#ifdef __x86_64__
#include <immintrin.h>

#define TARGET_AVX2   __attribute__((target("avx2")))
#define TARGET_AVX512 __attribute__((target("avx512f")))

static inline void line_stream_sse2(void *to, const void *from)
{
	for (int i = 0; i < 4; i++)
		_mm_stream_si128((__m128i *)to + i, _mm_load_si128((const __m128i *)from + i));
}

TARGET_AVX2 static inline void line_store_avx2(void *to, const void *from)
{
	for (int i = 0; i < 2; i++)
		_mm256_storeu_si256(
			(__m256i *)to + i, _mm256_load_si256((const __m256i *)from + i));
}

TARGET_AVX2 static inline void line_stream_avx2(void *to, const void *from)
{
	for (int i = 0; i < 2; i++)
		_mm256_stream_si256(
			(__m256i *)to + i, _mm256_load_si256((const __m256i *)from + i));
}

TARGET_AVX512 static inline void line_store_avx512(void *to, const void *from)
{
	_mm512_storeu_si512(to, _mm512_load_si512(from));
}

TARGET_AVX512 static inline void line_stream_avx512(void *to, const void *from)
{
	_mm512_stream_si512(to, _mm512_load_si512(from));
}

/*
 * Non-temporal stores are weakly ordered: they must be fenced before the used index tells of them.
 * They need 64-byte aligned buffers.
 */
HANDWRITE_DEFINE(nontemporal_sse2, , line_stream_sse2, _mm_sfence())
HANDWRITE_DEFINE(ordinary_avx2, TARGET_AVX2, line_store_avx2, (void)0)
HANDWRITE_DEFINE(nontemporal_avx2, TARGET_AVX2, line_stream_avx2, _mm_sfence())
HANDWRITE_DEFINE(ordinary_avx512, TARGET_AVX512, line_store_avx512, (void)0)
HANDWRITE_DEFINE(nontemporal_avx512, TARGET_AVX512, line_stream_avx512, _mm_sfence())

handwrite_fn *handwrite_select(bool nontemporal, const char **name)
{
	if (__builtin_cpu_supports("avx512f")) {
		*name = "AVX-512";
		return nontemporal ? nontemporal_avx512 : ordinary_avx512;
	}
	if (__builtin_cpu_supports("avx2")) {
		*name = "AVX2";
		return nontemporal ? nontemporal_avx2 : ordinary_avx2;
	}
	*name = nontemporal ? "SSE2" : "C";
	return nontemporal ? nontemporal_sse2 : ordinary_c;
}

#else

handwrite_fn *handwrite_select(bool nontemporal, const char **name)
{
	(void)nontemporal;
	*name = "C";
	return ordinary_c;
}

#endif

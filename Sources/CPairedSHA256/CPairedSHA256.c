#include "CPairedSHA256.h"

#if defined(__x86_64__)

#include <cpuid.h>
#include <immintrin.h>

int cpaired_sha256_is_supported(void) {
    unsigned a, b, c, d;
    int hasSSE = __get_cpuid(1, &a, &b, &c, &d) && (c & bit_SSSE3) && (c & bit_SSE4_1);
    return hasSSE && __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & (1u << 29));
}

// FIPS 180-4, section 4.2.2.
static const uint32_t constants[64] __attribute__((aligned(16))) = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

#define SHA __attribute__((target("sha,sse4.1"), always_inline)) static inline

// The instructions keep the state as the words A B E F and C D G H.
SHA void load(const uint32_t *words, __m128i *abef, __m128i *cdgh) {
    __m128i badc = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)words), 0xB1);
    __m128i hgfe = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(words + 4)), 0x1B);
    *abef = _mm_alignr_epi8(badc, hgfe, 8);
    *cdgh = _mm_blend_epi16(hgfe, badc, 0xF0);
}

SHA void store(uint32_t *words, __m128i abef, __m128i cdgh) {
    __m128i feba = _mm_shuffle_epi32(abef, 0x1B);
    __m128i dchg = _mm_shuffle_epi32(cdgh, 0xB1);
    _mm_storeu_si128((__m128i *)words, _mm_blend_epi16(feba, dchg, 0xF0));
    _mm_storeu_si128((__m128i *)(words + 4), _mm_alignr_epi8(dchg, feba, 8));
}

// Four rounds with the words w and their constants.
SHA void rounds(__m128i *abef, __m128i *cdgh, __m128i w, __m128i k) {
    __m128i sum = _mm_add_epi32(w, k);
    *cdgh = _mm_sha256rnds2_epu32(*cdgh, *abef, sum);
    *abef = _mm_sha256rnds2_epu32(*abef, *cdgh, _mm_shuffle_epi32(sum, 0x0E));
}

// The four words of the message schedule that follow the sixteen of a, b, c and d.
SHA __m128i schedule(__m128i a, __m128i b, __m128i c, __m128i d) {
    return _mm_sha256msg2_epu32(_mm_add_epi32(_mm_sha256msg1_epu32(a, b), _mm_alignr_epi8(d, c, 4)), d);
}

__attribute__((target("sha,sse4.1")))
void cpaired_sha256_blocks(uint32_t *first_state, const uint8_t *first, uint32_t *second_state, const uint8_t *second,
                           size_t count) {
    const __m128i bigEndian = _mm_set_epi64x(0x0c0d0e0f08090a0bULL, 0x0405060700010203ULL);
    __m128i abef1, cdgh1, abef2, cdgh2;
    load(first_state, &abef1, &cdgh1);
    load(second_state, &abef2, &cdgh2);
    for (; count > 0; count--, first += 64, second += 64) {
        __m128i abefBefore1 = abef1, cdghBefore1 = cdgh1, abefBefore2 = abef2, cdghBefore2 = cdgh2;
        __m128i w1[4], w2[4];
#pragma clang loop unroll(full)
        for (int i = 0; i < 4; i++) {
            w1[i] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(first + 16 * i)), bigEndian);
            w2[i] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(second + 16 * i)), bigEndian);
        }
#pragma clang loop unroll(full)
        for (int i = 0; i < 16; i++) {
            __m128i k = _mm_load_si128((const __m128i *)(constants + 4 * i));
            rounds(&abef1, &cdgh1, w1[i & 3], k);
            rounds(&abef2, &cdgh2, w2[i & 3], k);
            if (i < 12) {
                w1[i & 3] = schedule(w1[i & 3], w1[(i + 1) & 3], w1[(i + 2) & 3], w1[(i + 3) & 3]);
                w2[i & 3] = schedule(w2[i & 3], w2[(i + 1) & 3], w2[(i + 2) & 3], w2[(i + 3) & 3]);
            }
        }
        abef1 = _mm_add_epi32(abef1, abefBefore1);
        cdgh1 = _mm_add_epi32(cdgh1, cdghBefore1);
        abef2 = _mm_add_epi32(abef2, abefBefore2);
        cdgh2 = _mm_add_epi32(cdgh2, cdghBefore2);
    }
    store(first_state, abef1, cdgh1);
    store(second_state, abef2, cdgh2);
}

#else

int cpaired_sha256_is_supported(void) { return 0; }

void cpaired_sha256_blocks(uint32_t *first_state, const uint8_t *first, uint32_t *second_state, const uint8_t *second,
                           size_t count) {
    // Never called: no processor of this kind is said to be supported.
    (void)first_state, (void)first, (void)second_state, (void)second, (void)count;
}

#endif

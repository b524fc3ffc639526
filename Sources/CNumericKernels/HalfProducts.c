#include "Clones.h"
#include "CNumericKernels.h"

#include <string.h>

#pragma STDC FP_CONTRACT OFF

void cnk_pack_bf16_transposed(const uint16_t *source, size_t stride, size_t n, size_t k, uint16_t *packed) {
    for (size_t first = 0; first < n; first += cnk_strip_columns) {
        uint16_t *strip = packed + first * k;
        for (size_t lane = 0; lane < cnk_strip_columns; lane++) {
            for (size_t pair = 0; pair < k / 2; pair++) {
                uint32_t both = 0;
                if (first + lane < n) memcpy(&both, source + (first + lane) * stride + 2 * pair, 4);
                memcpy(strip + (pair * cnk_strip_columns + lane) * 2, &both, 4);
            }
        }
    }
}

void cnk_pack_bf16(const uint16_t *source, size_t stride, size_t n, size_t k, uint16_t *packed) {
    for (size_t first = 0; first < n; first += cnk_strip_columns) {
        uint16_t *strip = packed + first * k;
        size_t count = n - first < cnk_strip_columns ? n - first : cnk_strip_columns;
        for (size_t pair = 0; pair < k / 2; pair++) {
            const uint16_t *even = source + 2 * pair * stride + first, *odd = even + stride;
            uint16_t *target = strip + pair * cnk_strip_columns * 2;
            for (size_t lane = 0; lane < count; lane++) {
                target[2 * lane] = even[lane];
                target[2 * lane + 1] = odd[lane];
            }
            memset(target + 2 * count, 0, (cnk_strip_columns - count) * 4);
        }
    }
}

#if defined(__x86_64__) && defined(__linux__)
#include <immintrin.h>

#define BF16 __attribute__((target("avx512f,avx512bw,avx512vl,avx512bf16")))

int cnk_has_bf16_products(void) { return __builtin_cpu_supports("avx512bf16") != 0; }

enum { tile_rows = 14, inner_block = 512 };

// A tile of `rows` x 32 elements of c in registers; `rows` is a constant where it is called.
static inline __attribute__((always_inline)) BF16 void tile(
    const int rows, const uint16_t *a, size_t a_stride, const uint16_t *strip, size_t pairs, __mmask16 low,
    __mmask16 high, int adds, float *c, size_t c_stride) {
    __m512 sums[tile_rows][2];
#pragma clang loop unroll(full)
    for (int row = 0; row < rows; row++) {
        sums[row][0] = adds ? _mm512_maskz_loadu_ps(low, c + row * c_stride) : _mm512_setzero_ps();
        sums[row][1] = adds ? _mm512_maskz_loadu_ps(high, c + row * c_stride + 16) : _mm512_setzero_ps();
    }
    for (size_t pair = 0; pair < pairs; pair++) {
        __m512bh left = (__m512bh)_mm512_loadu_si512(strip + pair * 64);
        __m512bh right = (__m512bh)_mm512_loadu_si512(strip + pair * 64 + 32);
#pragma clang loop unroll(full)
        for (int row = 0; row < rows; row++) {
            int both;
            memcpy(&both, a + row * a_stride + 2 * pair, 4);
            __m512bh x = (__m512bh)_mm512_set1_epi32(both);
            sums[row][0] = _mm512_dpbf16_ps(sums[row][0], x, left);
            sums[row][1] = _mm512_dpbf16_ps(sums[row][1], x, right);
        }
    }
#pragma clang loop unroll(full)
    for (int row = 0; row < rows; row++) {
        _mm512_mask_storeu_ps(c + row * c_stride, low, sums[row][0]);
        _mm512_mask_storeu_ps(c + row * c_stride + 16, high, sums[row][1]);
    }
}

#define TILE(count) \
    case count: tile(count, a + row * a_stride, a_stride, strip, pairs, low, high, adds, c + row * c_stride, c_stride); break

// All rows against one strip, over one block of the inner extent, so that the strip stays in the nearest cache.
static BF16 void multiply_strip(
    const uint16_t *a, size_t a_stride, size_t m, const uint16_t *strip, size_t pairs, size_t columns, int adds,
    float *c, size_t c_stride) {
    __mmask16 low = columns >= 16 ? 0xFFFF : (__mmask16)((1u << columns) - 1);
    __mmask16 high = columns >= 32 ? 0xFFFF : columns > 16 ? (__mmask16)((1u << (columns - 16)) - 1) : 0;
    for (size_t row = 0; row < m; row += tile_rows) {
        switch (m - row < tile_rows ? m - row : tile_rows) {
            TILE(1); TILE(2); TILE(3); TILE(4); TILE(5); TILE(6); TILE(7);
            TILE(8); TILE(9); TILE(10); TILE(11); TILE(12); TILE(13); TILE(14);
        }
    }
}

void cnk_multiply_bf16(
    const uint16_t *a, size_t a_stride, size_t m, const uint16_t *packed, size_t n, size_t k, int adds, float *c,
    size_t c_stride) {
    for (size_t inner = 0; inner < k; inner += inner_block) {
        size_t length = k - inner < inner_block ? k - inner : inner_block;
        for (size_t first = 0; first < n; first += cnk_strip_columns) {
            size_t columns = n - first < cnk_strip_columns ? n - first : cnk_strip_columns;
            multiply_strip(
                a + inner, a_stride, m, packed + first * k + inner * cnk_strip_columns, length / 2, columns,
                adds || inner > 0, c + first, c_stride);
        }
    }
}
#else
int cnk_has_bf16_products(void) { return 0; }

void cnk_multiply_bf16(
    const uint16_t *a, size_t a_stride, size_t m, const uint16_t *packed, size_t n, size_t k, int adds, float *c,
    size_t c_stride) {
    (void)a, (void)a_stride, (void)m, (void)packed, (void)n, (void)k, (void)adds, (void)c, (void)c_stride;
}
#endif

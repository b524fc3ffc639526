#include "Clones.h"
#include "CNumericKernels.h"

#pragma STDC FP_CONTRACT OFF

// Four rows and 32 columns at a time stay in registers, so that each element of a is loaded once for four rows.
// Unaligned, and free to alias plain floats.
typedef float cnk_lanes __attribute__((vector_size(64), aligned(4), may_alias));

enum { LANES = 16, WIDE = 2 * LANES, TALL = 4 };

static inline __attribute__((always_inline)) void add_tile(
    float *c, size_t c_stride, const float *b, size_t b_stride, const float *a, size_t a_stride, size_t rank) {
    cnk_lanes sums[TALL][2] = {0};
    for (size_t k = 0; k < rank; k++) {
        const float *row = a + k * a_stride;
        cnk_lanes first = *(const cnk_lanes *)row;
        cnk_lanes second = *(const cnk_lanes *)(row + LANES);
        for (size_t i = 0; i < TALL; i++) {
            float factor = b[i * b_stride + k];
            sums[i][0] += first * factor;
            sums[i][1] += second * factor;
        }
    }
    for (size_t i = 0; i < TALL; i++) {
        *(cnk_lanes *)(c + i * c_stride) += sums[i][0];
        *(cnk_lanes *)(c + i * c_stride + LANES) += sums[i][1];
    }
}

static inline __attribute__((always_inline)) void add_element(
    float *c, const float *b, const float *a, size_t a_stride, size_t rank) {
    float sum = 0;
    for (size_t k = 0; k < rank; k++) sum += a[k * a_stride] * b[k];
    *c += sum;
}

CNK_CLONES
void cnk_add_low_rank(
    float *c, size_t c_stride, const float *b, size_t b_stride, const float *a, size_t a_stride, size_t rows,
    size_t columns, size_t rank) {
    size_t full_rows = rows - rows % TALL;
    size_t full_columns = columns - columns % WIDE;
    for (size_t j = 0; j < full_columns; j += WIDE) {
        for (size_t i = 0; i < full_rows; i += TALL) {
            add_tile(c + i * c_stride + j, c_stride, b + i * b_stride, b_stride, a + j, a_stride, rank);
        }
    }
    for (size_t i = 0; i < rows; i++) {
        size_t start = i < full_rows ? full_columns : 0;
        for (size_t j = start; j < columns; j++) {
            add_element(c + i * c_stride + j, b + i * b_stride, a + j, a_stride, rank);
        }
    }
}

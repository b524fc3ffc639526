#include "Clones.h"
#include "CNumericKernels.h"

#pragma STDC FP_CONTRACT OFF

// Products are fused with their addition on purpose: `__builtin_elementwise_fma` rounds once on every instruction set,
// by a call where there is no instruction.

// Unaligned, and free to alias plain doubles.
typedef double cnk_lanes __attribute__((vector_size(64), aligned(8), may_alias));

// Tiles whose sums stay in registers; a panel of PANEL elements of each column stays in the cache.
enum { LANES = 8, TALL = 4, WIDE = 2 * LANES, PANEL = 256 };

static inline __attribute__((always_inline)) double total(const cnk_lanes *lanes) {
    const double *sums = (const double *)lanes;
    return ((sums[0] + sums[4]) + (sums[2] + sums[6])) + ((sums[1] + sums[5]) + (sums[3] + sums[7]));
}

static inline __attribute__((always_inline)) double inner_product(const double *a, const double *b, size_t count) {
    cnk_lanes sums = {0};
    size_t whole = count - count % LANES;
    for (size_t k = 0; k < whole; k += LANES) {
        sums = __builtin_elementwise_fma(*(const cnk_lanes *)(a + k), *(const cnk_lanes *)(b + k), sums);
    }
    double sum = total(&sums);
    for (size_t k = whole; k < count; k++) sum = __builtin_fma(a[k], b[k], sum);
    return sum;
}

static inline __attribute__((always_inline)) void add_inner_products(
    const double *a, const double *b, size_t stride, size_t length, double *gram, size_t count) {
    cnk_lanes sums[TALL][TALL] = {0};
    size_t whole = length - length % LANES;
    for (size_t k = 0; k < whole; k += LANES) {
        for (size_t i = 0; i < TALL; i++) {
            cnk_lanes left = *(const cnk_lanes *)(a + i * stride + k);
            for (size_t j = 0; j < TALL; j++) {
                sums[i][j] = __builtin_elementwise_fma(left, *(const cnk_lanes *)(b + j * stride + k), sums[i][j]);
            }
        }
    }
    for (size_t i = 0; i < TALL; i++) {
        for (size_t j = 0; j < TALL; j++) {
            double sum = total(&sums[i][j]);
            for (size_t k = whole; k < length; k++) sum = __builtin_fma(a[i * stride + k], b[j * stride + k], sum);
            gram[i * count + j] += sum;
        }
    }
}

CNK_CLONES
void cnk_add_gram_of_columns(const double *columns, size_t stride, size_t length, size_t count, double *gram) {
    size_t full = count - count % TALL;
    for (size_t start = 0; start < length; start += PANEL) {
        size_t panel = length - start < PANEL ? length - start : PANEL;
        const double *x = columns + start;
        for (size_t i = 0; i < full; i += TALL) {
            for (size_t j = i; j < full; j += TALL) {
                add_inner_products(x + i * stride, x + j * stride, stride, panel, gram + i * count + j, count);
            }
        }
        for (size_t j = full; j < count; j++) {
            for (size_t i = 0; i <= j; i++) {
                gram[i * count + j] += inner_product(x + i * stride, x + j * stride, panel);
            }
        }
    }
}

static inline __attribute__((always_inline)) void add_outer_products(
    const double *a, const double *b, size_t length, size_t stride, double *gram) {
    cnk_lanes sums[TALL][2] = {0};
    for (size_t k = 0; k < length; k++) {
        cnk_lanes first = *(const cnk_lanes *)(b + k * stride);
        cnk_lanes second = *(const cnk_lanes *)(b + k * stride + LANES);
        for (size_t i = 0; i < TALL; i++) {
            double x = a[k * stride + i];
            cnk_lanes factor = {x, x, x, x, x, x, x, x};
            sums[i][0] = __builtin_elementwise_fma(first, factor, sums[i][0]);
            sums[i][1] = __builtin_elementwise_fma(second, factor, sums[i][1]);
        }
    }
    for (size_t i = 0; i < TALL; i++) {
        *(cnk_lanes *)(gram + i * stride) += sums[i][0];
        *(cnk_lanes *)(gram + i * stride + LANES) += sums[i][1];
    }
}

CNK_CLONES
void cnk_add_gram_of_rows(const double *rows, size_t length, size_t count, double *gram) {
    size_t full = count - count % WIDE;
    for (size_t start = 0; start < length; start += PANEL) {
        size_t panel = length - start < PANEL ? length - start : PANEL;
        const double *x = rows + start * count;
        for (size_t j = 0; j < full; j += WIDE) {
            for (size_t i = 0; i < j + WIDE; i += TALL) {
                add_outer_products(x + i, x + j, panel, count, gram + i * count + j);
            }
        }
        for (size_t j = full; j < count; j++) {
            for (size_t i = 0; i <= j; i++) {
                double sum = 0;
                for (size_t k = 0; k < panel; k++) sum = __builtin_fma(x[k * count + i], x[k * count + j], sum);
                gram[i * count + j] += sum;
            }
        }
    }
}

// The same in binary32: FOLD products at a time are added up, and their sum goes to the binary64 total.

typedef float cnk_float_lanes __attribute__((vector_size(64), aligned(4), may_alias));

enum { FLOAT_LANES = 16, FLOAT_TALL = 8, FOLD = 64 };

static inline __attribute__((always_inline)) double float_total(const cnk_float_lanes *lanes) {
    const float *sums = (const float *)lanes;
    double halves[LANES];
    for (size_t k = 0; k < LANES; k++) halves[k] = (double)sums[k] + (double)sums[k + LANES];
    return ((halves[0] + halves[4]) + (halves[2] + halves[6])) + ((halves[1] + halves[5]) + (halves[3] + halves[7]));
}

static inline __attribute__((always_inline)) void add_float_inner_products(
    const float *a, const float *b, size_t stride, size_t length, size_t height, double *gram, size_t count) {
    cnk_float_lanes sums[TALL][TALL] = {0};
    size_t whole = length - length % FLOAT_LANES;
    for (size_t k = 0; k < whole; k += FLOAT_LANES) {
        for (size_t i = 0; i < height; i++) {
            cnk_float_lanes left = *(const cnk_float_lanes *)(a + i * stride + k);
            for (size_t j = 0; j < height; j++) {
                sums[i][j] = __builtin_elementwise_fma(left, *(const cnk_float_lanes *)(b + j * stride + k), sums[i][j]);
            }
        }
    }
    for (size_t i = 0; i < height; i++) {
        for (size_t j = 0; j < height; j++) {
            double sum = float_total(&sums[i][j]);
            for (size_t k = whole; k < length; k++) {
                sum = __builtin_fma((double)a[i * stride + k], (double)b[j * stride + k], sum);
            }
            gram[i * count + j] += sum;
        }
    }
}

CNK_CLONES
void cnk_add_float_gram_of_columns(const float *columns, size_t stride, size_t length, size_t count, double *gram) {
    size_t full = count - count % TALL;
    for (size_t start = 0; start < length; start += PANEL) {
        size_t panel = length - start < PANEL ? length - start : PANEL;
        const float *x = columns + start;
        for (size_t i = 0; i < full; i += TALL) {
            for (size_t j = i; j < full; j += TALL) {
                add_float_inner_products(
                    x + i * stride, x + j * stride, stride, panel, TALL, gram + i * count + j, count);
            }
        }
        for (size_t j = full; j < count; j++) {
            for (size_t i = 0; i <= j; i++) {
                add_float_inner_products(
                    x + i * stride, x + j * stride, stride, panel, 1, gram + i * count + j, count);
            }
        }
    }
}

static inline __attribute__((always_inline)) void add_float_outer_products(
    const float *a, const float *b, size_t length, size_t stride, size_t height, size_t width, double *gram) {
    float sums[FLOAT_TALL][FLOAT_LANES] = {0};
    for (size_t k = 0; k < length; k++) {
        const float *row = b + k * stride;
        for (size_t i = 0; i < height; i++) {
            float factor = a[k * stride + i];
            for (size_t j = 0; j < width; j++) sums[i][j] = __builtin_fmaf(row[j], factor, sums[i][j]);
        }
    }
    for (size_t i = 0; i < height; i++) {
        for (size_t j = 0; j < width; j++) gram[i * stride + j] += (double)sums[i][j];
    }
}

static inline __attribute__((always_inline)) void add_float_outer_product_lanes(
    const float *a, const float *b, size_t length, size_t stride, double *gram) {
    cnk_float_lanes sums[FLOAT_TALL] = {0};
    for (size_t k = 0; k < length; k++) {
        cnk_float_lanes row = *(const cnk_float_lanes *)(b + k * stride);
        for (size_t i = 0; i < FLOAT_TALL; i++) {
            float x = a[k * stride + i];
            cnk_float_lanes factor = {x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x};
            sums[i] = __builtin_elementwise_fma(row, factor, sums[i]);
        }
    }
    for (size_t i = 0; i < FLOAT_TALL; i++) {
        const float *sum = (const float *)&sums[i];
        for (size_t j = 0; j < FLOAT_LANES; j++) gram[i * stride + j] += (double)sum[j];
    }
}

CNK_CLONES
void cnk_add_float_gram_of_rows(const float *rows, size_t length, size_t count, double *gram) {
    size_t full = count - count % FLOAT_LANES;
    for (size_t start = 0; start < length; start += FOLD) {
        size_t fold = length - start < FOLD ? length - start : FOLD;
        const float *x = rows + start * count;
        for (size_t j = 0; j < full; j += FLOAT_LANES) {
            for (size_t i = 0; i < j + FLOAT_LANES; i += FLOAT_TALL) {
                add_float_outer_product_lanes(x + i, x + j, fold, count, gram + i * count + j);
            }
        }
        if (full == count) continue;
        for (size_t i = 0; i < count; i += FLOAT_TALL) {
            size_t height = count - i < FLOAT_TALL ? count - i : FLOAT_TALL;
            add_float_outer_products(x + i, x + full, fold, count, height, count - full, gram + i * count + full);
        }
    }
}

#include "Clones.h"
#include "CNumericKernels.h"

#include <string.h>

#pragma STDC FP_CONTRACT OFF

static inline int is_finite(double value) {
    uint64_t bits;
    memcpy(&bits, &value, 8);
    return (bits & 0x7FF0000000000000) != 0x7FF0000000000000;
}

CNK_CLONES
void cnk_widen_f32(const float *source, double *target, size_t count) {
    for (size_t i = 0; i < count; i++) target[i] = source[i];
}

CNK_CLONES
size_t cnk_narrow_f64_to_f32(const double *source, float *target, size_t count) {
    size_t overflows = 0;
    for (size_t i = 0; i < count; i++) {
        float value = (float)source[i];
        target[i] = value;
        overflows += is_finite(source[i]) & !is_finite(value);
    }
    return overflows;
}

// The first step rounds to odd, which keeps a sticky bit, so that the second one is exact (Boldo and Melquiond, 2008).
CNK_CLONES
size_t cnk_narrow_f64_to_bf16(const double *source, uint16_t *target, size_t count) {
    size_t overflows = 0;
    for (size_t i = 0; i < count; i++) {
        double value = source[i];
        float single = (float)value;
        uint32_t bits;
        memcpy(&bits, &single, 4);
        double wide = single;
        uint32_t inexact = wide != value;
        uint32_t away = __builtin_fabs(wide) > __builtin_fabs(value);
        uint32_t odd = (bits - away) | 1;
        bits = inexact ? odd : bits;
        uint32_t rounded = (bits + 0x7FFF + (bits >> 16 & 1)) >> 16;
        uint32_t nan = (bits >> 16) | 0x40;
        rounded = value != value ? nan : rounded;
        target[i] = (uint16_t)rounded;
        overflows += is_finite(value) & ((rounded & 0x7F80) == 0x7F80);
    }
    return overflows;
}

// As to bfloat16, by way of binary32 rounded to odd. Normal results: the exponent moves from bias 127 to bias 15 and half a
// unit is added, less for even results. Subnormal ones: adding 1/2 lets the hardware round at their unit, 2^-24.
CNK_CLONES
size_t cnk_narrow_f64_to_f16(const double *source, uint16_t *target, size_t count) {
    size_t overflows = 0;
    for (size_t i = 0; i < count; i++) {
        double value = source[i];
        float single = (float)value;
        uint32_t bits;
        memcpy(&bits, &single, 4);
        double wide = single;
        uint32_t inexact = wide != value;
        uint32_t away = __builtin_fabs(wide) > __builtin_fabs(value);
        uint32_t odd = (bits - away) | 1;
        bits = inexact ? odd : bits;
        uint32_t sign = bits >> 16 & 0x8000;
        uint32_t magnitude = bits & 0x7FFFFFFF;
        float small;
        memcpy(&small, &magnitude, 4);
        small += 0.5f;
        uint32_t shifted;
        memcpy(&shifted, &small, 4);
        uint32_t subnormal = shifted - 0x3F000000;
        uint32_t normal = (magnitude + 0xC8000FFF + (magnitude >> 13 & 1)) >> 13;
        uint32_t rounded = magnitude < 0x38800000 ? subnormal : magnitude < 0x47800000 ? normal : 0x7C00;
        uint32_t nan = 0x7E00 | (magnitude >> 13 & 0x3FF);
        rounded = value != value ? nan : rounded;
        target[i] = (uint16_t)(rounded | sign);
        overflows += is_finite(value) & ((rounded & 0x7C00) == 0x7C00);
    }
    return overflows;
}

CNK_CLONES
void cnk_subtract_from(const double *values, double *target, size_t count) {
    for (size_t i = 0; i < count; i++) target[i] = values[i] - target[i];
}

CNK_CLONES
void cnk_subtract_rounded(const double *values, const float *rounded, float *target, size_t count) {
    for (size_t i = 0; i < count; i++) target[i] = (float)(values[i] - (double)rounded[i]);
}

CNK_CLONES
void cnk_place_scaled(
    const float *source, size_t rows, size_t columns, double factor, double *target, size_t stride) {
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < columns; j++) target[i * stride + j] = factor * (double)source[i * columns + j];
    }
}

CNK_CLONES
void cnk_place_scaled_columns(
    const float *source, size_t rows, size_t columns, double factor, double *target, size_t stride) {
    for (size_t j = 0; j < columns; j++) {
        for (size_t i = 0; i < rows; i++) target[j * stride + i] = factor * (double)source[i * columns + j];
    }
}

CNK_CLONES
void cnk_gather_rows(const double *source, size_t stride, size_t rows, size_t columns, double *target) {
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < columns; j++) target[i * columns + j] = source[j * stride + i];
    }
}

#ifndef CNK_ROUNDING_H
#define CNK_ROUNDING_H

#include <stddef.h>
#include <stdint.h>

/// Widens binary32 to binary64, exactly.
void cnk_widen_f32(const float *_Nonnull source, double *_Nonnull target, size_t count);

/// Rounds binary64 to binary32, to nearest even. Returns the number of finite values that do not fit.
size_t cnk_narrow_f64_to_f32(const double *_Nonnull source, float *_Nonnull target, size_t count);

/// Rounds binary64 to bfloat16 once, to nearest even. Returns the number of finite values that do not fit.
size_t cnk_narrow_f64_to_bf16(const double *_Nonnull source, uint16_t *_Nonnull target, size_t count);

/// Rounds binary64 to binary16 once, to nearest even. Returns the number of finite values that do not fit.
size_t cnk_narrow_f64_to_f16(const double *_Nonnull source, uint16_t *_Nonnull target, size_t count);

/// target[i] = values[i] - target[i].
void cnk_subtract_from(const double *_Nonnull values, double *_Nonnull target, size_t count);

/// target[i] = values[i] - rounded[i], rounded to binary32.
void cnk_subtract_rounded(
    const double *_Nonnull values, const float *_Nonnull rounded, float *_Nonnull target, size_t count);

/// target[i · stride + j] = factor · source[i · columns + j].
void cnk_place_scaled(
    const float *_Nonnull source, size_t rows, size_t columns, double factor, double *_Nonnull target, size_t stride);

/// target[j · stride + i] = factor · source[i · columns + j].
void cnk_place_scaled_columns(
    const float *_Nonnull source, size_t rows, size_t columns, double factor, double *_Nonnull target, size_t stride);

/// target[i · columns + j] = source[j · stride + i].
void cnk_gather_rows(
    const double *_Nonnull source, size_t stride, size_t rows, size_t columns, double *_Nonnull target);

#endif

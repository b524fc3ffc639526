#ifndef CNK_GRAM_H
#define CNK_GRAM_H

#include <stddef.h>

/// Inner products of the columns of tall matrices, added in a fixed order to the upper triangle of `gram`, which has
/// count · count elements and may hold anything below it. Parts of a matrix whose lengths are multiples of 256, but for
/// the last, add up to the bits of the whole.

/// gram[i, j] += Σ columns[i · stride + k] · columns[j · stride + k] over k < length, for i ≤ j.
void cnk_add_gram_of_columns(
    const double *_Nonnull columns, size_t stride, size_t length, size_t count, double *_Nonnull gram);

/// gram[i, j] += Σ rows[k · count + i] · rows[k · count + j] over k < length, for i ≤ j.
void cnk_add_gram_of_rows(const double *_Nonnull rows, size_t length, size_t count, double *_Nonnull gram);

/// As cnk_add_gram_of_columns, of binary32: 16 products at a time are added up in binary32, their sums in binary64.
void cnk_add_float_gram_of_columns(
    const float *_Nonnull columns, size_t stride, size_t length, size_t count, double *_Nonnull gram);

/// As cnk_add_gram_of_rows, of binary32: 64 products at a time are added up in binary32, their sums in binary64.
void cnk_add_float_gram_of_rows(const float *_Nonnull rows, size_t length, size_t count, double *_Nonnull gram);

#endif

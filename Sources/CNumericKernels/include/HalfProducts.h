#ifndef CNK_HALF_PRODUCTS_H
#define CNK_HALF_PRODUCTS_H

#include <stddef.h>
#include <stdint.h>

/// Matrix products of bfloat16 elements with sums in binary32, where the processor multiplies such pairs (AVX512-BF16).
/// The functions below must not be called where cnk_has_bf16_products() is 0.

/// Whether this processor can.
int cnk_has_bf16_products(void);

/// The columns of a strip of a packed matrix.
enum { cnk_strip_columns = 32 };

/// Packs the transpose of `n` rows of `k` elements, k even, in strips of 32 columns: pairs of neighbours along k stand
/// together, the last strip is filled with zeros. `packed` has room for k times n rounded up to 32.
void cnk_pack_bf16_transposed(
    const uint16_t *_Nonnull source, size_t stride, size_t n, size_t k, uint16_t *_Nonnull packed);

/// Packs `k` rows of `n` elements, k even, likewise.
void cnk_pack_bf16(const uint16_t *_Nonnull source, size_t stride, size_t n, size_t k, uint16_t *_Nonnull packed);

/// c = a * packed, or c += when `adds` is not 0; a has m rows of k elements, c m rows of n.
void cnk_multiply_bf16(
    const uint16_t *_Nonnull a, size_t a_stride, size_t m, const uint16_t *_Nonnull packed, size_t n, size_t k,
    int adds, float *_Nonnull c, size_t c_stride);

#endif

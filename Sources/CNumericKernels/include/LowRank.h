#ifndef CNK_LOW_RANK_H
#define CNK_LOW_RANK_H

#include <stddef.h>

/// Adds the product b · a to c: all row-major binary32, c rows × columns, b rows × rank, a rank × columns; a stride is the
/// distance of two rows in elements.
///
/// Each element's products are summed in the order of the rank, each rounded, and then added to c.
void cnk_add_low_rank(
    float *_Nonnull c, size_t c_stride, const float *_Nonnull b, size_t b_stride, const float *_Nonnull a,
    size_t a_stride, size_t rows, size_t columns, size_t rank);

#endif

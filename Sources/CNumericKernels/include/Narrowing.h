#ifndef CNK_NARROWING_H
#define CNK_NARROWING_H

#include <stddef.h>
#include <stdint.h>

/// Writes `count` binary32 elements as bfloat16, rounded to nearest, ties to even. Returns 1 when a result is infinite or
/// not a number, else 0.
int cnk_narrow_bf16(const float *_Nonnull source, uint16_t *_Nonnull target, size_t count);

/// Writes `count` binary32 elements as binary16, rounded to nearest, ties to even. Returns 1 when a result is infinite or
/// not a number, else 0.
int cnk_narrow_f16(const float *_Nonnull source, uint16_t *_Nonnull target, size_t count);

#endif

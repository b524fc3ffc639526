#ifndef CNK_WIDENING_H
#define CNK_WIDENING_H

#include <stddef.h>
#include <stdint.h>

/// Writes `count` bfloat16 elements as binary32, exactly.
void cnk_widen_bf16(const uint16_t *_Nonnull source, float *_Nonnull target, size_t count);

/// Writes `count` binary16 elements as binary32, exactly; a NaN keeps its payload and becomes quiet.
void cnk_widen_f16(const uint16_t *_Nonnull source, float *_Nonnull target, size_t count);

#endif

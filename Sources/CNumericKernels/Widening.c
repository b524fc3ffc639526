#include "Clones.h"
#include "CNumericKernels.h"

#include <string.h>

CNK_CLONES
void cnk_widen_bf16(const uint16_t *source, float *target, size_t count) {
    for (size_t i = 0; i < count; i++) {
        uint32_t bits = (uint32_t)source[i] << 16;
        memcpy(&target[i], &bits, 4);
    }
}

// Exponents move from bias 15 to bias 127 by one exact multiplication with 2^112, which also makes normal numbers of
// the subnormal ones. Infinities and NaN, whose exponent is all ones, are put right afterwards.
CNK_CLONES
void cnk_widen_f16(const uint16_t *source, float *target, size_t count) {
    for (size_t i = 0; i < count; i++) {
        uint32_t sign = (uint32_t)(source[i] & 0x8000) << 16;
        uint32_t magnitude = (uint32_t)(source[i] & 0x7FFF) << 13;
        float value;
        memcpy(&value, &magnitude, 4);
        value *= 0x1p112f;
        uint32_t bits;
        memcpy(&bits, &value, 4);
        uint32_t special = magnitude | 0x7F800000 | (magnitude & 0x007FFFFF ? 0x00400000 : 0);
        bits = sign | (magnitude >= 0x0F800000 ? special : bits);
        memcpy(&target[i], &bits, 4);
    }
}

#include "Clones.h"
#include "CNumericKernels.h"

#include <string.h>

CNK_CLONES
int cnk_narrow_bf16(const float *source, uint16_t *target, size_t count) {
    uint32_t special = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, &source[i], 4);
        uint32_t rounded = (bits + 0x7FFF + (bits >> 16 & 1)) >> 16;
        // Rounding up could carry a NaN's payload into the sign; it becomes quiet instead.
        uint32_t result = (bits & 0x7FFFFFFF) > 0x7F800000 ? (bits >> 16 | 0x40) : rounded;
        special |= (result & 0x7F80) == 0x7F80 ? 1 : 0;
        target[i] = (uint16_t)result;
    }
    return (int)special;
}

// Normal results: the exponent moves from bias 127 to bias 15 and half a unit is added, less for even results. Subnormal
// ones: adding 1/2 lets the hardware round at the unit of the subnormals, 2^-24.
CNK_CLONES
int cnk_narrow_f16(const float *source, uint16_t *target, size_t count) {
    uint32_t special = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, &source[i], 4);
        uint32_t sign = bits & 0x80000000;
        uint32_t magnitude = bits ^ sign;
        float value;
        memcpy(&value, &magnitude, 4);
        value += 0.5f;
        uint32_t shifted;
        memcpy(&shifted, &value, 4);
        uint32_t subnormal = shifted - 0x3F000000;
        uint32_t normal = (magnitude + 0xC8000FFF + (magnitude >> 13 & 1)) >> 13;
        uint32_t beyond = magnitude > 0x7F800000 ? (0x7E00 | (magnitude >> 13 & 0x3FF)) : 0x7C00;
        uint32_t result = magnitude < 0x38800000 ? subnormal : magnitude < 0x47800000 ? normal : beyond;
        special |= (result & 0x7C00) == 0x7C00 ? 1 : 0;
        target[i] = (uint16_t)(result | sign >> 16);
    }
    return (int)special;
}

#include "Clones.h"
#include "CNumericKernels.h"

#pragma STDC FP_CONTRACT OFF

enum { LANES = 64 };

CNK_CLONES
void cnk_random_words(const uint32_t stream[4], uint64_t first, uint32_t *words, size_t count) {
    uint64_t block = first / 4;
    size_t skipped = first % 4;
    size_t done = 0;
    while (done < count) {
        // Lanes beyond the end are computed and dropped: the loops then have a fixed length.
        uint32_t c0[LANES], c1[LANES], c2[LANES], c3[LANES];
        for (int i = 0; i < LANES; i++) {
            uint64_t counter = block + (uint64_t)i;
            c0[i] = (uint32_t)counter;
            c1[i] = (uint32_t)(counter >> 32);
            c2[i] = stream[2];
            c3[i] = stream[3];
        }
        uint32_t k0 = stream[0], k1 = stream[1];
        for (int round = 0; round < 10; round++) {
            for (int i = 0; i < LANES; i++) {
                uint64_t p0 = (uint64_t)0xD2511F53 * c0[i];
                uint64_t p1 = (uint64_t)0xCD9E8D57 * c2[i];
                uint32_t n0 = (uint32_t)(p1 >> 32) ^ c1[i] ^ k0;
                uint32_t n2 = (uint32_t)(p0 >> 32) ^ c3[i] ^ k1;
                c1[i] = (uint32_t)p1;
                c3[i] = (uint32_t)p0;
                c0[i] = n0;
                c2[i] = n2;
            }
            k0 += 0x9E3779B9;
            k1 += 0xBB67AE85;
        }
        uint32_t mixed[4 * LANES];
        for (int i = 0; i < LANES; i++) {
            mixed[4 * i] = c0[i];
            mixed[4 * i + 1] = c1[i];
            mixed[4 * i + 2] = c2[i];
            mixed[4 * i + 3] = c3[i];
        }
        for (size_t i = skipped; i < 4 * LANES && done < count; i++) words[done++] = mixed[i];
        skipped = 0;
        block += LANES;
    }
}

CNK_CLONES
void cnk_keep_below(float *values, const uint32_t *words, size_t count, uint64_t threshold) {
    for (size_t i = 0; i < count; i++) values[i] = words[i] < threshold ? values[i] : 0.0f;
}

CNK_CLONES
void cnk_keep_ranked(float *values, const uint32_t *words, const uint32_t *ranks, size_t count, double least,
                     double step) {
    for (size_t i = 0; i < count; i++) {
        double threshold = (least + (double)ranks[i] * step) * 0x1p32;
        values[i] = (double)words[i] < threshold ? values[i] : 0.0f;
    }
}

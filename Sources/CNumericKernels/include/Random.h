#ifndef CNK_RANDOM_H
#define CNK_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/// Words first … first + count − 1 of a stream of Philox4x32-10 (Salmon and others, "Parallel random numbers: as easy
/// as 1, 2, 3", 2011).
///
/// Word i is word i mod 4 of the block with the counter (i / 4 as two words, stream[2], stream[3]) and the key
/// (stream[0], stream[1]).
void cnk_random_words(const uint32_t stream[_Nonnull 4], uint64_t first, uint32_t *_Nonnull words, size_t count);

/// Makes 0 of the elements whose word is not below `threshold`, at most 2^32.
void cnk_keep_below(float *_Nonnull values, const uint32_t *_Nonnull words, size_t count, uint64_t threshold);

/// Makes 0 of the elements whose word is not below (least + rank · step) · 2^32.
void cnk_keep_ranked(float *_Nonnull values, const uint32_t *_Nonnull words, const uint32_t *_Nonnull ranks,
                     size_t count, double least, double step);

#endif

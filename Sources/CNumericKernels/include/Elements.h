#ifndef CNK_ELEMENTS_H
#define CNK_ELEMENTS_H

#include <stddef.h>
#include <stdint.h>

/// How the sign of an element is elected.
enum cnk_election {
    /// The sign of the sum of the weighted values.
    CNK_ELECTION_WEIGHTED = 0,
    /// The sign of the sum of the values.
    CNK_ELECTION_TOTAL = 1,
    /// The sign that more values have.
    CNK_ELECTION_FREQUENCY = 2
};

/// What a sum of elected elements is divided by.
enum cnk_divisor {
    CNK_DIVISOR_NONE = 0,
    /// The sum of the weights of the values that agree; 1 when that is 0.
    CNK_DIVISOR_WEIGHTS = 1,
    /// The number of values that agree; 1 when there is none.
    CNK_DIVISOR_COUNT = 2
};

/// Adds to counts[b] the number of elements whose magnitude's upper 16 of 31 bits are b.
void cnk_count_upper(const float *_Nonnull values, size_t count, uint32_t *_Nonnull counts);

/// Among the elements whose magnitude has these upper 16 bits, adds to counts[b] the number whose lower 15 are b.
void cnk_count_lower(const float *_Nonnull values, size_t count, uint32_t upper, uint32_t *_Nonnull counts);

/// The number of elements whose magnitude has this bit pattern.
size_t cnk_count_equal(const float *_Nonnull values, size_t count, uint32_t pattern);

/// Makes 0 of the elements whose magnitude's bit pattern lies outside least … largest.
void cnk_keep_between(float *_Nonnull values, size_t count, uint32_t least, uint32_t largest);

/// Makes 0 of the elements for which the other's magnitude has a bit pattern below `least`.
void cnk_keep_where(float *_Nonnull values, const float *_Nonnull others, size_t count, uint32_t least);

/// The sum of the magnitudes, in binary64, in a fixed order.
double cnk_sum_magnitudes(const float *_Nonnull values, size_t count);

/// The sum of the squares, in binary64, in a fixed order.
double cnk_sum_squares(const float *_Nonnull values, size_t count);

/// Multiplies every element.
void cnk_scale(float *_Nonnull values, size_t count, float factor);

/// Divides every element.
void cnk_divide(float *_Nonnull values, size_t count, float divisor);

/// target[i] = sum over j of weights[j] · values[j · stride + i], one rounding a step, in the order of j.
void cnk_add_weighted(const float *_Nonnull values, size_t stride, const float *_Nonnull weights, size_t inputs,
                      float *_Nonnull target, size_t count);

/// As cnk_add_weighted over the inputs whose sign is the elected one (+ for a sum of 0), then divided.
void cnk_add_elected(const float *_Nonnull values, size_t stride, const float *_Nonnull weights, size_t inputs,
                     float *_Nonnull target, size_t count, enum cnk_election election, enum cnk_divisor divisor);

/// The variance of each element over `total` inputs, of which those beyond `inputs` are 0.
void cnk_variance(const float *_Nonnull values, size_t stride, size_t inputs, size_t total, float *_Nonnull target,
                  size_t count);

/// The position of each element in the ascending order of magnitudes, equal ones in the order in which they lie.
///
/// `scratch` has room for 4 · count words.
void cnk_rank_magnitudes(const float *_Nonnull values, uint32_t count, uint32_t *_Nonnull ranks,
                         uint32_t *_Nonnull scratch);

#endif

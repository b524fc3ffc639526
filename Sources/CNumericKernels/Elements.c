#include "Clones.h"
#include "CNumericKernels.h"

#include <string.h>

#pragma STDC FP_CONTRACT OFF

enum { LANES = 16, BLOCK = 256 };

static inline uint32_t magnitude(float value) {
    uint32_t bits;
    memcpy(&bits, &value, 4);
    return bits & 0x7FFFFFFF;
}

void cnk_count_upper(const float *values, size_t count, uint32_t *counts) {
    for (size_t i = 0; i < count; i++) counts[magnitude(values[i]) >> 15]++;
}

void cnk_count_lower(const float *values, size_t count, uint32_t upper, uint32_t *counts) {
    for (size_t i = 0; i < count; i++) {
        uint32_t bits = magnitude(values[i]);
        if (bits >> 15 == upper) counts[bits & 0x7FFF]++;
    }
}

CNK_CLONES
size_t cnk_count_equal(const float *values, size_t count, uint32_t pattern) {
    size_t found = 0;
    for (size_t i = 0; i < count; i++) found += magnitude(values[i]) == pattern;
    return found;
}

CNK_CLONES
void cnk_keep_between(float *values, size_t count, uint32_t least, uint32_t largest) {
    for (size_t i = 0; i < count; i++) {
        uint32_t bits = magnitude(values[i]);
        values[i] = ((bits >= least) & (bits <= largest)) ? values[i] : 0.0f;
    }
}

CNK_CLONES
void cnk_keep_where(float *values, const float *others, size_t count, uint32_t least) {
    for (size_t i = 0; i < count; i++) values[i] = magnitude(others[i]) >= least ? values[i] : 0.0f;
}

// Independent partial sums run on vectors, and their number, not the instruction set, decides the order.
CNK_CLONES
double cnk_sum_magnitudes(const float *values, size_t count) {
    double partial[LANES] = {0};
    size_t whole = count - count % LANES;
    for (size_t i = 0; i < whole; i += LANES) {
        for (int j = 0; j < LANES; j++) partial[j] += (double)__builtin_fabsf(values[i + (size_t)j]);
    }
    for (size_t i = whole; i < count; i++) partial[i - whole] += (double)__builtin_fabsf(values[i]);
    double sum = 0;
    for (int j = 0; j < LANES; j++) sum += partial[j];
    return sum;
}

CNK_CLONES
double cnk_sum_squares(const float *values, size_t count) {
    double partial[LANES] = {0};
    size_t whole = count - count % LANES;
    for (size_t i = 0; i < whole; i += LANES) {
        for (int j = 0; j < LANES; j++) {
            double value = values[i + (size_t)j];
            partial[j] += value * value;
        }
    }
    for (size_t i = whole; i < count; i++) partial[i - whole] += (double)values[i] * (double)values[i];
    double sum = 0;
    for (int j = 0; j < LANES; j++) sum += partial[j];
    return sum;
}

CNK_CLONES
void cnk_scale(float *values, size_t count, float factor) {
    for (size_t i = 0; i < count; i++) values[i] *= factor;
}

CNK_CLONES
void cnk_divide(float *values, size_t count, float divisor) {
    for (size_t i = 0; i < count; i++) values[i] /= divisor;
}

CNK_CLONES
void cnk_add_weighted(const float *values, size_t stride, const float *weights, size_t inputs, float *target,
                      size_t count) {
    for (size_t start = 0; start < count; start += BLOCK) {
        size_t length = count - start < BLOCK ? count - start : BLOCK;
        float sum[BLOCK] = {0};
        for (size_t j = 0; j < inputs; j++) {
            const float *input = values + j * stride + start;
            float weight = weights[j];
            for (size_t i = 0; i < length; i++) sum[i] += input[i] * weight;
        }
        memcpy(target + start, sum, length * sizeof(float));
    }
}

CNK_CLONES
void cnk_add_elected(const float *values, size_t stride, const float *weights, size_t inputs, float *target,
                     size_t count, enum cnk_election election, enum cnk_divisor divisor) {
    for (size_t start = 0; start < count; start += BLOCK) {
        size_t length = count - start < BLOCK ? count - start : BLOCK;
        float votes[BLOCK] = {0}, sum[BLOCK] = {0}, parts[BLOCK] = {0};
        for (size_t j = 0; j < inputs; j++) {
            const float *input = values + j * stride + start;
            // A sum of signs is that of values of ±1; a sum of values that of values with weight 1.
            float weight = election == CNK_ELECTION_WEIGHTED ? weights[j] : 1.0f;
            if (election == CNK_ELECTION_FREQUENCY) {
                for (size_t i = 0; i < length; i++) {
                    votes[i] += (float)(input[i] > 0.0f) - (float)(input[i] < 0.0f);
                }
            } else {
                for (size_t i = 0; i < length; i++) votes[i] += input[i] * weight;
            }
        }
        for (size_t j = 0; j < inputs; j++) {
            const float *input = values + j * stride + start;
            float weight = weights[j];
            float sign = election == CNK_ELECTION_WEIGHTED && weight < 0.0f ? -1.0f : 1.0f;
            float share = divisor == CNK_DIVISOR_COUNT ? 1.0f : weight;
            for (size_t i = 0; i < length; i++) {
                float vote = input[i] * sign;
                int agrees = votes[i] >= 0.0f ? vote > 0.0f : vote < 0.0f;
                sum[i] += agrees ? input[i] * weight : 0.0f;
                parts[i] += agrees ? share : 0.0f;
            }
        }
        if (divisor != CNK_DIVISOR_NONE) {
            for (size_t i = 0; i < length; i++) sum[i] /= parts[i] == 0.0f ? 1.0f : parts[i];
        }
        memcpy(target + start, sum, length * sizeof(float));
    }
}

CNK_CLONES
void cnk_variance(const float *values, size_t stride, size_t inputs, size_t total, float *target, size_t count) {
    float size = (float)total;
    float zeros = (float)(total - inputs);
    for (size_t start = 0; start < count; start += BLOCK) {
        size_t length = count - start < BLOCK ? count - start : BLOCK;
        float mean[BLOCK] = {0}, sum[BLOCK] = {0};
        for (size_t j = 0; j < inputs; j++) {
            const float *input = values + j * stride + start;
            for (size_t i = 0; i < length; i++) mean[i] += input[i];
        }
        for (size_t i = 0; i < length; i++) mean[i] /= size;
        for (size_t j = 0; j < inputs; j++) {
            const float *input = values + j * stride + start;
            for (size_t i = 0; i < length; i++) sum[i] += (input[i] - mean[i]) * (input[i] - mean[i]);
        }
        for (size_t i = 0; i < length; i++) target[start + i] = (sum[i] + zeros * mean[i] * mean[i]) / size;
    }
}

// Radix sort from the lowest digit: stable, so equal magnitudes keep their order.
void cnk_rank_magnitudes(const float *values, uint32_t count, uint32_t *ranks, uint32_t *scratch) {
    enum { BITS = 11, BUCKETS = 1 << BITS };
    uint32_t *keys = scratch, *order = scratch + count, *nextKeys = scratch + 2 * count,
             *nextOrder = scratch + 3 * count;
    for (uint32_t i = 0; i < count; i++) {
        keys[i] = magnitude(values[i]);
        order[i] = i;
    }
    for (int shift = 0; shift < 31; shift += BITS) {
        uint32_t starts[BUCKETS] = {0};
        for (uint32_t i = 0; i < count; i++) starts[keys[i] >> shift & (BUCKETS - 1)]++;
        uint32_t position = 0;
        for (int bucket = 0; bucket < BUCKETS; bucket++) {
            uint32_t length = starts[bucket];
            starts[bucket] = position;
            position += length;
        }
        for (uint32_t i = 0; i < count; i++) {
            uint32_t place = starts[keys[i] >> shift & (BUCKETS - 1)]++;
            nextKeys[place] = keys[i];
            nextOrder[place] = order[i];
        }
        uint32_t *swapped = keys;
        keys = nextKeys;
        nextKeys = swapped;
        swapped = order;
        order = nextOrder;
        nextOrder = swapped;
    }
    for (uint32_t i = 0; i < count; i++) ranks[order[i]] = i;
}

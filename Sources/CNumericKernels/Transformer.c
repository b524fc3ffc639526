#include "Clones.h"
#include "CNumericKernels.h"

#include <math.h>
#include <string.h>

#pragma STDC FP_CONTRACT OFF

enum { lanes = 16, block = 512 };

// exp(x) for x <= 0 within 2 ulp; 0 below -87, where results would be subnormal; NaN for NaN. 2^k times a polynomial
// for the rest, |r| <= ln(2)/2 (Cody and Waite, "Software Manual for the Elementary Functions", 1980).
static inline __attribute__((always_inline)) float exp_of_negative(float x) {
    const float shift = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer, which its low bits then hold
    float bounded = x < -87.0f ? -87.0f : x;
    float shifted = bounded * 1.44269504088896341f + shift;
    float k = shifted - shift;
    float r = (bounded - k * 0.693145751953125f) - k * 1.42860677123069763e-6f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * r * r + r + 1.0f;
    uint32_t bits;
    memcpy(&bits, &shifted, 4);
    bits = (bits - 0x4B400000u + 127u) << 23;
    float power;
    memcpy(&power, &bits, 4);
    return x < -87.0f ? 0.0f : p * power;
}

static inline __attribute__((always_inline)) float sigmoid(float x) {
    float e = exp_of_negative(x < 0 ? x : -x);
    return (x < 0 ? e : 1.0f) / (1.0f + e);
}

static inline __attribute__((always_inline)) double sum_of_lanes(const float *sums) {
    double total = 0;
    for (size_t lane = 0; lane < lanes; lane++) total += sums[lane];
    return total;
}

// Adds up `term`, an expression in i, over i < count.
#define SUM(total, count, term)                                                                   \
    do {                                                                                          \
        for (size_t start = 0; start < (count); start += block) {                                 \
            size_t end = (count) - start < block ? (count) : start + block;                       \
            float sums[lanes] = {0};                                                              \
            size_t whole = start + (end - start) / lanes * lanes;                                 \
            for (size_t first = start; first < whole; first += lanes) {                           \
                for (size_t lane = 0; lane < lanes; lane++) {                                     \
                    size_t i = first + lane;                                                      \
                    sums[lane] += (term);                                                         \
                }                                                                                 \
            }                                                                                     \
            for (size_t i = whole; i < end; i++) sums[i - whole] += (term);                       \
            (total) += sum_of_lanes(sums);                                                        \
        }                                                                                         \
    } while (0)

// The largest of scale * x; a NaN does not count, as it makes the sums that follow NaN anyway.
static inline __attribute__((always_inline)) float largest(const float *x, size_t count, float scale) {
    float maxima[lanes];
    for (size_t lane = 0; lane < lanes; lane++) maxima[lane] = -INFINITY;
    size_t whole = count / lanes * lanes;
    for (size_t first = 0; first < whole; first += lanes) {
        for (size_t lane = 0; lane < lanes; lane++) {
            float value = x[first + lane] * scale;
            maxima[lane] = value > maxima[lane] ? value : maxima[lane];
        }
    }
    for (size_t i = whole; i < count; i++) {
        float value = x[i] * scale;
        maxima[i - whole] = value > maxima[i - whole] ? value : maxima[i - whole];
    }
    float result = maxima[0];
    for (size_t lane = 1; lane < lanes; lane++) result = maxima[lane] > result ? maxima[lane] : result;
    return result;
}

static inline __attribute__((always_inline)) float inverse_rms(const float *x, size_t count, float epsilon) {
    double total = 0;
    SUM(total, count, x[i] * x[i]);
    return (float)(1 / sqrt(total / (double)count + (double)epsilon));
}

CNK_CLONES
void cnk_rms_norm(const float *x, const float *gain, size_t count, float epsilon, float *target) {
    float r = inverse_rms(x, count, epsilon);
    for (size_t i = 0; i < count; i++) target[i] = x[i] * r * gain[i];
}

CNK_CLONES
void cnk_rms_norm_backward(
    const float *dy, const float *x, const float *gain, size_t count, float epsilon, float *dx) {
    float r = inverse_rms(x, count, epsilon);
    double total = 0;
    SUM(total, count, dy[i] * gain[i] * x[i]);
    float c = (float)((double)r * r * r * total / (double)count);
    for (size_t i = 0; i < count; i++) dx[i] += r * (gain[i] * dy[i]) - c * x[i];
}

CNK_CLONES
void cnk_rotate(float *x, const float *cosine, const float *sine, size_t half, float sign) {
    for (size_t i = 0; i < half; i++) {
        float a = x[i], b = x[i + half], s = sign * sine[i];
        x[i] = a * cosine[i] - b * s;
        x[i + half] = b * cosine[i] + a * s;
    }
}

CNK_CLONES
void cnk_swiglu(const float *gate, const float *up, size_t count, float *target) {
    for (size_t i = 0; i < count; i++) target[i] = gate[i] * sigmoid(gate[i]) * up[i];
}

CNK_CLONES
void cnk_swiglu_backward(
    const float *gradient, const float *gate, const float *up, size_t count, float *gate_gradient,
    float *up_gradient) {
    for (size_t i = 0; i < count; i++) {
        float g = gate[i], u = up[i], d = gradient[i], s = sigmoid(g);
        gate_gradient[i] = d * u * (s * (1.0f + g * (1.0f - s)));
        up_gradient[i] = d * (g * s);
    }
}

CNK_CLONES
float cnk_softmax(float *scores, size_t count, size_t width, float scale) {
    float maximum = largest(scores, count, scale);
    for (size_t i = 0; i < count; i++) scores[i] = exp_of_negative(scores[i] * scale - maximum);
    double total = 0;
    SUM(total, count, scores[i]);
    float inverse = (float)(1 / total);
    for (size_t i = 0; i < count; i++) scores[i] *= inverse;
    for (size_t i = count; i < width; i++) scores[i] = 0;
    return (float)(log(total) + (double)maximum);
}

CNK_CLONES
void cnk_softmax_backward(
    float *scores, float *gradient, size_t count, size_t width, float scale, float lse, float mean) {
    for (size_t i = 0; i < count; i++) {
        float exponent = scores[i] * scale - lse;
        // Rounding may put a weight of 1 above it.
        float p = exp_of_negative(exponent > 0 ? 0 : exponent);
        scores[i] = p;
        gradient[i] = p * (gradient[i] - mean);
    }
    for (size_t i = count; i < width; i++) scores[i] = gradient[i] = 0;
}

CNK_CLONES
double cnk_cross_entropy(float *logits, size_t count, size_t target, float weight) {
    float maximum = largest(logits, count, 1);
    double score = (double)logits[target] - (double)maximum;
    for (size_t i = 0; i < count; i++) logits[i] = exp_of_negative(logits[i] - maximum);
    double total = 0;
    SUM(total, count, logits[i]);
    float factor = (float)((double)weight / total);
    for (size_t i = 0; i < count; i++) logits[i] *= factor;
    logits[target] -= weight;
    return log(total) - score;
}

CNK_CLONES
double cnk_cross_entropy_loss(const float *logits, size_t count, size_t target) {
    float maximum = largest(logits, count, 1);
    double total = 0;
    SUM(total, count, exp_of_negative(logits[i] - maximum));
    return log(total) - ((double)logits[target] - (double)maximum);
}

CNK_CLONES
double cnk_dot(const float *x, const float *y, size_t count) {
    double total = 0;
    SUM(total, count, x[i] * y[i]);
    return total;
}

CNK_CLONES
void cnk_add(const float *x, float scale, float *y, size_t count) {
    for (size_t i = 0; i < count; i++) y[i] += scale * x[i];
}

CNK_CLONES
void cnk_multiply_elements(const float *x, const float *factors, int adds, float *y, size_t count) {
    if (adds) {
        for (size_t i = 0; i < count; i++) y[i] += x[i] * factors[i];
    } else {
        for (size_t i = 0; i < count; i++) y[i] = x[i] * factors[i];
    }
}

// The finaliser of MurmurHash3, twice, with half of the key each time.
CNK_CLONES
void cnk_drop(const float *x, size_t count, uint32_t threshold, uint64_t key, float scale, float *target) {
    const uint32_t low = (uint32_t)key, high = (uint32_t)(key >> 32);
    for (size_t i = 0; i < count; i++) {
        uint32_t h = (uint32_t)i * 0x9E3779B9u ^ low;
        h = (h ^ (h >> 16)) * 0x85EBCA6Bu;
        h = (h ^ (h >> 13)) * 0xC2B2AE35u;
        h = (h ^ (h >> 16)) + high;
        h = (h ^ (h >> 16)) * 0x85EBCA6Bu;
        h = (h ^ (h >> 13)) * 0xC2B2AE35u;
        h ^= h >> 16;
        target[i] = h < threshold ? 0.0f : x[i] * scale;
    }
}

CNK_CLONES
void cnk_adamw(
    float *parameter, const float *gradient, float *first, float *second, size_t count,
    const cnk_adamw_constants *constants) {
    const cnk_adamw_constants c = *constants;
    for (size_t i = 0; i < count; i++) {
        float g = gradient[i] * c.gradient_scale;
        float m = first[i] * c.beta1 + g * (1.0f - c.beta1);
        float v = second[i] * c.beta2 + g * g * (1.0f - c.beta2);
        first[i] = m;
        second[i] = v;
        float denominator = __builtin_elementwise_sqrt(v) / c.second_correction + c.epsilon;
        parameter[i] = parameter[i] * c.decay - c.step_size * (m / denominator);
    }
}

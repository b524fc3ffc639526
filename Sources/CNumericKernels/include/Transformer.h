#ifndef CNK_TRANSFORMER_H
#define CNK_TRANSFORMER_H

#include <stddef.h>
#include <stdint.h>

/// What a transformer computes beside matrix products, forward and backward, a row or a run of elements at a time.
/// Sums are taken in 16 lanes of binary32 over at most 512 elements and from there in binary64, in one fixed order.

/// target[i] = x[i] / sqrt(mean(x^2) + epsilon) * gain[i]. May be done in place.
void cnk_rms_norm(
    const float *_Nonnull x, const float *_Nonnull gain, size_t count, float epsilon, float *_Nonnull target);

/// Adds to dx what the gradient dy of cnk_rms_norm's result means for its argument x.
void cnk_rms_norm_backward(
    const float *_Nonnull dy, const float *_Nonnull x, const float *_Nonnull gain, size_t count, float epsilon,
    float *_Nonnull dx);

/// Rotates the pairs (x[i], x[i + half]) by the angles whose cosines and sines are given; by their negatives when
/// sign is -1. In place.
void cnk_rotate(float *_Nonnull x, const float *_Nonnull cosine, const float *_Nonnull sine, size_t half, float sign);

/// target[i] = gate[i] * sigmoid(gate[i]) * up[i].
void cnk_swiglu(const float *_Nonnull gate, const float *_Nonnull up, size_t count, float *_Nonnull target);

/// The gradients of gate and up for the gradient of cnk_swiglu's result; they may replace gate and up.
void cnk_swiglu_backward(
    const float *_Nonnull gradient, const float *_Nonnull gate, const float *_Nonnull up, size_t count,
    float *_Nonnull gate_gradient, float *_Nonnull up_gradient);

/// Replaces the first `count` scores of a row by softmax(scale * score) and the rest up to `width` by 0.
/// Returns log(sum(exp(scale * score))).
float cnk_softmax(float *_Nonnull scores, size_t count, size_t width, float scale);

/// From scores and the gradient of attention weights, both `count` wide: scores become the weights
/// p = exp(scale * score - lse), and the gradient becomes that of scale * score, p * (gradient - mean). The rest up to
/// `width` becomes 0.
void cnk_softmax_backward(
    float *_Nonnull scores, float *_Nonnull gradient, size_t count, size_t width, float scale, float lse, float mean);

/// Replaces a row of logits by weight * (softmax - one-hot(target)); returns the cross entropy of the target.
double cnk_cross_entropy(float *_Nonnull logits, size_t count, size_t target, float weight);

/// The cross entropy alone.
double cnk_cross_entropy_loss(const float *_Nonnull logits, size_t count, size_t target);

/// The sum of x[i] * y[i].
double cnk_dot(const float *_Nonnull x, const float *_Nonnull y, size_t count);

/// y[i] += scale * x[i].
void cnk_add(const float *_Nonnull x, float scale, float *_Nonnull y, size_t count);

/// y[i] = x[i] * factors[i], or y[i] += when `adds` is not 0.
void cnk_multiply_elements(
    const float *_Nonnull x, const float *_Nonnull factors, int adds, float *_Nonnull y, size_t count);

/// target[i] = 0 where a 32-bit hash of key and i is below `threshold`, else scale * x[i]. May be done in place.
void cnk_drop(
    const float *_Nonnull x, size_t count, uint32_t threshold, uint64_t key, float scale, float *_Nonnull target);

/// The constants of one AdamW step.
typedef struct {
    float gradient_scale;
    float beta1;
    float beta2;
    /// 1 - learning rate * weight decay
    float decay;
    /// learning rate / (1 - beta1^t)
    float step_size;
    /// sqrt(1 - beta2^t)
    float second_correction;
    float epsilon;
} cnk_adamw_constants;

/// One AdamW step (arXiv 1711.05101, with decay before the update as in PyTorch).
void cnk_adamw(
    float *_Nonnull parameter, const float *_Nonnull gradient, float *_Nonnull first, float *_Nonnull second,
    size_t count, const cnk_adamw_constants *_Nonnull constants);

#endif

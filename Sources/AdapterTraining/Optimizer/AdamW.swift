/// AdamW (Loshchilov and Hutter, arXiv 1711.05101) in the order of operations of PyTorch's: decay before the update,
/// both corrections, ε added to the corrected root.
package struct AdamW: Hashable, Sendable {
    /// The decay of the mean of gradients.
    package var beta1 = 0.9
    /// The decay of the mean of their squares.
    package var beta2 = 0.999
    /// What keeps the denominator above 0.
    package var epsilon = 1e-8
    /// The part of each value that a step takes away at learning rate 1.
    package var weightDecay = 0.0
    /// How much larger the learning rate of B is than that of A (LoRA+, arXiv 2402.12354).
    package var ratioOfB = 1.0

    package init() {}

    /// The factor that brings gradients of a norm to at most a limit, as torch's `clip_grad_norm_` has it.
    package static func clippingFactor(norm: Double, limit: Double?) -> Double {
        limit.map { min(1, $0 / (norm + 1e-6)) } ?? 1
    }

    /// Takes one step.
    ///
    /// - Parameters:
    ///   - number: which step it is, from 1 on.
    ///   - gradientScale: the factor that clips gradients.
    package func step<Element>(
        _ updates: LowRankUpdates<Element>, number: Int, learningRate: Double, gradientScale: Double,
        _ workers: Workers
    ) {
        // As the moments know them: 1 − β₂ of a β₂ in binary32 is off by 1e-5.
        let (beta1, beta2) = (Double(Element(beta1)), Double(Element(beta2)))
        let correction1 = 1 - power(beta1, Double(number))
        let correction2 = (1 - power(beta2, Double(number))).squareRoot()
        workers.forEach(3 * updates.updates.count) { task, _ in
            let update = updates.updates[task / 3]
            let range = [update.aRange, update.bRange, update.magnitudeRange][task % 3]
            let rate = task % 3 == 1 ? learningRate * ratioOfB : learningRate
            Element.adamW(
                updates.values.columns(range), gradient: updates.gradients.columns(range),
                first: updates.firstMoments.columns(range), second: updates.secondMoments.columns(range),
                AdamWConstants(
                    gradientScale: gradientScale, beta1: beta1, beta2: beta2, decay: 1 - rate * weightDecay,
                    stepSize: rate / correction1, secondCorrection: correction2, epsilon: epsilon))
        }
    }
}

extension LowRankUpdates {
    /// The Euclidean norm of each update's gradients.
    package func gradientNorms(_ workers: Workers) -> [Double] {
        var norms = [Double](repeating: 0, count: updates.count)
        unsafe norms.withUnsafeMutableBufferPointer { norms in
            nonisolated(unsafe) let norms = unsafe norms
            workers.forEach(updates.count) { task, _ in
                let update = updates[task]
                let squares = [update.aRange, update.bRange, update.magnitudeRange].reduce(0) { sum, range in
                    let part = gradients.columns(range)
                    return sum + Element.dot(part, part)
                }
                unsafe norms[task] = squares.squareRoot()
            }
        }
        return norms
    }
}

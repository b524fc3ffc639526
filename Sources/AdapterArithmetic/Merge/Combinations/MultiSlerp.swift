import Glibc

/// Barycentric interpolation on a sphere, as mergekit's `multislerp`.
///
/// The unit vectors are projected onto the tangent space at their normalised weighted mean, averaged there, brought back
/// by the exponential map, and scaled by the weighted mean of the norms.
struct MultiSlerp: CombinationRule {
    /// mergekit's `eps`, which keeps zero vectors from a division by 0.
    private static let epsilon = 1e-8
    let inputCounts = 1...Int.max

    func coefficients(_ gram: Gram, weights: [Double]) throws -> [Double] {
        let weights = try normalized(weights, method: "multislerp")
        let (norms, cosines) = (gram.norms, gram.cosines)
        let sum = Gram.norm(weights, cosines)
        guard sum >= MultiSlerp.epsilon else {
            if weights.count == 2 { return weights }
            throw ArithmeticError(
                .invalidWeight,
                "Unable to merge by multislerp: the weighted directions cancel out, so they have no mean. "
                    + "Use other weights.")
        }
        // Every vector below is a combination of the unit vectors.
        let mean = weights.map { $0 / sum }
        let dots = cosines.map { row in zip(row, mean).reduce(0) { $0 + $1.0 * $1.1 } }
        let along = zip(weights, dots).reduce(0) { $0 + $1.0 * $1.1 }
        let tangent = zip(weights, mean).map { $0 - along * $1 }
        let angle = Gram.norm(tangent, cosines) + MultiSlerp.epsilon
        let size = zip(weights, norms).reduce(0) { $0 + $1.0 * $1.1 }
        return gram.products.indices.map { index in
            guard norms[index] > 0 else { return 0 }
            return size * (mean[index] * cos(angle) + tangent[index] * sin(angle) / angle) / norms[index]
        }
    }
}

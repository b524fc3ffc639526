/// Model Stock (arXiv 2403.19522), as mergekit's `model_stock`: the mean, shrunk towards the base model by
/// t = N·c / (1 + (N − 1)·c), c the mean cosine of all pairs.
struct ModelStock: CombinationRule {
    let inputCounts = 2...Int.max

    func coefficients(_ gram: Gram, weights: [Double]) throws -> [Double] {
        guard weights.allSatisfy({ $0 == weights[0] }) else {
            throw ArithmeticError(
                .invalidWeight,
                "Unable to merge by model-stock: it finds the weights by itself. Give every adapter the same.")
        }
        let cosines = gram.cosines
        let pairs = cosines.indices.flatMap { row in cosines.indices.dropFirst(row + 1).map { cosines[row][$0] } }
        let mean = pairs.reduce(0, +) / Double(pairs.count)
        let count = Double(gram.count)
        let denominator = 1 + (count - 1) * mean
        // Opposing adapters: no finite estimate exists, and the base model is kept.
        let share = denominator.magnitude < 1e-6 ? 0 : count * mean / denominator
        return weights.map { _ in share / count }
    }
}

internal import Adapters

/// How ranks are given to layers before training; the number of parameters stays about the same.
public enum RankAllocation: String, Sendable, CaseIterable {
    /// Every layer gets the same rank.
    case uniform
    /// Layers get directions of their inputs in the order of the variance that these explain (EVA, arXiv 2410.07170).
    case eva
    /// Layers get ranks by the importance of their weights (GoRA, arXiv 2502.12171).
    case gora
    /// Layers train with twice their rank; what is kept of each afterwards loses the least of ΔW.
    case resize

    /// How many times the rank that is asked for is trained before it is resized.
    private static let trainingRatio = 2

    /// Updates with ranks from the explained variances: the largest ratios of all layers win, as many as there were
    /// ranks. The scaling of each stays. Layers that win nothing are left as they are.
    static func byVariance(
        _ specifications: [UpdateSpecification], _ ratios: (UpdateSpecification) -> [Double]
    ) -> [UpdateSpecification] {
        let budget = specifications.reduce(0) { $0 + $1.rank }
        let pool = specifications.indices.flatMap { index in ratios(specifications[index]).map { (index, $0) } }
        // Earlier layers first where ratios are equal.
        let winners = pool.enumerated().sorted { ($1.element.1, $0.offset) < ($0.element.1, $1.offset) }.prefix(budget)
        var ranks = [Int](repeating: 0, count: specifications.count)
        for winner in winners { ranks[winner.element.0] += 1 }
        return resized(specifications, ranks)
    }

    /// Updates with ranks from importances: a layer's part of the budget Σ √(in + out) · r, in units of √(in + out),
    /// between half and four times the rank that was asked for.
    static func byImportance(
        _ specifications: [UpdateSpecification], _ importance: (UpdateSpecification) -> Double
    ) throws -> [UpdateSpecification] {
        let importances = specifications.map(importance)
        let total = importances.reduce(0, +)
        guard total.isFinite, total > 0 else {
            throw TrainingError(.nonFinite, "Unable to give ranks by importance: the importances are not finite.")
        }
        func unit(_ specification: UpdateSpecification) -> Double {
            Double(specification.inputCount + specification.outputCount).squareRoot()
        }
        let budget = specifications.reduce(0) { $0 + unit($1) * Double($1.rank) }
        let ranks = zip(specifications, importances).map { specification, importance in
            let rank = Int((budget * importance / total / unit(specification)).rounded())
            let limit = min(4 * specification.rank, specification.inputCount, specification.outputCount)
            return min(limit, max((specification.rank + 1) / 2, rank))
        }
        return resized(specifications, ranks)
    }

    /// Updates with the ranks that are trained before they are resized, no larger than the weight's.
    static func beforeResizing(_ specifications: [UpdateSpecification]) -> [UpdateSpecification] {
        resized(
            specifications,
            specifications.map { min(trainingRatio * $0.rank, $0.inputCount, $0.outputCount) })
    }

    /// The number of values in A and B of updates with the ranks that are asked for.
    static func parameterCount(_ specifications: [UpdateSpecification]) -> Int {
        specifications.reduce(0) { $0 + $1.rank * ($1.inputCount + $1.outputCount) }
    }

    /// α moves with the rank so that the scaling stays.
    private static func resized(_ specifications: [UpdateSpecification], _ ranks: [Int]) -> [UpdateSpecification] {
        zip(specifications, ranks).compactMap { specification, rank in
            guard rank > 0 else { return nil }
            var resized = specification
            resized.rank = rank
            resized.alpha = specification.scaling / specification.scalingRule.scaling(alpha: 1, rank: rank)
            return resized
        }
    }
}

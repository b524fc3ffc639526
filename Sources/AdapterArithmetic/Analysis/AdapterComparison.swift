import Adapters
import Tensors

/// How several adapters lie to each other, before anybody merges them.
public struct AdapterComparison: Hashable, Sendable {
    /// What messages call the adapters, in the order in which they were given.
    public let labels: [String]
    /// The modules that any of them adapts, ascending by name.
    public let modules: [ModuleComparison]

    /// ⟨ΔWᵢ, ΔWⱼ⟩ over all modules.
    public var products: [[Double]] {
        labels.indices.map { row in
            labels.indices.map { column in modules.reduce(0) { $0 + $1.products[row][column] } }
        }
    }

    /// ‖ΔWᵢ‖_F over all modules.
    public var norms: [Double] { Gram(products).norms }

    /// The cosines of the angles between the ΔW over all modules.
    public var cosines: [[Double]] { Gram(products).cosines }

    /// The share of signs that conflict among all adapters, and its standard error.
    public var signConflict: (rate: Double, standardError: Double) {
        SignConflict.total(modules.compactMap(\.signConflict))
    }

    /// Two adapters over all modules that both adapt.
    public struct Pair: Hashable, Sendable {
        /// The positions of both.
        public let first: Int
        /// The larger position.
        public let second: Int
        /// The cosine of the angle between both ΔW.
        public let cosine: Double
        /// The overlap of the column spaces.
        public let columnOverlap: Double
        /// The overlap that random spaces would have.
        public let columnOverlapByChance: Double
        /// The overlap of the row spaces.
        public let rowOverlap: Double
        /// The overlap that random spaces would have.
        public let rowOverlapByChance: Double
        /// The share of signs that conflict.
        public let signConflictRate: Double
        /// Its standard error.
        public let signConflictError: Double
        /// The modules that both adapt.
        public let moduleCount: Int
    }

    /// Each two adapters.
    public var pairs: [Pair] {
        let cosines = cosines
        return labels.indices.flatMap { first in
            labels.indices.dropFirst(first + 1).map { second in
                let shared = modules.compactMap { $0.pairs.first { $0.first == first && $0.second == second } }
                let (rate, error) = SignConflict.total(shared.map(\.signConflict))
                return Pair(
                    first: first, second: second, cosine: cosines[first][second],
                    columnOverlap: AdapterComparison.mean(shared.map { ($0.columnSpaces, $0.columnSpaces.overlap) }),
                    columnOverlapByChance: AdapterComparison.mean(
                        shared.map { ($0.columnSpaces, $0.columnSpaces.overlapByChance) }),
                    rowOverlap: AdapterComparison.mean(shared.map { ($0.rowSpaces, $0.rowSpaces.overlap) }),
                    rowOverlapByChance: AdapterComparison.mean(
                        shared.map { ($0.rowSpaces, $0.rowSpaces.overlapByChance) }),
                    signConflictRate: rate, signConflictError: error, moduleCount: shared.count)
            }
        }
    }

    /// The mean over modules, each with the weight of its smaller space.
    private static func mean(_ relations: [(SubspaceRelation, Double)]) -> Double {
        let sum = relations.reduce(0) { $0 + $1.0.angles.count }
        return sum == 0 ? 0 : relations.reduce(0) { $0 + $1.1 * Double($1.0.angles.count) } / Double(sum)
    }
}

extension AdapterComparison {
    /// Compares two adapters or more, from their factors.
    ///
    /// Weights have no part in this. Only A and B count.
    ///
    /// - Parameters:
    ///   - countsEverySign: whether signs are counted over all elements of ΔW, which takes O(m·n·r) for each weight;
    ///     otherwise weights of more than 2²⁰ elements are sampled.
    ///   - seed: keys the choice of the sample.
    ///   - progress: told how many bytes of factors are done.
    /// - Throws: ``ArithmeticError``: `noInput` for fewer than two, `differentBase`, `shapeMismatch`, `nonFinite`,
    ///   `overflow` or `limitExceeded`; what reading throws.
    /// - Complexity: O((m + n)·R²) for each m × n weight with R the sum of the ranks, but for the signs.
    public init(
        of inputs: [MergeInput], countsEverySign: Bool = false, seed: UInt64 = 0, allowsDifferentBase: Bool = false,
        progress: @Sendable (Int) -> Void = { _ in }
    ) throws {
        guard inputs.count > 1 else {
            throw ArithmeticError(.noInput, "Unable to compare: one adapter is given. Name at least two.")
        }
        if !allowsDifferentBase { try AdapterComparison.requireOneBase(inputs) }
        let signs = SignCount(isExact: countsEverySign, seed: seed)
        labels = inputs.map(\.label)
        modules = try Concurrent.map(try ModuleTerms.common(inputs)) { module in
            let comparison = try module.describingErrors { try ModuleComparison(module, signs: signs) }
            progress(module.factorByteCount)
            return comparison
        }
    }

    /// Throws when two adapters are known to belong to different base models.
    static func requireOneBase(_ inputs: [MergeInput]) throws {
        for (index, input) in inputs.enumerated() {
            for other in inputs.dropFirst(index + 1) where !input.adapter.base.isCompatible(with: other.adapter.base) {
                throw ArithmeticError(
                    .differentBase,
                    "Unable to compare '\(input.label)' and '\(other.label)': they were trained on "
                        + "\(input.adapter.base.summary) and on \(other.adapter.base.summary). "
                        + "Use --allow-different-base if these are one model.")
            }
        }
    }
}

import Adapters
import LinearAlgebra
import Tensors

/// How the low-rank update of one module comes about; decided before anything is computed.
struct ModulePlan: Sendable {
    /// One input's share.
    struct Term: Sendable {
        let label: String
        let update: LowRankUpdate
        /// The factor of B·A in the sum: weight · scaling.
        let coefficient: Double
    }

    /// What is done with the factors.
    enum Action: Sendable {
        /// The only input's A and B stay as they are, bit for bit.
        case keep
        /// Factors are stacked; A's elements change at most in type, B's also take the coefficient.
        case stack
        /// A singular value decomposition makes new factors.
        case truncate
    }

    /// The module's name.
    let name: String
    /// The shares, at least one; all of the same kind and shape.
    let terms: [Term]
    /// The common shape.
    let layout: SliceLayout
    /// What is done with the factors.
    var action: Action
    /// The rank of the result.
    var rank: Int
    /// The element type of the result's factors.
    let dtype: DType
    /// Whether the coefficient stays outside the factors, in alpha; only with a single term.
    var keepsScalingOutside: Bool
    /// The weight that multiplies alpha when the coefficient stays outside.
    let weight: Double

    /// The sum of the inputs' ranks.
    var stackedRank: Int { terms.reduce(0) { $0 + $1.update.rank } }

    /// The largest rank that the weight can have.
    var capacity: Int { max(1, min(stackedRank, layout.rows, layout.columns)) }

    /// What multiplies B in the stored factors.
    func innerCoefficient(_ term: Term) -> Double { keepsScalingOutside ? 1 : term.coefficient }

    /// What multiplies the product of the stored factors.
    var outerCoefficient: Double { keepsScalingOutside ? terms[0].coefficient : 1 }

    /// α and its rule of the result.
    ///
    /// A single input keeps its rule, so that a configuration that knows one rule for all modules still fits.
    var scaling: (alpha: Double, rule: ScalingRule) {
        let first = terms[0].update
        if keepsScalingOutside { return (weight == 1 ? first.alpha : weight * first.alpha, first.scalingRule) }
        if terms.count == 1, first.scalingRule == .alphaOverSquareRootOfRank {
            return (Double(rank).squareRoot(), .alphaOverSquareRootOfRank)
        }
        return (Double(rank), .alphaOverRank)
    }
}

extension ModulePlan {
    /// Throws when the module would need more memory than any sensible adapter.
    func checkMemory() throws {
        let inner = stackedRank
        guard layout.fitsMemory(inner: inner, storesAll: action != .keep) else {
            throw ArithmeticError(
                .limitExceeded,
                "Unable to merge the module '\(name)': the ranks add up to \(inner) for a weight of "
                    + "\(layout.rows) × \(layout.columns), too many to compute with. Merge fewer adapters at once.",
                module: name)
        }
    }

    /// The stacked factors of one slice, with the coefficients in B.
    func factors(ofSlice slice: Int) throws -> FactorPair {
        let parts = try terms.map { term in
            let coefficient = innerCoefficient(term)
            let part = try TermSlice(term, slice, of: self)
            return (part.b.map { $0 * coefficient }, part)
        }
        return FactorPair(
            b: try .horizontally(
                parts.map { try Matrix(rows: layout.rows, columns: $1.inner, rowMajor: $0) }),
            aTransposed: try .horizontally(
                parts.map { try Matrix(rows: layout.columns, columns: $1.inner, columnMajor: $1.a) }))
    }

    /// The rank that keeps what the options ask for: the largest that any slice needs, at least 1.
    func requiredRank(_ options: MergeOptions) throws -> Int {
        try checkMemory()
        return try describingErrors {
            var required = 1
            for slice in 0..<layout.count {
                let spectrum = try factors(ofSlice: slice).spectrum()
                required = max(required, ModulePlan.rank(keeping: options.energy ?? 1, of: spectrum))
            }
            return min(required, options.rank ?? required)
        }
    }

    /// The smallest k such that the first k of the descending values hold the share `energy` of the sum of squares.
    static func rank(keeping energy: Double, of spectrum: [Double]) -> Int {
        guard let largest = spectrum.first, largest > 0 else { return 0 }
        let squares = spectrum.map { ($0 / largest) * ($0 / largest) }
        // Summed from the small end, so that the tail is exact where it decides.
        let total = squares.reversed().reduce(0, +)
        var rank = squares.count
        var tail = 0.0
        while rank > 1, tail + squares[rank - 1] <= (1 - energy) * total {
            tail += squares[rank - 1]
            rank -= 1
        }
        return rank
    }

    /// Runs the body and says in its errors which module they are about.
    func describingErrors<Result>(_ body: () throws -> Result) throws -> Result {
        try ArithmeticError.describing(
            "merge", module: name, overflowRemedy: dtype == .f16 ? "Use --dtype bf16 or f32." : "Use smaller weights.",
            dtype: dtype, body)
    }
}

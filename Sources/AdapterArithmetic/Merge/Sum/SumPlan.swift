import Adapters
import LinearAlgebra
import Tensors

/// The update of one module as a linear combination of others: exact on factors.
struct SumPlan: UpdatePlan {
    /// What is done with the factors.
    enum Action: Sendable {
        /// The only input's A and B stay as they are, bit for bit.
        case keep
        /// Factors are stacked; A's elements change at most in type, B's also take the coefficient.
        case stack
        /// A singular value decomposition makes new factors.
        case truncate
    }

    let module: ModuleTerms
    /// What finds the coefficients when the module is computed; nil when they are the weights.
    let rule: (any CombinationRule)?
    /// What is done with the factors.
    var action: Action
    var rank: Int
    /// Whether the coefficient stays outside the factors, in alpha; only with a single term.
    var keepsScalingOutside: Bool
    /// What was found about the slices when the rank was chosen, where that is small.
    private(set) var found: [FactorPair.Decomposition] = []

    init(
        module: ModuleTerms, rule: (any CombinationRule)?, action: Action, rank: Int, keepsScalingOutside: Bool
    ) {
        self.module = module
        self.rule = rule
        self.action = action
        self.rank = rank
        self.keepsScalingOutside = keepsScalingOutside
    }

    var keepsFactors: Bool { action == .keep }
    var passesFactorsOn: Bool { keepsFactors && module.layout.count == 1 && elementCount <= SumPlan.largestPassedOn }

    /// The most elements of what is kept of a module until it is computed.
    private static let largestFound = 1 << 16
    /// The most elements of kept factors that are held while they are measured and written.
    private static let largestPassedOn = 1 << 22

    /// What multiplies the product of the stored factors.
    var outerCoefficient: Double { keepsScalingOutside ? module.terms[0].coefficient : 1 }

    var scaling: (alpha: Double, rule: ScalingRule) {
        let first = module.terms[0]
        if keepsScalingOutside {
            let alpha = first.update.alpha
            return (first.weight == 1 ? alpha : first.weight * alpha, first.update.scalingRule)
        }
        if module.terms.count == 1, first.update.scalingRule == .alphaOverSquareRootOfRank {
            return (Double(rank).squareRoot(), .alphaOverSquareRootOfRank)
        }
        return (Double(rank), .alphaOverRank)
    }
}

extension SumPlan {
    /// What multiplies each term's B in the stored factors.
    ///
    /// - Throws: ``ArithmeticError``, and what reading the inputs throws; reads them only when there is a rule.
    func innerCoefficients() throws -> [Double] {
        if keepsScalingOutside { return [1] }
        guard let rule else { return module.terms.map(\.coefficient) }
        let found = try rule.coefficients(try Gram(module), weights: module.weights)
        return module.terms.map { found[$0.position] * $0.update.scaling }
    }

    /// The stacked factors of one slice, with the coefficients in B.
    func factors(ofSlice slice: Int, _ coefficients: [Double]) throws -> FactorPair {
        let parts = try module.parts(ofSlice: slice)
        let (layout, dtype) = (module.layout, module.terms[0].update.a.dtype)
        if TermSlice.hasPanels(dtype),
            module.terms.allSatisfy({ $0.update.a.dtype == dtype && $0.update.b.dtype == dtype })
        {
            return try TermSlice.stacked(parts, coefficients, rows: layout.rows, columns: layout.columns, dtype)
        }
        let pairs = try zip(coefficients, parts).map { coefficient, part in
            try module.pair(a: part.a, b: part.b.map { $0 * coefficient }, inner: part.inner)
        }
        return FactorPair(
            b: try .horizontally(pairs.map(\.b)), aTransposed: try .horizontally(pairs.map(\.aTransposed)))
    }

    /// The rank that keeps what the options ask for: the largest that any slice needs, at least 1.
    ///
    /// What it takes to find it is kept, so that computing the module does not begin anew.
    mutating func requiredRank(_ options: MergeOptions) throws -> Int {
        var required = 1
        try forEachSlice { slice, factors in
            let decomposition = try factors.decomposed()
            required = max(required, Spectrum.rank(keeping: options.energy ?? 1, of: decomposition.values))
            let elementCount = 4 * module.stackedRank * module.stackedRank * module.layout.count
            // Those of all slices, or none.
            if decomposition.isSmall, elementCount <= SumPlan.largestFound, found.count == slice {
                found.append(decomposition)
            }
        }
        if found.count < module.layout.count { found = [] }
        return min(required, options.rank(of: module.name) ?? .max)
    }

    /// The singular values of each slice, descending; those that are noise are 0.
    func spectra() throws -> [[Double]] {
        var spectra: [[Double]] = []
        try forEachSlice { spectra.append(try $1.spectrum()) }
        return spectra
    }

    private func forEachSlice(_ body: (Int, FactorPair) throws -> Void) throws {
        try module.checkMemory(storesAll: !keepsFactors)
        try module.describingErrors {
            let coefficients = try innerCoefficients()
            for slice in 0..<module.layout.count { try body(slice, try factors(ofSlice: slice, coefficients)) }
        }
    }
}

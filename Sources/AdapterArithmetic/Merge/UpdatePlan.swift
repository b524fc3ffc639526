import Adapters

/// How the low-rank update of one module comes about; decided before anything is computed.
protocol UpdatePlan: ModuleComputation {
    /// What it is made of.
    var module: ModuleTerms { get }
    /// The rank of the result.
    var rank: Int { get }
    /// Whether the only input's A and B stay as they are, bit for bit.
    var keepsFactors: Bool { get }
    /// Whether the computed module holds the kept factors too, so that they are read once to be measured and written.
    var passesFactorsOn: Bool { get }
    /// Whether the only input's weight stays outside the factors, in alpha.
    var keepsScalingOutside: Bool { get }
    /// α and its rule of the result.
    var scaling: (alpha: Double, rule: ScalingRule) { get }
}

extension UpdatePlan {
    var keepsFactors: Bool { false }
    var passesFactorsOn: Bool { false }
    var keepsScalingOutside: Bool { false }
    var elementCount: Int {
        // Extents come from files: what overflows is more than any limit.
        let (sides, overflow) = (module.layout.rows + module.layout.columns)
            .multipliedReportingOverflow(by: module.stackedRank + rank)
        let (product, exceeds) = sides.multipliedReportingOverflow(by: module.layout.count)
        return overflow || exceeds ? .max / 2 : product
    }

    /// A scaling of 1.
    ///
    /// A single input keeps its rule, so that a configuration that knows one rule for all modules still fits.
    var scaling: (alpha: Double, rule: ScalingRule) {
        module.terms.count == 1 && module.terms[0].update.scalingRule == .alphaOverSquareRootOfRank
            ? (Double(rank).squareRoot(), .alphaOverSquareRootOfRank) : (Double(rank), .alphaOverRank)
    }
}

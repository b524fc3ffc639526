import LinearAlgebra

/// A rule on the elements of ΔW: computed in tiles as often as needed and never held, then compressed to factors.
struct ElementMerge: ApproximationRule {
    let rule: any ElementRule

    var usesAllProcessors: Bool { true }
    var rankDependence: RankDependence { .sketch }

    /// The result has full rank.
    func largestRank(_ module: ModuleTerms) -> Int { max(1, min(module.layout.rows, module.layout.columns)) }

    /// As much as the largest input has.
    func defaultRank(_ module: ModuleTerms) -> Int { min(module.largestRank, largestRank(module)) }

    func approximation(_ module: ModuleTerms, slice: Int, rank: Int) throws -> Approximation {
        let elements = Elements(
            grid: ElementGrid(try UpdateElements(module, slice: slice)), weights: module.terms.map { Float($0.weight) },
            inputCount: module.weights.count, masks: MaskKeys(module: module, slice: slice, domain: .change))
        let merged = try MergedElements(rule, of: elements)
        return try Approximation(try RangeFinder(rank: rank).approximate(merged), rank: rank)
    }
}

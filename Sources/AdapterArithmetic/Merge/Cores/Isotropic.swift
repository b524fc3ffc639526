import LinearAlgebra

/// Iso-C (arXiv 2502.04959): the weighted sum U·S·Vᵀ with every singular value replaced by their mean.
///
/// The mean is over the singular values that are not 0, of which a sum of adapters has few, or over those that a smaller
/// rank keeps; so their sum stays. Over all min(m, n) of the full space it would be next to nothing, in directions that no
/// adapter has.
struct Isotropic: CoreRule {
    func merged(_ updates: [FactorPair], _ module: ModuleTerms, slice: Int, rank: Int) throws -> FactorPair {
        let sum = try FactorPair.sum(updates, module.terms.map(\.weight))
        let (u, values, v) = try sum.singularValueDecomposition()
        let kept = min(rank, values.count)
        let mean = kept == 0 ? 0 : values.prefix(kept).reduce(0, +) / Double(kept)
        return FactorPair(
            b: try u.columns(0..<kept).scalingColumns(by: [Double](repeating: mean, count: kept)),
            aTransposed: v.columns(0..<kept))
    }
}

import LinearAlgebra

/// Compress, then merge (arXiv 2606.03723): a shared subspace of the result's rank first, the leading left singular vectors
/// U of [ΔW₁ … ΔW_N] and the leading right ones V of the same updates one below the other; then the cores Uᵀ·ΔWᵢ·V are
/// merged, and U·M·Vᵀ is the result.
///
/// What is lost is measured against the exact sum.
struct CompressThenMerge: SubspaceRule {
    /// What merges the cores.
    var inner: CoreMerge

    var rankDependence: RankDependence { .other }

    /// As the inputs', since compression is the point.
    func defaultRank(_ module: ModuleTerms) -> Int { min(module.largestRank, module.capacity) }

    func bases(_ updates: [FactorPair], rank: Int) throws -> (u: Matrix, v: Matrix) {
        let left = try CommonBasis.left(updates).u
        let right = try CommonBasis.left(updates.map(\.transposed)).u
        return (left.columns(0..<min(rank, left.columns)), right.columns(0..<min(rank, right.columns)))
    }

    func approximation(_ module: ModuleTerms, slice: Int, rank: Int) throws -> Approximation {
        let updates = try module.updates(ofSlice: slice)
        let result = try merged(updates, module, slice: slice, rank: rank)
        let exact = try FactorPair.sum(updates, module.terms.map(\.weight))
        let difference = try exact.subtracting(result).spectrum()
        return try Approximation(
            result, rank: rank,
            loss: Loss(
                deltaNorm: try exact.norm(), truncationError: Matrix.norm(difference[...]),
                largestDropped: difference.first ?? 0))
    }
}

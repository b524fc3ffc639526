import LinearAlgebra

/// Compress, then merge (arXiv 2606.03723): a shared subspace of the result's rank first, the leading left singular vectors
/// U of [ΔW₁ … ΔW_N] and the leading right ones V of the same updates one below the other; then the cores Uᵀ·ΔWᵢ·V are
/// merged, and U·M·Vᵀ is the result.
///
/// What is lost is measured against the exact sum.
struct CompressThenMerge: ApproximationRule {
    /// What merges the cores; nil adds them.
    let inner: (any ElementRule)?

    var dependsOnRank: Bool { true }

    /// As the inputs', since compression is the point.
    func defaultRank(_ module: ModuleTerms) -> Int { min(module.largestRank, module.capacity) }

    func approximation(_ module: ModuleTerms, slice: Int, rank: Int) throws -> Approximation {
        let updates = try module.updates(ofSlice: slice)
        let left = try CommonBasis.left(updates).u
        let right = try CommonBasis.left(updates.map(\.transposed)).u
        let u = left.columns(0..<min(rank, left.columns))
        let v = right.columns(0..<min(rank, right.columns))
        let merged = try CoreElements(module: module, slice: slice).merged(
            updates.map { try $0.core(u, v) }, by: inner)
        let result = FactorPair(b: try u.product(merged), aTransposed: v)
        let exact = try FactorPair.sum(updates, module.terms.map(\.weight))
        let difference = try exact.subtracting(result).spectrum()
        return try Approximation(
            result, rank: rank,
            loss: Loss(
                deltaNorm: try exact.norm(), truncationError: Matrix.norm(difference[...]),
                largestDropped: difference.first ?? 0))
    }
}

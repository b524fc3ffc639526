import LinearAlgebra

/// Core Space (arXiv 2509.17786): U spans the columns of all sᵢ·Bᵢ, V the rows of all Aᵢ; the cores Uᵀ·ΔWᵢ·V are merged,
/// and U·M·Vᵀ is the result. Without loss when the inner method adds.
///
/// The authors leave the scalings sᵢ out; here they come first.
struct CoreSpace: SubspaceRule {
    /// What merges the cores.
    var inner: CoreMerge

    func bases(_ updates: [FactorPair], rank: Int) throws -> (u: Matrix, v: Matrix) {
        (try CommonBasis.columns(updates.map(\.b)), try CommonBasis.columns(updates.map(\.aTransposed)))
    }

    func approximation(_ module: ModuleTerms, slice: Int, rank: Int) throws -> Approximation {
        let result = try merged(try module.updates(ofSlice: slice), module, slice: slice, rank: rank)
        return try Approximation(result, rank: rank)
    }
}

import LinearAlgebra

/// Core Space (arXiv 2509.17786): U spans the columns of all sᵢ·Bᵢ, V the rows of all Aᵢ; the cores Uᵀ·ΔWᵢ·V are merged,
/// and U·M·Vᵀ is the result. Without loss when the inner method adds.
///
/// The authors leave the scalings sᵢ out; here they come first.
struct CoreSpace: ApproximationRule {
    /// What merges the cores; nil adds them.
    let inner: (any ElementRule)?

    func approximation(_ module: ModuleTerms, slice: Int, rank: Int) throws -> Approximation {
        let updates = try module.updates(ofSlice: slice)
        let u = try CommonBasis.columns(updates.map(\.b))
        let v = try CommonBasis.columns(updates.map(\.aTransposed))
        let cores = try updates.map { try $0.core(u, v) }
        let merged = try CoreElements(module: module, slice: slice).merged(cores, by: inner)
        return try Approximation(FactorPair(b: try u.product(merged), aTransposed: v), rank: rank)
    }
}

extension FactorPair {
    /// Uᵀ·B·A·V for orthonormal bases.
    func core(_ u: Matrix, _ v: Matrix) throws -> Matrix {
        try u.product(b, transposingSelf: true).product(
            v.product(aTransposed, transposingSelf: true), transposingOther: true)
    }
}

import LinearAlgebra

/// KnOTS (arXiv 2410.19735): with [ΔW₁ … ΔW_N] = U·S·[V₁ … V_N]ᵀ the parts S·Vᵢᵀ lie in one basis; they are merged
/// element by element, and U times the result is the merged update.
///
/// The authors drop singular values up to 10⁻⁵; here those go that cannot be told from 0, so that a scale does not decide.
struct KnOTS: CoreRule {
    /// What merges the parts.
    let inner: any ElementRule

    func merged(_ updates: [FactorPair], _ module: ModuleTerms, slice: Int, rank: Int) throws -> FactorPair {
        let (u, values, v) = try CommonBasis.left(updates)
        let parts = try v.map { try $0.scalingColumns(by: values).transposed() }
        let merged = try CoreElements(module: module, slice: slice).merged(parts, by: inner)
        return FactorPair(b: u, aTransposed: merged.transposed())
    }
}

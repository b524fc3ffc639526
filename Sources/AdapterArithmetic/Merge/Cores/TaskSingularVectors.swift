import LinearAlgebra

/// TSV-Merge (arXiv 2412.00081): of each of N updates UᵢSᵢVᵢᵀ the first ⌊min(m, n) / N⌋ singular triplets, side by side;
/// U and V are replaced by the nearest matrices with orthonormal columns, and U⊥·S·V⊥ᵀ is the result, with the weights in S.
///
/// Adapters seldom have more triplets than that, so mostly all of them take part.
struct TaskSingularVectors: CoreRule {
    func merged(_ updates: [FactorPair], _ module: ModuleTerms, slice: Int, rank: Int) throws -> FactorPair {
        let limit = max(1, min(updates[0].b.rows, updates[0].aTransposed.rows) / module.weights.count)
        var (u, v, values): ([Matrix], [Matrix], [Double]) = ([], [], [])
        for (term, update) in zip(module.terms, updates) {
            let decomposition = try update.singularValueDecomposition()
            let kept = min(limit, decomposition.values.count)
            u.append(decomposition.u.columns(0..<kept))
            v.append(decomposition.v.columns(0..<kept))
            values += decomposition.values.prefix(kept).map { term.weight * $0 }
        }
        let left = try Matrix.horizontally(u).nearestOrthonormal()
        let right = try Matrix.horizontally(v).nearestOrthonormal()
        return FactorPair(b: try left.scalingColumns(by: values), aTransposed: right)
    }
}

extension Matrix {
    /// The nearest matrix with orthonormal columns, P·Hᵀ of the singular value decomposition P·D·Hᵀ (the orthogonal
    /// Procrustes problem); directions whose singular value is noise are left out.
    func nearestOrthonormal() throws -> Matrix {
        let (q, r) = try qrFactorization()
        let decomposition = try r.singularValueDecomposition()
        let noise = 64 * Double.ulpOfOne * columnNorms.reduce(0, +)
        let count = decomposition.values.count { $0 > noise }
        return try q.product(decomposition.u.columns(0..<count)).product(decomposition.vTransposed.rows(0..<count))
    }
}

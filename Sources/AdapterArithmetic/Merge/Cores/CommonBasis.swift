import LinearAlgebra

/// Orthonormal directions that several updates share.
enum CommonBasis {
    /// The left singular vectors and values of [ΔW₁ … ΔW_N], side by side, without those that are noise, and for each
    /// update the matrix Vᵢ (n × k) of its right parts: ΔWᵢ = U·S·Vᵢᵀ.
    static func left(_ updates: [FactorPair]) throws -> (u: Matrix, values: [Double], v: [Matrix]) {
        let (qB, rB) = try Matrix.horizontally(updates.map(\.b)).qrFactorization()
        let sides = try updates.map { try $0.aTransposed.qrFactorization() }
        var start = 0
        let blocks = try zip(updates, sides).map { update, side in
            let columns = start..<start + update.b.columns
            start = columns.upperBound
            return try rB.columns(columns).product(side.r, transposingOther: true)
        }
        let decomposition = try Matrix.horizontally(blocks).singularValueDecomposition()
        let noise = try updates.reduce(0) { $0 + (try $1.noise()) }
        let count = decomposition.values.count { $0 > noise }
        let u = try qB.product(decomposition.u.columns(0..<count))
        let signs = u.orientations
        var row = 0
        let v = try sides.map { side in
            let rows = row..<row + side.q.columns
            row = rows.upperBound
            // Columns of the core's Vᵀ belong to the updates one after the other.
            let part = decomposition.vTransposed.rows(0..<count).columns(rows)
            return try side.q.product(part, transposingOther: true).scalingColumns(by: signs)
        }
        return (try u.scalingColumns(by: signs), Array(decomposition.values.prefix(count)), v)
    }

    /// An orthonormal basis of the columns of several matrices, side by side, without directions that are noise.
    static func columns(_ matrices: [Matrix]) throws -> Matrix {
        let all = try Matrix.horizontally(matrices)
        let (q, r) = try all.qrFactorization()
        let decomposition = try r.singularValueDecomposition()
        let noise = 64 * Double.ulpOfOne * all.columnNorms.reduce(0, +)
        let basis = try q.product(decomposition.u.columns(0..<decomposition.values.count { $0 > noise }))
        return try basis.scalingColumns(by: basis.orientations)
    }
}

extension FactorPair {
    /// The same update, transposed.
    var transposed: FactorPair { FactorPair(b: aTransposed, aTransposed: b) }
}

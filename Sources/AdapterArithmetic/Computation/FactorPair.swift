import LinearAlgebra

/// A product B·A of tall factors whose product matrix is never formed.
///
/// Everything follows from the small core C = R_B·R_Aᵀ of the factorisations B = Q_B·R_B and Aᵀ = Q_A·R_A: it has the
/// same singular values as B·A.
struct FactorPair {
    /// B, rows × inner.
    let b: Matrix
    /// Aᵀ, columns × inner.
    let aTransposed: Matrix

    /// Below this a singular value cannot be told from 0.
    ///
    /// Householder QR perturbs each column by a few ulp of its own norm (Higham, "Accuracy and Stability of Numerical
    /// Algorithms", theorem 19.4), which moves B·A, and by Weyl's inequality each singular value, by at most a few ulp
    /// of Σ‖b_j‖·‖a_j‖. This bound stays put when adapters cancel; one relative to the largest singular value would
    /// not.
    func noise() throws -> Double {
        let sum = zip(b.columnNorms, aTransposed.columnNorms).reduce(0) { $0 + $1.0 * $1.1 }
        guard sum.isFinite else {
            throw LinearAlgebraError(.nonFinite, "The product of two factors exceeds the range of binary64.")
        }
        return 64 * Double.ulpOfOne * sum
    }

    /// The singular values of B·A, descending; those that are noise are 0.
    func spectrum() throws -> [Double] {
        let noise = try noise()
        return try core().singularValues().map { $0 > noise ? $0 : 0 }
    }

    /// ‖B·A‖; 0 when it is noise.
    func norm() throws -> Double {
        let norm = try core().frobeniusNorm
        return norm > (try noise()) ? norm : 0
    }

    /// The best approximation of B·A with `rank` columns in B and rows in A, and the singular values of B·A.
    ///
    /// √S goes to each side, which spares the range of small types. The largest element of each column of U is
    /// positive, so that equal inputs give equal bytes. Columns beyond the numerical rank are 0.
    func truncated(to rank: Int) throws -> (factors: FactorPair, spectrum: [Double]) {
        let (qB, rB) = try b.qrFactorization()
        let (qA, rA) = try aTransposed.qrFactorization()
        let core = try rB.product(rA, transposingOther: true)
        let decomposition = try core.singularValueDecomposition()
        let noise = try noise()
        let spectrum = decomposition.values.map { $0 > noise ? $0 : 0 }

        let kept = min(rank, spectrum.count { $0 > 0 })
        let u = try qB.product(decomposition.u.columns(0..<kept))
        let v = try qA.product(decomposition.vTransposed.rows(0..<kept), transposingOther: true)
        let roots = (0..<kept).map { index in
            spectrum[index].squareRoot() * (u.column(index).max { $0.magnitude < $1.magnitude } ?? 0 < 0 ? -1 : 1)
        }
        let padding = rank - kept
        return (
            FactorPair(
                b: try .horizontally([u.scalingColumns(by: roots), Matrix(zeros: b.rows, padding)]),
                aTransposed: try .horizontally([
                    v.scalingColumns(by: roots), Matrix(zeros: aTransposed.rows, padding),
                ])),
            spectrum
        )
    }

    private func core() throws -> Matrix {
        try b.qrTriangle().product(aTransposed.qrTriangle(), transposingOther: true)
    }
}

extension FactorPair {
    /// ‖B·A − B'·A'‖ of stored factors.
    ///
    /// With the residuals D_B = B − B' and D_A = A − A' that is ‖D_B·A + B'·D_A‖: two small terms, so nothing cancels
    /// and the result is accurate to many digits.
    func distance(toStored stored: FactorPair, residual: FactorPair) throws -> Double {
        switch (residual.b.isZero, residual.aTransposed.isZero) {
        case (true, true): return 0
        case (false, true): return try FactorPair(b: residual.b, aTransposed: aTransposed).core().frobeniusNorm
        case (true, false): return try FactorPair(b: b, aTransposed: residual.aTransposed).core().frobeniusNorm
        case (false, false):
            let both = FactorPair(
                b: try .horizontally([residual.b, stored.b]),
                aTransposed: try .horizontally([aTransposed, residual.aTransposed]))
            return try both.core().frobeniusNorm
        }
    }
}

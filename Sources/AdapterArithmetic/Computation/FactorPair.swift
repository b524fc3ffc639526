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
    func noise() throws -> Double { try FactorPair.noise(b.columnNorms, aTransposed.columnNorms) }

    private static func noise(_ inB: [Double], _ inA: [Double]) throws -> Double {
        let sum = zip(inB, inA).reduce(0) { $0 + $1.0 * $1.1 }
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
        // What the inner products tell is far above the noise.
        if let norm = try normFromGrams() { return norm }
        let norm = try core().frobeniusNorm
        return norm > (try noise()) ? norm : 0
    }

    /// The thin singular value decomposition B·A = U·S·Vᵀ without the singular values that are noise.
    ///
    /// The largest element of each column of U is positive, so that equal inputs give equal bytes.
    func singularValueDecomposition() throws -> (u: Matrix, values: [Double], v: Matrix) {
        let decomposition = try decomposed()
        let count = decomposition.values.count { $0 > 0 }
        let (u, v) = try oriented(decomposition, scaledBy: [Double](repeating: 1, count: count))
        return (u, Array(decomposition.values.prefix(count)), v)
    }

    /// The best approximation of B·A with `rank` columns in B and rows in A, and the singular values of B·A.
    ///
    /// √S goes to each side, which spares the range of small types. Columns beyond the numerical rank are 0.
    ///
    /// - Parameter known: what ``decomposed()`` has found for these factors before.
    func truncated(to rank: Int, _ known: Decomposition? = nil) throws -> (factors: FactorPair, spectrum: [Double]) {
        let decomposition = try known ?? decomposed()
        let kept = min(rank, decomposition.values.count { $0 > 0 })
        let (b, aTransposed) = try oriented(
            decomposition, scaledBy: decomposition.values.prefix(kept).map { $0.squareRoot() })
        let padding = rank - kept
        guard padding > 0 else { return (FactorPair(b: b, aTransposed: aTransposed), decomposition.values) }
        return (
            FactorPair(
                b: try .horizontally([b, Matrix(zeros: b.rows, padding)]),
                aTransposed: try .horizontally([aTransposed, Matrix(zeros: aTransposed.rows, padding)])),
            decomposition.values
        )
    }

    /// The decomposition of the core with the bases of both sides; values that are noise are 0.
    func decomposed() throws -> Decomposition {
        let (basisB, basisA) = (try Basis(b), try Basis(aTransposed))
        let core = try basisB.triangle.product(basisA.triangle, transposingOther: true)
        let decomposition = try core.singularValueDecomposition()
        let noise = try FactorPair.noise(basisB.columnNorms, basisA.columnNorms)
        return Decomposition(
            basisB: basisB, basisA: basisA, u: decomposition.u,
            values: decomposition.values.map { $0 > noise ? $0 : 0 }, vTransposed: decomposition.vTransposed)
    }

    /// The first singular vectors, each times a factor above 0, with their signs fixed.
    private func oriented(_ core: Decomposition, scaledBy factors: [Double]) throws -> (u: Matrix, v: Matrix) {
        // What is small is scaled, and what is tall not copied again.
        let kept = 0..<factors.count
        var u = try core.basisB.vectors(core.u.columns(kept).scalingColumns(by: factors), of: b)
        var v = try core.basisA.vectors(
            core.vTransposed.rows(kept).transposed().scalingColumns(by: factors), of: aTransposed)
        let signs = u.orientations
        try u.scaleColumns(by: signs)
        try v.scaleColumns(by: signs)
        return (u, v)
    }

    /// The singular value decomposition of the core, with what makes the singular vectors of B·A of its own.
    struct Decomposition: Sendable {
        fileprivate let basisB: Basis
        fileprivate let basisA: Basis
        fileprivate let u: Matrix
        /// The singular values, descending; those that are noise are 0.
        let values: [Double]
        fileprivate let vTransposed: Matrix

        /// Whether it holds nothing as tall as the factors.
        var isSmall: Bool { basisB.isSmall && basisA.isSmall }
    }

    /// An orthonormal basis Q of a tall matrix X = Q·R.
    fileprivate struct Basis: Sendable {
        private enum Form: Sendable {
            /// Q itself, by Householder reflections.
            case vectors(Matrix)
            /// Q = X·R⁻¹, which is never formed. For columns far from dependent, at a fraction of the cost.
            case inverse(GramTriangle)
        }

        private let form: Form
        /// R.
        let triangle: Matrix
        /// The norms of the columns of X.
        let columnNorms: [Double]

        init(_ matrix: Matrix) throws {
            if matrix.columns <= matrix.rows {
                let gram = try matrix.gram()
                if let inverse = try GramTriangle(gram: gram) {
                    (form, triangle) = (.inverse(inverse), inverse.r)
                    columnNorms = (0..<gram.columns).map { gram[$0, $0].squareRoot() }
                    return
                }
            }
            let (q, r) = try matrix.qrFactorization()
            (form, triangle) = (.vectors(q), r)
            columnNorms = matrix.columnNorms
        }

        /// Whether it holds nothing as tall as X.
        var isSmall: Bool {
            if case .inverse = form { return true }
            return false
        }

        /// Q times some columns.
        func vectors(_ coordinates: Matrix, of matrix: Matrix) throws -> Matrix {
            switch form {
            case .vectors(let q): try q.product(coordinates)
            case .inverse(let inverse): try matrix.product(inverse.solved(coordinates))
            }
        }
    }

    /// ‖B·A‖, whether or not it is noise.
    func productNorm() throws -> Double { try normFromGrams() ?? core().frobeniusNorm }

    private func normFromGrams() throws -> Double? {
        // Beyond that the core is the smaller matrix.
        guard b.columns <= min(b.rows, aTransposed.rows) else { return nil }
        return FactorPair.norm(try b.gram(), try aTransposed.gram())
    }

    /// ‖B·A‖ from BᵀB and A·Aᵀ, at a fraction of a factorisation's cost; nil where that would lose digits.
    ///
    /// ‖B·A‖² is the sum of the products of their elements. Where columns cancel each other, rounding matters: it is about
    /// ulp · (Σ‖b_j‖·‖a_j‖)². So the result counts only where that is of the size of ‖B·A‖².
    static func norm(_ inB: Matrix, _ inA: Matrix) -> Double? {
        let square = zip(inB.elements, inA.elements).reduce(0) { $0 + $1.0 * $1.1 }
        let bound = (0..<inB.columns).reduce(0) { $0 + (inB[$1, $1] * inA[$1, $1]).squareRoot() }
        return square.isFinite && square > 0x1p-900 && square > 0x1p-10 * bound * bound ? square.squareRoot() : nil
    }

    /// ‖B·A‖ from BᵀB and A·Aᵀ, which were added up from binary32 products, to at least six digits; nil where those do
    /// not tell as many.
    ///
    /// An element of either may be off by some share of the norms of its two columns, which moves the square by as much
    /// times what it is multiplied with.
    static func norm(ofFloats inB: Matrix, _ inA: Matrix) -> Double? {
        var (square, error, total) = (0.0, 0.0, 0.0)
        let normsB = (0..<inB.columns).map { inB[$0, $0].squareRoot() }
        let normsA = (0..<inA.columns).map { inA[$0, $0].squareRoot() }
        for column in 0..<inB.columns {
            for row in 0..<inB.columns {
                let (b, a) = (inB[row, column], inA[row, column])
                square += b * a
                error += normsB[row] * normsB[column] * a.magnitude + normsA[row] * normsA[column] * b.magnitude
                total += a.magnitude + b.magnitude
            }
        }
        return square.isFinite && GramSum.floatPrecision * error < 0x1p-20 * square
            && 0x1p30 * GramSum.floatUnderflow * total < square ? square.squareRoot() : nil
    }

    private func core() throws -> Matrix {
        try b.qrTriangle().product(aTransposed.qrTriangle(), transposingOther: true)
    }
}

extension Matrix {
    /// The sign of the element of the largest magnitude in each column, as ±1.
    var orientations: [Double] {
        unsafe elements.withUnsafeBufferPointer { elements in
            (0..<columns).map { column in
                var largest = 0.0
                for index in column * rows..<(column + 1) * rows {
                    let value = unsafe elements[index]
                    if value.magnitude > largest.magnitude { largest = value }
                }
                return largest < 0 ? -1 : 1
            }
        }
    }
}

extension FactorPair {
    /// The difference of two products, as factors.
    func subtracting(_ other: FactorPair) throws -> FactorPair {
        FactorPair(
            b: try .horizontally([b, other.b.scaled(by: -1)]),
            aTransposed: try .horizontally([aTransposed, other.aTransposed]))
    }

    /// The sum of several products of one shape, each with a coefficient, as factors.
    static func sum(_ terms: [FactorPair], _ coefficients: [Double]) throws -> FactorPair {
        FactorPair(
            b: try .horizontally(zip(terms, coefficients).map { $0.b.scaled(by: $1) }),
            aTransposed: try .horizontally(terms.map(\.aTransposed)))
    }

    /// ‖B·A − B'·A'‖ of stored factors.
    ///
    /// With the residuals D_B = B − B' and D_A = A − A' that is ‖D_B·A + B'·D_A‖: two small terms, so nothing cancels
    /// and the result is accurate to many digits.
    func distance(toStored stored: FactorPair, residual: FactorPair) throws -> Double {
        switch (residual.b.isZero, residual.aTransposed.isZero) {
        case (true, true): return 0
        case (false, true): return try FactorPair(b: residual.b, aTransposed: aTransposed).productNorm()
        case (true, false): return try FactorPair(b: b, aTransposed: residual.aTransposed).productNorm()
        case (false, false):
            let both = FactorPair(
                b: try .horizontally([residual.b, stored.b]),
                aTransposed: try .horizontally([aTransposed, residual.aTransposed]))
            return try both.productNorm()
        }
    }
}

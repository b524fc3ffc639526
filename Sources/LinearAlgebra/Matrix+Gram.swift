internal import CNumericKernels
internal import COpenBLAS

extension Matrix {
    /// XᵀX, for matrices of few columns: symmetric, added up in one fixed order.
    package func gram() throws(LinearAlgebraError) -> Matrix {
        var sum = try GramSum(count: columns)
        unsafe elements.withUnsafeBufferPointer { unsafe sum.add(columns: $0, length: rows) }
        return sum.matrix
    }

    /// X·Xᵀ, for matrices of few rows: symmetric, added up in one fixed order.
    package func gramOfRows() throws(LinearAlgebraError) -> Matrix {
        var sum = try GramSum(count: rows)
        unsafe elements.withUnsafeBufferPointer { unsafe sum.add(rows: $0) }
        return sum.matrix
    }
}

/// XᵀX of a tall matrix whose rows come in parts.
///
/// Parts whose lengths are multiples of ``length``, but for the last, add up to the bits of the whole.
package struct GramSum: Sendable {
    /// The rows that are added up in a cache at a time.
    package static let length = 256

    /// How many columns X has.
    package let count: Int
    /// The upper triangle.
    private var sums: [Double]

    /// - Throws: ``LinearAlgebraError`` with code `limitExceeded`.
    package init(count: Int) throws(LinearAlgebraError) {
        self.count = count
        sums = try Matrix(zeros: count, count).elements
    }

    /// Adds rows that lie one after the other.
    package mutating func add(rows: UnsafeBufferPointer<Double>) {
        guard count > 0, let start = rows.baseAddress else { return }
        unsafe cnk_add_gram_of_rows(start, rows.count / count, count, &sums)
    }

    /// Adds `length` rows that lie column by column, each column where its share of the buffer begins.
    package mutating func add(columns: UnsafeBufferPointer<Double>, length: Int) {
        guard count > 0, let start = columns.baseAddress else { return }
        let stride = columns.count / count
        precondition(length <= stride, "a column is shorter than what is added of it")
        unsafe cnk_add_gram_of_columns(start, stride, length, count, &sums)
    }

    /// As ``add(rows:)``, of binary32: each inner product of some 64 rows is rounded as binary32 (``floatPrecision``).
    package mutating func add(rows: UnsafeBufferPointer<Float>) {
        guard count > 0, let start = rows.baseAddress else { return }
        unsafe cnk_add_float_gram_of_rows(start, rows.count / count, count, &sums)
    }

    /// As ``add(columns:length:)``, of binary32.
    package mutating func add(columns: UnsafeBufferPointer<Float>, length: Int) {
        guard count > 0, let start = columns.baseAddress else { return }
        let stride = columns.count / count
        precondition(length <= stride, "a column is shorter than what is added of it")
        unsafe cnk_add_float_gram_of_columns(start, stride, length, count, &sums)
    }

    /// How far a sum of binary32 products may be off, as a share of the columns' norms: as many roundings as are added
    /// up in binary32 would all have to err the same way to exceed it eightfold (Higham, section 2.8), and those of
    /// different parts cancel further.
    package static let floatPrecision = 0x1p-24
    /// What a product of binary32 numbers may lose because it is too small for the type.
    package static let floatUnderflow = 0x1p-149

    /// What was added so far, symmetric.
    package var matrix: Matrix {
        var result = Matrix(unchecked: count, count, sums)
        for row in 0..<count {
            // The triangle's rows are the columns of what is stored column by column.
            for column in 0..<row { result[column, row] = result[row, column] }
        }
        return result
    }
}

/// The triangle R of a factorisation X = Q·R that was found from XᵀX, which squares what is lost to rounding.
package struct GramTriangle: Sendable {
    /// The largest condition of X, with its columns scaled to length 1, for which Q is orthogonal to some 1e-8.
    private static let largestCondition = 0x1p10

    /// Upper triangular, columns × columns.
    package let r: Matrix

    /// Factorises XᵀX by Cholesky's method; nil where X is too close to having dependent columns.
    ///
    /// That Q = X·R⁻¹ departs from orthogonality by about the machine precision times the squared condition of X with
    /// scaled columns: Yamamoto and others, "Roundoff error analysis of the CholeskyQR2 algorithm" (2015), lemma 3.1;
    /// van der Sluis (1969) for the scaling.
    package init?(gram: Matrix) throws(LinearAlgebraError) {
        let count = gram.columns
        var factor = gram
        let scales = (0..<count).map { gram[$0, $0].squareRoot() }
        guard gram.rows == count, count > 0, scales.allSatisfy({ $0.isFinite && $0 > 0x1p-500 }) else { return nil }
        for column in 0..<count {
            for row in 0..<count { factor[row, column] /= scales[row] * scales[column] }
        }
        try OpenBLAS.load()
        var (uplo, n, info) = (CChar(bitPattern: UInt8(ascii: "U")), try OpenBLAS.integer(count), Int32(0))
        var leading = n
        unsafe cob_dpotrf(&uplo, &n, &factor.elements, &leading, &info)
        guard info == 0 else { return nil }
        for column in 0..<count {
            for row in column + 1..<max(count, column + 1) { factor[row, column] = 0 }
        }
        let scaled = GramTriangle(r: factor)
        let condition = factor.frobeniusNorm * (try scaled.solved(Matrix(identity: count))).frobeniusNorm
        guard condition <= GramTriangle.largestCondition else { return nil }
        r = try factor.scalingColumns(by: scales)
    }

    private init(r: Matrix) { self.r = r }

    /// R⁻¹ · right.
    package func solved(_ right: Matrix) throws(LinearAlgebraError) -> Matrix {
        guard right.rows == r.columns else {
            throw LinearAlgebraError(
                .shapeMismatch, "Unable to solve a triangle of \(r.columns) rows for \(right.rows).")
        }
        var solution = right
        guard right.columns > 0 else { return solution }
        let (m, n) = (try OpenBLAS.integer(right.rows), try OpenBLAS.integer(right.columns))
        unsafe cob_dtrsm(
            COB_COLUMN_MAJOR, COB_LEFT, COB_UPPER, COB_NO_TRANSPOSE, COB_NON_UNIT, m, n, 1, r.elements, m,
            &solution.elements, m)
        return solution
    }
}

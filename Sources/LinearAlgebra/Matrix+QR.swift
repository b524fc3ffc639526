import COpenBLAS

extension Matrix {
    /// The thin QR factorisation by Householder reflections: q has orthonormal columns, r is upper trapezoidal,
    /// q · r is the matrix. With p = min(rows, columns), q is rows × p and r is p × columns.
    package func qrFactorization() throws(LinearAlgebraError) -> (q: Matrix, r: Matrix) {
        let inner = min(rows, columns)
        guard inner > 0 else { return (try Matrix(zeros: rows, 0), try Matrix(zeros: 0, columns)) }
        var (factored, tau) = try reflected()
        let r = factored.upperTrapezoid(inner)
        var m = try OpenBLAS.integer(rows)
        var (n, k, leading, info) = (try OpenBLAS.integer(inner), try OpenBLAS.integer(inner), m, Int32(0))
        factored = factored.columns(0..<inner)
        var query = -1 as Int32
        var work = [0.0]
        unsafe cob_dorgqr(&m, &n, &k, &factored.elements, &leading, &tau, &work, &query, &info)
        try OpenBLAS.check(info, of: "dorgqr")
        var count = try OpenBLAS.workspace(work[0])
        work = [Double](repeating: 0, count: Int(count))
        unsafe cob_dorgqr(&m, &n, &k, &factored.elements, &leading, &tau, &work, &count, &info)
        try OpenBLAS.check(info, of: "dorgqr")
        return (factored, r)
    }

    /// The factor r of ``qrFactorization()`` alone, at half the cost.
    package func qrTriangle() throws(LinearAlgebraError) -> Matrix {
        let inner = min(rows, columns)
        guard inner > 0 else { return try Matrix(zeros: 0, columns) }
        return try reflected().factored.upperTrapezoid(inner)
    }

    /// LAPACK's compact form: R on and above the diagonal, the reflections below and in `tau`.
    private func reflected() throws(LinearAlgebraError) -> (factored: Matrix, tau: [Double]) {
        try requireFinite()
        try OpenBLAS.load()
        var copy = self
        var tau = [Double](repeating: 0, count: min(rows, columns))
        var (m, n, info) = (try OpenBLAS.integer(rows), try OpenBLAS.integer(columns), Int32(0))
        var leading = m
        var query = -1 as Int32
        var work = [0.0]
        unsafe cob_dgeqrf(&m, &n, &copy.elements, &leading, &tau, &work, &query, &info)
        try OpenBLAS.check(info, of: "dgeqrf")
        var count = try OpenBLAS.workspace(work[0])
        work = [Double](repeating: 0, count: Int(count))
        unsafe cob_dgeqrf(&m, &n, &copy.elements, &leading, &tau, &work, &count, &info)
        try OpenBLAS.check(info, of: "dgeqrf")
        return (copy, tau)
    }

    private func upperTrapezoid(_ count: Int) -> Matrix {
        var result = rows(0..<count)
        for column in 0..<min(count, columns) {
            for row in column + 1..<max(count, column + 1) { result[row, column] = 0 }
        }
        return result
    }

    /// LAPACK may loop for ever on infinities and NaN.
    func requireFinite() throws(LinearAlgebraError) {
        guard isFinite else {
            throw LinearAlgebraError(
                .nonFinite,
                "Unable to factorise the \(rows) × \(columns) matrix: an element is infinite or not a number.")
        }
    }
}

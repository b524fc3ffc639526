import COpenBLAS

/// The thin decomposition U · S · Vᵀ of a matrix.
package struct SingularValueDecomposition: Sendable {
    /// The algorithm that LAPACK uses.
    package enum Driver: Sendable, CaseIterable {
        /// `dgesdd`: fast; in rare cases it does not converge.
        case divideAndConquer
        /// `dgesvd`: slower and more robust.
        case qrIteration
    }

    /// The left singular vectors, rows × p with p = min(rows, columns); columns are orthonormal.
    package let u: Matrix
    /// The p singular values, descending, none negative.
    package let values: [Double]
    /// The right singular vectors, p × columns; rows are orthonormal.
    package let vTransposed: Matrix
}

extension Matrix {
    /// The thin singular value decomposition; a second algorithm is tried when the first does not converge.
    package func singularValueDecomposition() throws(LinearAlgebraError) -> SingularValueDecomposition {
        do {
            return try singularValueDecomposition(by: .divideAndConquer)
        } catch  where error.code == .notConverged {
            return try singularValueDecomposition(by: .qrIteration)
        }
    }

    /// The thin singular value decomposition by one algorithm.
    package func singularValueDecomposition(
        by driver: SingularValueDecomposition.Driver
    ) throws(LinearAlgebraError) -> SingularValueDecomposition {
        try decomposed(by: driver, withVectors: true)
    }

    /// The singular values alone, descending.
    package func singularValues() throws(LinearAlgebraError) -> [Double] {
        do {
            return try decomposed(by: .divideAndConquer, withVectors: false).values
        } catch  where error.code == .notConverged {
            return try decomposed(by: .qrIteration, withVectors: false).values
        }
    }

    private func decomposed(
        by driver: SingularValueDecomposition.Driver, withVectors: Bool
    ) throws(LinearAlgebraError) -> SingularValueDecomposition {
        let inner = min(rows, columns)
        let vectors = withVectors ? inner : 0
        var u = try Matrix(zeros: rows, vectors)
        var vTransposed = try Matrix(zeros: vectors, columns)
        guard inner > 0 else { return SingularValueDecomposition(u: u, values: [], vTransposed: vTransposed) }
        try requireFinite()
        try OpenBLAS.load()

        var (m, n, info) = (try OpenBLAS.integer(rows), try OpenBLAS.integer(columns), Int32(0))
        var leading = m
        var (leadingU, leadingV) = (m, try OpenBLAS.integer(max(vectors, 1)))
        var values = [Double](repeating: 0, count: inner)
        var integers = [Int32](repeating: 0, count: 8 * inner)
        var job = CChar(bitPattern: withVectors ? UInt8(ascii: "S") : UInt8(ascii: "N"))
        var otherJob = job
        var work = [0.0]
        var count = -1 as Int32
        // The first round asks for the size of the working space.
        for isQuery in [true, false] {
            var copy = self
            switch driver {
            case .divideAndConquer:
                unsafe cob_dgesdd(
                    &job, &m, &n, &copy.elements, &leading, &values, &u.elements, &leadingU, &vTransposed.elements,
                    &leadingV, &work, &count, &integers, &info)
            case .qrIteration:
                unsafe cob_dgesvd(
                    &job, &otherJob, &m, &n, &copy.elements, &leading, &values, &u.elements, &leadingU,
                    &vTransposed.elements, &leadingV, &work, &count, &info)
            }
            try OpenBLAS.check(info, of: "\(driver)")
            if isQuery {
                count = try OpenBLAS.workspace(work[0])
                work = [Double](repeating: 0, count: Int(count))
            }
        }
        guard info == 0, values.allSatisfy(\.isFinite) else {
            throw LinearAlgebraError(
                .notConverged, "Unable to find the singular values of the \(rows) × \(columns) matrix: no convergence.")
        }
        return SingularValueDecomposition(u: u, values: values, vTransposed: vTransposed)
    }
}

import COpenBLAS

extension Matrix {
    /// The product op(self) · op(other), where op transposes when asked to.
    package func product(
        _ other: Matrix, transposingSelf: Bool = false, transposingOther: Bool = false
    ) throws(LinearAlgebraError) -> Matrix {
        let (outer, inner) = transposingSelf ? (columns, rows) : (rows, columns)
        let (otherInner, otherOuter) = transposingOther ? (other.columns, other.rows) : (other.rows, other.columns)
        guard inner == otherInner else {
            throw LinearAlgebraError(
                .shapeMismatch, "Unable to multiply \(outer) × \(inner) by \(otherInner) × \(otherOuter).")
        }
        var result = try Matrix(zeros: outer, otherOuter)
        guard outer > 0, inner > 0, otherOuter > 0 else { return result }
        try OpenBLAS.load()
        let (m, n, k) = (try OpenBLAS.integer(outer), try OpenBLAS.integer(otherOuter), try OpenBLAS.integer(inner))
        unsafe cob_dgemm(
            COB_COLUMN_MAJOR, transposingSelf ? COB_TRANSPOSE : COB_NO_TRANSPOSE,
            transposingOther ? COB_TRANSPOSE : COB_NO_TRANSPOSE,
            m, n, k, 1, elements, try OpenBLAS.integer(rows), other.elements, try OpenBLAS.integer(other.rows), 0,
            &result.elements, m)
        return result
    }
}

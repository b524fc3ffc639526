import COpenBLAS

/// Products of row-major binary32 matrices, for passes over tiles; binary64 where the result is kept.
package enum FloatProduct {
    /// result = left · right, with left rows × inner and right inner × columns.
    @unsafe
    package static func multiply(
        _ left: UnsafePointer<Float>, _ right: UnsafePointer<Float>, rows: Int, inner: Int, columns: Int,
        into result: UnsafeMutablePointer<Float>
    ) throws(LinearAlgebraError) {
        try OpenBLAS.load()
        let (m, n, k) = (try OpenBLAS.integer(rows), try OpenBLAS.integer(columns), try OpenBLAS.integer(inner))
        unsafe cob_sgemm(
            COB_ROW_MAJOR, COB_NO_TRANSPOSE, COB_NO_TRANSPOSE, m, n, k, 1, left, k, right, n, 0, result, n)
    }

    /// sum += leftᵀ · right, with left rows × outer and right rows × columns.
    @unsafe
    package static func addTransposed(
        _ left: UnsafePointer<Float>, _ right: UnsafePointer<Float>, rows: Int, outer: Int, columns: Int,
        to sum: UnsafeMutablePointer<Float>
    ) throws(LinearAlgebraError) {
        try OpenBLAS.load()
        let (m, n, k) = (try OpenBLAS.integer(outer), try OpenBLAS.integer(columns), try OpenBLAS.integer(rows))
        unsafe cob_sgemm(
            COB_ROW_MAJOR, COB_TRANSPOSE, COB_NO_TRANSPOSE, m, n, k, 1, left, m, right, n, 1, sum, n)
    }

    /// sum += leftᵀ · right in binary64.
    @unsafe
    package static func addTransposed(
        _ left: UnsafePointer<Double>, _ right: UnsafePointer<Double>, rows: Int, outer: Int, columns: Int,
        to sum: inout [Double]
    ) throws(LinearAlgebraError) {
        try OpenBLAS.load()
        let (m, n, k) = (try OpenBLAS.integer(outer), try OpenBLAS.integer(columns), try OpenBLAS.integer(rows))
        unsafe cob_dgemm(
            COB_ROW_MAJOR, COB_TRANSPOSE, COB_NO_TRANSPOSE, m, n, k, 1, left, m, right, n, 1, &sum, n)
    }
}

import COpenBLAS

/// Products of matrices of binary32 in memory that the caller owns.
package enum SinglePrecision {
    /// c = alpha · op(a) · op(b) + beta · c, where op transposes when asked to.
    ///
    /// Matrices lie row by row; `m` × `n` is the extent of c, `k` the inner one, and strides are from row to row. Runs on
    /// the calling thread alone, so that the same call gives the same bits however many others run beside it.
    /// ``OpenBLAS/load()`` precedes it.
    @unsafe package static func multiply(
        m: Int, n: Int, k: Int, alpha: Float, _ a: UnsafePointer<Float>, stride aStride: Int,
        transposed aTransposed: Bool,
        _ b: UnsafePointer<Float>, stride bStride: Int, transposed bTransposed: Bool, beta: Float,
        _ c: UnsafeMutablePointer<Float>, stride cStride: Int
    ) {
        precondition(OpenBLAS.isLoaded, "OpenBLAS was not loaded")
        unsafe cob_sgemm(
            COB_ROW_MAJOR, aTransposed ? COB_TRANSPOSE : COB_NO_TRANSPOSE,
            bTransposed ? COB_TRANSPOSE : COB_NO_TRANSPOSE,
            Int32(m), Int32(n), Int32(k), alpha, a, Int32(aStride), b, Int32(bStride), beta, c, Int32(cStride))
    }
}

import COpenBLAS

/// What every call of the library needs.
package enum OpenBLAS {
    /// Ends the threads that the library started when it was loaded: they would spin for some milliseconds beside work
    /// that needs the processors. It starts others when it needs them.
    package static func endIdleThreads() { _ = blas_thread_shutdown_() }

    /// One thread, set once: the matrices are too small to gain from more, and one thread always adds in the same
    /// order.
    private static let singleThread: Void = openblas_set_num_threads(1)

    /// To be called before anything else of the library.
    static func prepare() { _ = singleThread }

    /// An extent as the library's integer.
    static func integer(_ value: Int) throws(LinearAlgebraError) -> Int32 {
        guard let value = Int32(exactly: value) else {
            throw LinearAlgebraError(
                .limitExceeded, "Unable to compute with an extent of \(value): it exceeds 32 bits.")
        }
        return value
    }

    /// The size of the working space that a query answered in `answer`.
    static func workspace(_ answer: Double) throws(LinearAlgebraError) -> Int32 {
        guard answer.isFinite, let count = Int32(exactly: max(answer, 1).rounded(.up)) else {
            throw LinearAlgebraError(
                .limitExceeded,
                "Unable to factorise the matrix: the working space of \(answer) elements exceeds 32 bits.")
        }
        return count
    }

    /// Throws when the library refused an argument.
    static func check(_ info: Int32, of routine: String) throws(LinearAlgebraError) {
        guard info >= 0 else {
            throw LinearAlgebraError(.refused, "Unable to factorise the matrix: \(routine) refused argument \(-info).")
        }
    }
}

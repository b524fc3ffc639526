import COpenBLAS

/// What every call of the library needs.
package enum OpenBLAS {
    /// Loads the library; to be called before anything else of it.
    ///
    /// - Throws: ``LinearAlgebraError`` with code `unavailable`.
    package static func load() throws(LinearAlgebraError) {
        guard let reason = unsafe cob_load() else { return }
        throw LinearAlgebraError(
            .unavailable,
            "Unable to load 'libopenblas.so.0': \(unsafe String(cString: reason)). Install OpenBLAS "
                + "(Debian: libopenblas0).")
    }

    /// Whether the library is loaded; loads it where it was not.
    static var isLoaded: Bool { unsafe cob_load() == nil }

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

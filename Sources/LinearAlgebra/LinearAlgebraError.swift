/// Why a computation with matrices was not possible.
package struct LinearAlgebraError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What kind of fault it was; compare this, not the message.
    package struct Code: Hashable, Sendable, CustomStringConvertible {
        /// The code's stable name.
        package let description: String

        /// Two matrices do not fit each other, or the elements do not fill the matrix.
        package static let shapeMismatch = Code(description: "shapeMismatch")
        /// A matrix, or the space to work on it, is larger than the library can address.
        package static let limitExceeded = Code(description: "limitExceeded")
        /// An element is infinite or not a number.
        package static let nonFinite = Code(description: "nonFinite")
        /// The iteration for the singular values did not converge.
        package static let notConverged = Code(description: "notConverged")
        /// OpenBLAS is not installed.
        package static let unavailable = Code(description: "unavailable")
        /// The library refused its arguments; a fault of this program.
        package static let refused = Code(description: "refused")
    }

    /// What kind of fault it was.
    package var code: Code
    /// The full sentence for a person.
    package var message: String

    /// Creates an error.
    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The message.
    package var description: String { message }
}

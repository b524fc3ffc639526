import ByteCoding

extension OCIError {
    /// A text that is not what it should be; it is quoted shortened and without control characters.
    static func invalidReference(_ text: String, _ reason: String, _ kind: String = "reference") -> OCIError {
        let mark = text.unicodeScalars.count > 80 ? "…" : ""
        return OCIError(
            .invalidReference, "Unable to read the \(kind) '\(text.printable(limit: 80))\(mark)': \(reason)")
    }

    /// A document that does not have its form.
    static func invalidDocument(_ kind: String, _ reason: String, cause: (any Error)? = nil) -> OCIError {
        OCIError(.invalidDocument, "Unable to read the \(kind): \(reason)", cause: cause)
    }
}

internal import ByteCoding

/// The bytes of `META`, `NOTE` and `PROV` (spec clauses 4.6 and 4.7).
enum MetadataDocument {
    /// The bytes of a document that a reader will accept.
    ///
    /// - Parameters:
    ///   - name: what the document is, for messages.
    ///   - limit: the largest number of bytes.
    static func encode(_ value: MetadataValue, named name: String, limit: Int) throws -> [UInt8] {
        let bytes: [UInt8]
        do {
            bytes = try CBOR.encode(value)
        } catch {
            throw FormatError(.notRepresentable, "Unable to store the \(name): \(error.message).")
        }
        guard bytes.count <= limit else {
            throw FormatError(
                .notRepresentable, "Unable to store the \(name): it has \(bytes.count) bytes, \(limit) are possible.")
        }
        return bytes
    }

    /// Reads a document whose digest has been checked.
    ///
    /// - Throws: ``FormatError`` with code `limitExceeded` or `malformedMetadata`.
    static func decode(_ bytes: [UInt8], named name: String, limit: Int, baseOffset: Int) throws -> MetadataValue {
        guard bytes.count <= limit else {
            throw FormatError(
                .limitExceeded, "Unable to read the \(name): it has \(bytes.count) bytes, \(limit) are possible.",
                byteOffset: baseOffset)
        }
        do {
            return try CBOR.decode(bytes, baseOffset: baseOffset)
        } catch {
            throw FormatError(
                error.code == .limitExceeded ? .limitExceeded : .malformedMetadata,
                "Unable to read the \(name): \(error.message).", byteOffset: error.byteOffset)
        }
    }
}

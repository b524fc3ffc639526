internal import ByteCoding
internal import FileSystem
public import Integrity

extension AdapterFile {
    /// The signatures in the file, ascending by key id; none when it has no section for them. Whether they are valid is
    /// not looked at.
    ///
    /// - Throws: ``FormatError`` with code `digestMismatch` or `malformedSignature`.
    public func signatures() throws -> [Signature] {
        guard let entry = header.sections.first(where: { $0.tag == .signatures }) else { return [] }
        let bytes = try file.read(at: entry.offset, count: entry.byteCount)
        guard SHA256.hash(bytes) == entry.digest else {
            throw FormatError(
                .digestMismatch, "The signatures do not have the digest that the table states.",
                byteOffset: entry.offset)
        }
        do {
            return try SignatureDocument.signatures(CBOR.decode(bytes, baseOffset: entry.offset))
        } catch let error as SignatureError {
            throw FormatError(.malformedSignature, error.message, byteOffset: entry.offset)
        } catch let error as ByteCodingError {
            throw FormatError(
                .malformedSignature, "Unable to read the signatures: \(error.message).", byteOffset: error.byteOffset)
        }
    }
}

internal import ByteCoding
internal import FileSystem
public import Integrity

/// Signatures of a content root in a small file of their own (signatures spec, clause 3.4).
public struct DetachedSignatures: Hashable, Sendable {
    private static let type = "adapterctl-signatures-v1"

    /// What is signed.
    public let contentRoot: Digest
    /// By whom, ascending by key id.
    public let signatures: [Signature]

    /// Creates a document.
    ///
    /// - Throws: `SignatureError` with code `malformedSignature` for none or too many signatures, or out of order.
    public init(contentRoot: Digest, signatures: [Signature]) throws(SignatureError) {
        try SignatureDocument.check(signatures)
        self.contentRoot = contentRoot
        self.signatures = signatures
    }

    /// Reads a document.
    ///
    /// - Throws: `SignatureError` with code `malformedSignature`.
    public init(parsing text: [UInt8]) throws(SignatureError) {
        guard text.count <= SignatureDocument.maximumByteCount else {
            throw SignatureDocument.malformed(
                "the document has \(text.count) bytes, \(SignatureDocument.maximumByteCount) are possible")
        }
        let document: MetadataValue
        do {
            document = try JSON.parse(text)
        } catch {
            throw SignatureDocument.malformed("the document is not JSON: \(error.message)")
        }
        guard let entries = document.map, Set(entries.keys) == ["contentRoot", "signatures", "type"],
            entries["type"]?.string == DetachedSignatures.type,
            let contentRoot = entries["contentRoot"]?.string.flatMap(Digest.init(parsing:)),
            let signatures = entries["signatures"]
        else {
            throw SignatureDocument.malformed(
                "the document is not one of type '\(DetachedSignatures.type)' with 'contentRoot' and 'signatures'")
        }
        self.contentRoot = contentRoot
        self.signatures = try SignatureDocument.signatures(signatures)
    }

    /// Reads a file.
    ///
    /// - Throws: `SignatureError` with code `malformedSignature`; `FileSystemError` when the file cannot be read.
    public init(readingFile path: String) throws {
        let file = try InputFile(opening: path)
        guard file.byteCount <= SignatureDocument.maximumByteCount else {
            throw SignatureDocument.malformed(
                "'\(path)' has \(file.byteCount) bytes, \(SignatureDocument.maximumByteCount) are possible")
        }
        try self.init(parsing: file.read(at: 0, count: file.byteCount))
    }

    /// The text of the file: the same for the same signatures.
    public var text: String {
        let document: MetadataValue = [
            "type": .string(DetachedSignatures.type), "contentRoot": .string(contentRoot.description),
            "signatures": SignatureDocument.metadata(signatures),
        ]
        return JSON.text(document, indented: true) + "\n"
    }
}

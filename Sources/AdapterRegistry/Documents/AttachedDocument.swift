import ByteCoding
public import Integrity

/// A document about a stored adapter: how it came about, what is in it, who signed it.
public struct AttachedDocument: Hashable, Sendable {
    /// What a document is.
    public enum Kind: String, Hashable, Sendable, CaseIterable {
        /// An in-toto statement with SLSA provenance, plain or in a DSSE envelope.
        case provenance = "in-toto"
        /// A CycloneDX bill of materials.
        case bom = "cyclonedx"
        /// A bundle of OpenSSF model signing.
        case modelSigning = "model-signing"
        /// Anything else.
        case other
    }

    /// The digest of the adapter file that it is about.
    public let subject: Digest
    /// SHA-256 of its text in UTF-8.
    public let digest: Digest
    /// What it is.
    public let kind: Kind
    /// Its file name.
    public let name: String
    /// When it was attached.
    public let createdAt: Timestamp
    /// Who attached it.
    public let actor: String
    /// Its length in bytes.
    public let byteCount: Int
}

/// A document before it is attached.
struct DocumentDraft: Hashable, Sendable {
    var kind: AttachedDocument.Kind
    var name: String
    var text: String

    /// What the log says of it.
    func details(_ digest: Digest) -> [String: MetadataValue] {
        ["document": .string(digest.description), "name": .string(name), "kind": .string(kind.rawValue)]
    }
}

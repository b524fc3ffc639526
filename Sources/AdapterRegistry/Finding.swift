public import Integrity

/// One thing that verification found wrong.
public struct Finding: Hashable, Sendable, CustomStringConvertible {
    /// What kind of damage it is.
    public enum Kind: String, Hashable, Sendable, CaseIterable {
        /// The stored file is missing.
        case missingFile
        /// The stored file cannot be read.
        case unreadableFile
        /// The stored file does not have the digest that it is named after.
        case damagedFile
        /// The stored file is whole but not a valid adapter file.
        case malformedFile
        /// The stored file does not say what the catalog says of it.
        case catalogMismatch
        /// A tag or a version stands at an adapter that the catalog does not know.
        case danglingReference
        /// SQLite finds the database damaged.
        case damagedCatalog
        /// The audit log was changed, or a tag does not stand where it says.
        case damagedLog
        /// The search index lacks adapters or holds others.
        case damagedSearch
        /// An attached document does not have the digest that it was stored with, or is not as it was attached.
        case damagedDocument
        /// A document that was attached, or a manifest that was pushed, is not there any more.
        case missingDocument
        /// A stored file that the catalog does not know: a push that was cut off leaves one. No damage; the next
        /// collection removes it.
        case unknownFile
    }

    /// What kind of damage it is.
    public let kind: Kind
    /// The stored file it is about; nil when it is about the catalog.
    public let digest: Digest?
    /// The tags it concerns.
    public let references: [Reference]
    /// The full sentence for a person.
    public let message: String

    /// Whether something is wrong, and not only left over.
    public var isDamage: Bool { kind != .unknownFile }

    /// The message.
    public var description: String { message }
}

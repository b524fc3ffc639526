public import Integrity

/// An adapter in the registry, as a reference found it at one moment.
public struct StoredAdapter: Hashable, Sendable {
    /// What a stored file is.
    public enum Kind: String, Hashable, Sendable {
        /// An adapter file.
        case adapter
        /// A list of adapters that stay apart.
        case stack
    }

    /// The reference that was asked for.
    public let reference: Reference
    /// SHA-256 of the file.
    public let digest: Digest
    /// The adapter's identity.
    public let contentRoot: Digest
    /// The file's length in bytes.
    public let byteCount: Int
    /// Where the file is.
    public let path: String
    /// When this version came into this repository.
    public let createdAt: Timestamp
    /// What the catalog knows of it.
    public let summary: AdapterSummary
    /// What the file is.
    public let kind: Kind
    /// The state of the tag; nil when the reference names a digest.
    public let tag: TagState?

    /// Where a tag stands.
    public struct TagState: Hashable, Sendable {
        /// How often the tag has changed, removals included.
        public let generation: Int
        /// Whether it can never move again.
        public let isImmutable: Bool
        /// When it came to stand there.
        public let updatedAt: Timestamp
    }

    /// The reference that always means these bytes.
    public var pinned: Reference { Reference(reference.repository, digest: digest) }
}

public import Integrity

/// One change of a tag: an entry of the audit log.
public struct TagEvent: Hashable, Sendable {
    /// What was done.
    public enum Operation: String, Hashable, Sendable, CaseIterable {
        /// An adapter was stored under the tag.
        case push
        /// The tag was set to a version that was stored already, or made immutable.
        case tag
        /// The adapter was stored again with other signatures.
        case sign
        /// The tag was set back to where it stood before.
        case rollback
        /// The tag was removed; the version stayed.
        case untag
        /// The tag was removed together with the version.
        case remove
    }

    /// The event's number: grows with every event of the registry, whatever the clock shows.
    public let id: Int
    /// The repository and the tag.
    public let reference: Reference
    /// What was done.
    public let operation: Operation
    /// Where the tag stood before; nil when it did not exist.
    public let oldDigest: Digest?
    /// Where the tag stood afterwards; nil when it was removed.
    public let newDigest: Digest?
    /// How often the tag had changed then, this event included.
    public let generation: Int
    /// Who did it.
    public let actor: String
    /// When, by the clock of the machine that did it.
    public let date: Timestamp
    /// What was said about it.
    public let message: String?
}

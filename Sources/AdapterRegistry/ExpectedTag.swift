public import Integrity

/// Where the caller believes a tag to stand, so that nobody's change is overwritten unseen (compare and swap).
public enum ExpectedTag: Hashable, Sendable {
    /// It does not matter.
    case any
    /// The tag does not exist.
    case absent
    /// The tag stands at this version.
    case digest(Digest)
}

public import Integrity

/// One step between an adapter and what it was computed from.
public struct LineageLink: Hashable, Sendable {
    /// The adapter at the other end: the parent of a child, or the child of a parent.
    public let digest: Digest
    /// Its identity.
    public let contentRoot: Digest
    /// The part that the parent played: `input`, `base`, ….
    public let role: String
    /// The parent's weight; nil where weights have no meaning.
    public let weight: Double?
    /// How the child was computed.
    public let operation: String
    /// Whether the adapter at the other end is in this registry.
    public let isStored: Bool
    /// The tags that stand at it.
    public let references: [Reference]
}

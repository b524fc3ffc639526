public import Integrity

/// Adapters and what they were computed from.
///
/// A point is an identity, not a file: a signed copy of an adapter is the same parent.
public struct LineageGraph: Hashable, Sendable {
    /// One adapter.
    public struct Node: Hashable, Sendable {
        /// Its identity.
        public let contentRoot: Digest
        /// The files that hold it in this registry, ascending; none when it is not stored.
        public let digests: [Digest]
        /// The tags that stand at one of them.
        public let references: [Reference]
        /// How it was computed; nil when it was not, or is not stored.
        public let operation: String?
        /// What a base model, which is no adapter, is called by one that was trained on it; nil for anything else.
        public let name: String?
    }

    /// One step from a parent to a child.
    public struct Edge: Hashable, Sendable {
        /// The parent's identity.
        public let parent: Digest
        /// The child's identity.
        public let child: Digest
        /// The part that the parent played: `input`, `base`, `member`, ….
        public let role: String
        /// Its weight; nil where weights have no meaning.
        public let weight: Double?
        /// How the child was computed.
        public let operation: String
    }

    /// The adapter that was asked about.
    public let root: Digest
    /// All adapters, the one that was asked about first, then in the order of their distance.
    public let nodes: [Node]
    /// The steps, each once, in the order in which they were found.
    public let edges: [Edge]
    /// Whether more was there than was asked for.
    public let isTruncated: Bool

    /// The adapter of an identity.
    public func node(_ contentRoot: Digest) -> Node? { nodes.first { $0.contentRoot == contentRoot } }
}

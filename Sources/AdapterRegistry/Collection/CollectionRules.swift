public import Integrity

/// What the collection of unused files takes and what it leaves.
public struct CollectionRules: Hashable, Sendable {
    /// Which untagged versions leave their repositories; tagged ones never do.
    public struct Retention: Hashable, Sendable {
        /// The repositories' names, where `*` stands for any characters; nil for all.
        public var pattern: String?
        /// The last so many versions of each repository stay, tagged ones counted.
        public var keepLast: Int?
        /// Versions younger than this stay.
        public var keepYounger: Duration?

        /// Creates a rule. A version stays if any part of the rule keeps it.
        public init(pattern: String? = nil, keepLast: Int? = nil, keepYounger: Duration? = nil) {
            self.pattern = pattern
            self.keepLast = keepLast
            self.keepYounger = keepYounger
        }
    }

    /// How long a file stays after nothing needs it any more.
    public var grace: Duration
    /// Whether what adapters in use were computed from stays too, so that they can be computed again.
    public var keepsParents: Bool
    /// Which versions are retired first; nil retires none.
    public var retention: Retention?

    /// Creates rules; by default unused files go after a day, versions never, and parents stay.
    public init(grace: Duration = .seconds(86_400), keepsParents: Bool = true, retention: Retention? = nil) {
        self.grace = grace
        self.keepsParents = keepsParents
        self.retention = retention
    }
}

/// What a collection took, or would take.
public struct CollectionReport: Hashable, Sendable {
    /// A file that went.
    public struct File: Hashable, Sendable {
        /// Its digest.
        public let digest: Digest
        /// Its length in bytes.
        public let byteCount: Int
        /// Whether the catalog did not know it: what a push leaves that was cut off.
        public let isUnknown: Bool
    }

    /// Versions that left their repositories.
    public var retired: [Reference] = []
    /// Files that went.
    public var files: [File] = []
    /// How many unused files stay for now: they have not been unused for long enough.
    public var waitingCount = 0
    /// How many unused files stay because adapters in use were computed from them.
    public var parentCount = 0
    /// How many unused files stay because running processes need them.
    public var leasedCount = 0

    /// The bytes that became free.
    public var byteCount: Int { files.reduce(0) { $0 + $1.byteCount } }
}

extension Duration {
    /// The duration in whole milliseconds, as timestamps count.
    var milliseconds: Int64 {
        let (seconds, attoseconds) = components
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1000)
        return overflow
            ? (seconds < 0 ? .min : .max)
            : product.addingReportingOverflow(attoseconds / 1_000_000_000_000_000).partialValue
    }
}

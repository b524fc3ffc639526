public import ByteCoding
public import Integrity

/// One entry of the audit log; kept for ever, and chained to the one before by its hash.
public struct AuditEntry: Hashable, Sendable {
    /// The entry's number: 1, 2, 3, … in the order of the changes, whatever the clock shows.
    public let id: Int
    /// When, by the clock of the machine that did it.
    public let date: Timestamp
    /// Who did it.
    public let actor: String
    /// What was done: `push`, `tag`, `collect`, ….
    public let action: String
    /// The repository it concerns, as text.
    public let repository: String?
    /// The tag it concerns.
    public let tag: String?
    /// What stood there before.
    public let oldDigest: Digest?
    /// What stands there afterwards.
    public let newDigest: Digest?
    /// How often the tag had changed, this entry included; nil for what is not about a tag.
    public let generation: Int?
    /// What was said about it.
    public let message: String?
    /// What else is worth knowing; empty for most.
    public let details: [String: MetadataValue]
    /// The hash over the entry before and this one.
    public let hash: Digest
}

/// Where the log stood: an entry and its hash, to be noted elsewhere and compared later.
public struct AuditHead: Hashable, Sendable, CustomStringConvertible {
    /// The number of the entry.
    public let id: Int
    /// Its hash.
    public let hash: Digest

    /// Names an entry.
    public init(id: Int, hash: Digest) {
        self.id = id
        self.hash = hash
    }

    /// A head from `NUMBER:sha256:…`; nil for anything else.
    public init?(parsing text: String) {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let id = Int(parts[0]), id > 0, let hash = Digest(parsing: String(parts[1])) else {
            return nil
        }
        self.init(id: id, hash: hash)
    }

    /// `NUMBER:sha256:…`.
    public var description: String { "\(id):\(hash)" }
}

/// What checking the audit log found.
public struct AuditVerification: Hashable, Sendable {
    /// How many entries were checked.
    public let entryCount: Int
    /// The last entry; nil when there is none.
    public let head: AuditHead?
    /// What is wrong, as sentences; empty when all is well.
    public let faults: [String]
}

extension Registry {
    /// The audit log, the newest entries first.
    ///
    /// - Parameters:
    ///   - repository: only entries about this one.
    ///   - tag: only entries about this tag of it.
    ///   - after: the last entry of the page before; the list goes on with older ones.
    ///   - limit: the largest number of entries; nil is without limit.
    public func log(
        _ repository: RepositoryName? = nil, tag: Tag? = nil, after: Int? = nil, limit: Int? = nil
    ) throws -> [AuditEntry] {
        try catalog.read { try Catalog.auditEntries(repository, tag, before: after, limit: limit, in: $0) }
    }

    /// The number of the newest entry of the audit log, 0 when there is none: it grows with every change of what
    /// repositories hold, so whoever remembers something of them can see whether it still holds.
    public func newestLogEntry() throws -> Int { try catalog.read { try Catalog.newestAuditEntry(in: $0) } }

    /// Recomputes the log's chain of hashes and compares the tags with it.
    ///
    /// An entry that was changed, removed or put in between is found. Whoever can write the database can also compute a
    /// whole new chain; to find that, note the head elsewhere and expect it.
    ///
    /// - Parameter expected: an entry that was noted earlier.
    /// - Complexity: reads the whole log.
    public func verifyLog(expecting expected: AuditHead? = nil) throws -> AuditVerification {
        try catalog.read { try Catalog.verifyAudit(expecting: expected, in: $0) }
    }
}

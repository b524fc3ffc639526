import FileSystem
import GRDB
import Integrity

extension Registry {
    /// What a collection would take; changes nothing.
    ///
    /// - Throws: ``RegistryError``; `FileSystemError` when the stored files cannot be listed.
    public func previewCollection(_ rules: CollectionRules = CollectionRules()) throws -> CollectionReport {
        let now = Timestamp.now()
        return try RegistryError.translating("examine the registry", directory) {
            var report = CollectionReport()
            let known = try catalog.read { database in
                report.retired =
                    try rules.retention.map { try Catalog.retiredVersions($0, at: now, in: database) } ?? []
                let unused = try Catalog.unusedFiles(keepsParents: rules.keepsParents, in: database)
                let going = select(unused, rules, now, &report)
                report.files += try Catalog.attachments(only: Set(going.map(\.digest)), in: database).map {
                    .init(digest: $0.digest, byteCount: $0.byteCount, isUnknown: false)
                }
                return try Catalog.blobDigests(in: database)
            }
            report.files += unknownFiles(known, rules, now, try blobs.digests())
            report.files += try unusedPackageFiles(grace: rules.grace, at: now)
            return report
        }
    }

    /// Removes stored files that nothing needs.
    ///
    /// Safe beside running pushes, merges and collections: rows go in a transaction that asks again whether anything
    /// needs them; a file goes in a later one that finds it without a row. Between the two a push may store the file
    /// again, and then it stays. A process that is killed leaves at most files without rows, for the next collection.
    ///
    /// - Parameter progress: told how many files of how many have gone.
    /// - Throws: ``RegistryError`` with code `readOnly`, `locked` or `ioFailure`.
    public func collect(
        _ rules: CollectionRules = CollectionRules(), progress: ((_ done: Int, _ total: Int) -> Void)? = nil
    ) throws -> CollectionReport {
        try writing("collect unused files of the registry") {
            // A backup that is just linking files must find them.
            let lock = try FileLock(waitingFor: collectionLockPath, exclusive: true)
            return try withExtendedLifetime(lock) { try collectLocked(rules, progress) }
        }
    }

    /// Held alone by a collection and shared by backups.
    var collectionLockPath: String { "\(directory)/collection.lock" }

    private func collectLocked(
        _ rules: CollectionRules, _ progress: ((Int, Int) -> Void)?
    ) throws -> CollectionReport {
        let now = Timestamp.now()
        var report = CollectionReport()
        try catalog.write { try Catalog.removeDeadLeases(blobs, in: $0) }
        // In batches: others wait for each, not for all.
        let batchSize = 500
        if let rule = rules.retention {
            let versions = try catalog.read { try Catalog.retiredVersions(rule, at: now, in: $0) }
            for start in stride(from: 0, to: versions.count, by: batchSize) {
                let batch = versions[start..<min(start + batchSize, versions.count)]
                report.retired += try catalog.write { try retire(batch, at: now, in: $0) }
            }
        }
        let unused = try catalog.read { try Catalog.unusedFiles(keepsParents: rules.keepsParents, in: $0) }
        let candidates = select(unused, rules, now, &report)
        report.files = []
        for start in stride(from: 0, to: candidates.count, by: batchSize) {
            let batch = Array(candidates[start..<min(start + batchSize, candidates.count)])
            let gone = try catalog.write { try removeRows(of: batch, rules, at: now, in: $0) }
            try discard(gone.map(\.digest))
            report.files += gone
            progress?(start + batch.count, candidates.count)
        }
        let known = try catalog.read { try Catalog.blobDigests(in: $0) }
        let unknown = unknownFiles(known, rules, now, try blobs.digests())
        for start in stride(from: 0, to: unknown.count, by: batchSize) {
            let batch = unknown[start..<min(start + batchSize, unknown.count)]
            let gone = Set(try discard(batch.map(\.digest)))
            report.files += batch.filter { gone.contains($0.digest) }
        }
        report.files += try collectPackageFiles(grace: rules.grace, at: now)
        return report
    }

    /// Sorts unused files by what becomes of them, and returns those that go.
    private func select(
        _ unused: [Catalog.UnusedFile], _ rules: CollectionRules, _ now: Timestamp, _ report: inout CollectionReport
    ) -> [Catalog.UnusedFile] {
        var going: [Catalog.UnusedFile] = []
        for file in unused {
            if file.isLeased {
                report.leasedCount += 1
            } else if file.isParent {
                report.parentCount += 1
            } else if !isPast(file.unusedSince, rules, now) {
                report.waitingCount += 1
            } else {
                going.append(file)
            }
        }
        report.files = going.map { .init(digest: $0.digest, byteCount: $0.byteCount, isUnknown: false) }
        return going
    }

    /// Whether the grace is over; a moment in the future, which a clock that was set back leaves, is young.
    private func isPast(_ moment: Timestamp, _ rules: CollectionRules, _ now: Timestamp) -> Bool {
        let (age, overflow) = now.milliseconds.subtractingReportingOverflow(moment.milliseconds)
        return !overflow && age >= rules.grace.milliseconds
    }

    private func unknownFiles(
        _ known: [Digest], _ rules: CollectionRules, _ now: Timestamp, _ present: [Digest]
    ) -> [CollectionReport.File] {
        let known = Set(known)
        return present.filter { !known.contains($0) }.compactMap { digest in
            guard let status = Directory.status(of: blobs.path(of: digest)),
                isPast(Timestamp(milliseconds: status.modifiedMilliseconds), rules, now)
            else { return nil }
            return .init(digest: digest, byteCount: status.byteCount, isUnknown: true)
        }
    }

    /// Takes those versions out of their repositories that are still without tags.
    func retire(
        _ versions: ArraySlice<Reference>, at now: Timestamp, in database: Database
    ) throws -> [Reference] {
        try versions.filter { version in
            guard let digest = version.digest,
                let repository = try Catalog.repositoryID(version.repository, in: database),
                try Catalog.isRetirable(repository, digest, in: database)
            else { return false }
            try Catalog.append(
                AuditRecord(
                    date: now, actor: actor.withoutNull, action: "retire",
                    repository: version.repository.description, oldDigest: digest.description), in: database)
            try Catalog.removeVersion(repository, digest, at: now, in: database)
            return true
        }
    }

    /// Removes the rows of those files that are still unused, and of what is attached to them.
    func removeRows(
        of files: [Catalog.UnusedFile], _ rules: CollectionRules, at now: Timestamp, in database: Database
    ) throws -> [CollectionReport.File] {
        let still = try Catalog.unusedFiles(
            among: files.map(\.digest), keepsParents: rules.keepsParents, in: database
        ).filter { !$0.isLeased && !$0.isParent && isPast($0.unusedSince, rules, now) }
        let gone = try still.flatMap { try Catalog.removeFile($0.digest, in: database) }
        for file in gone {
            try Catalog.append(
                AuditRecord(
                    date: now, actor: actor.withoutNull, action: "collect", oldDigest: file.digest.description),
                in: database)
        }
        return gone
    }

    /// Removes files that have no rows, and returns those that went.
    @discardableResult
    func discard(_ digests: [Digest]) throws -> [Digest] {
        let gone = try catalog.write { database in
            try digests.filter { try !Catalog.isStored($0, in: database) && blobs.discard($0) }
        }
        try blobs.emptyTrash()
        return gone
    }
}

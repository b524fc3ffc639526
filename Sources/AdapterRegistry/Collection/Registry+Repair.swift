import AdapterFormat
import FileSystem
import GRDB
import Integrity

/// What a check of the whole registry found and what was put right.
public struct RepairReport: Hashable, Sendable {
    /// What is wrong or left over now.
    public var findings: [Finding] = []
    /// What was put right, as sentences.
    public var repairs: [String] = []

    /// Creates a report.
    public init(findings: [Finding] = [], repairs: [String] = []) {
        self.findings = findings
        self.repairs = repairs
    }
}

extension Registry {
    /// Checks the registry in both directions: every row against the files, every file against the rows.
    ///
    /// - Parameter progress: told how many files of how many have been verified.
    /// - Complexity: reads every byte.
    public func check(progress: ((_ verified: Int, _ total: Int) -> Void)? = nil) throws -> [Finding] {
        var findings = try verifyAll(progress: progress)
        findings += try catalogFindings {
            try catalog.read { try Catalog.searchFaults(in: $0) }.map {
                Finding(kind: .damagedSearch, digest: nil, references: [], message: $0 + " Run 'fsck --repair'.")
            }
        }
        findings += try catalogFindings {
            let known = Set(try catalog.read { try Catalog.blobDigests(in: $0) })
            return try RegistryError.translating("examine the registry", directory) {
                try blobs.digests().filter { !known.contains($0) }.map { digest in
                    Finding(
                        kind: .unknownFile, digest: digest, references: [],
                        message: "The stored file \(digest) is not in the catalog. The next 'gc --apply' removes it.")
                }
            }
        }
        findings += try catalogFindings { try packageFindings() }
        // SQLite's check of a search index is a statement that writes.
        if mode == .readWrite {
            findings += try catalogFindings {
                try catalog.write { try Catalog.isTextIndexWhole(in: $0) }
                    ? []
                    : [
                        Finding(
                            kind: .damagedSearch, digest: nil, references: [],
                            message: "The search index does not hold the words of the adapters. Run 'fsck --repair'.")
                    ]
            }
        }
        return findings
    }

    /// Checks the registry and puts right what can be put right without losing anything.
    ///
    /// - Missing and damaged files and documents are taken from `sources`, if these have the right bytes.
    /// - Documents that follow from their adapters' files are written anew.
    /// - Rows that do not say what their files say are written anew, and so are rows that are missing.
    /// - Rows of a missing file that nothing needs are removed.
    /// - The indexes are built anew.
    ///
    /// The audit log is never repaired, and no file is removed.
    ///
    /// - Parameter sources: folders of other registries or backups.
    public func repair(
        from sources: [String] = [], progress: ((_ verified: Int, _ total: Int) -> Void)? = nil
    ) throws -> RepairReport {
        try writing("repair the registry") {
            var report = RepairReport()
            var hasNewRows = false
            for finding in try check(progress: progress) where finding.isDamage {
                guard let repair = try repair(finding, from: sources) else { continue }
                report.repairs.append(repair)
                hasNewRows = hasNewRows || [.catalogMismatch, .danglingReference].contains(finding.kind)
            }
            // What the rows said before has left its places in lists.
            if hasNewRows { try rebuildIndexes() }
            report.findings = try check(progress: progress)
            return report
        }
    }

    /// Puts one finding right; returns what was done, or nil when nothing can be.
    private func repair(_ finding: Finding, from sources: [String]) throws -> String? {
        switch finding.kind {
        case .damagedSearch:
            try rebuildIndexes()
            return try log("The search index was built anew.", nil)
        case .damagedCatalog:
            // Damage beyond the indexes stays, and is found again.
            do {
                try catalog.write { try $0.execute(sql: "REINDEX") }
            } catch let error as RegistryError where error.code == .corrupt {
                return nil
            }
            return try log("The catalog's indexes were built anew.", nil)
        case .missingFile, .damagedFile, .unreadableFile, .malformedFile:
            guard let digest = finding.digest else { return nil }
            for source in sources {
                if try restore(digest, from: source) { return try log("\(digest) was taken from '\(source)'.", digest) }
            }
            guard finding.kind == .missingFile else { return nil }
            let isGone = try catalog.write { database in
                let isUnused = try Catalog.unusedFiles(among: [digest], keepsParents: true, in: database)
                    .contains { !$0.isLeased && !$0.isParent }
                if isUnused { _ = try Catalog.removeFile(digest, in: database) }
                return isUnused
            }
            return isGone
                ? try log("The rows of \(digest), which nothing needs, were removed.", nil, removed: digest) : nil
        case .catalogMismatch, .danglingReference:
            guard let digest = finding.digest, Directory.kind(of: blobs.path(of: digest)) != nil else { return nil }
            let record = try verifiedRecord(digest)
            try catalog.write { database in
                try Catalog.removeParts(of: digest.description, in: database)
                if try !Catalog.insert(record, at: Timestamp.now(), in: database) {
                    try Catalog.replace(record, in: database)
                }
            }
            return try log("The rows of \(digest) were written anew from its file.", digest)
        case .damagedDocument, .missingDocument:
            guard let digest = finding.digest else { return nil }
            return try repairDocuments(of: digest, from: sources)
        case .damagedLog, .unknownFile: return nil
        }
    }

    private func rebuildIndexes() throws {
        try catalog.write { database in
            try Catalog.rebuildSearch(in: database)
            try Catalog.rebuildFacets(in: database)
        }
    }

    /// Copies a file from another registry, if it has the right bytes.
    private func restore(_ digest: Digest, from source: String) throws -> Bool {
        let (isAdapter, isPackage) = try catalog.read {
            (try Catalog.isStored(digest, in: $0), try Catalog.isPackageFile(digest, in: $0))
        }
        var isRestored = false
        if isAdapter { isRestored = try restore(digest, from: BlobStore(directory: source), to: blobs) }
        if isPackage {
            let source = BlobStore(directory: "\(source)/oci")
            isRestored = try restore(digest, from: source, to: packageStore) || isRestored
        }
        return isRestored
    }

    private func restore(_ digest: Digest, from source: BlobStore, to blobs: BlobStore) throws -> Bool {
        let input: InputFile
        do {
            input = try InputFile(opening: source.path(of: digest))
        } catch let error as FileSystemError where error.code == .notFound || error.code == .wrongKind {
            return false
        }
        try blobs.create()
        let output = try blobs.makeTemporary()
        var hasher = SHA256()
        try input.forEachPiece(in: 0..<input.byteCount) { piece in
            hasher.update(piece)
            try output.write(piece)
        }
        guard hasher.finalize() == digest else { return false }
        try blobs.prepare(output, as: digest)
        try catalog.write { _ in try blobs.commit(output, as: digest) }
        return true
    }

    /// - Parameter removed: what is not stored any more.
    func log(_ sentence: String, _ digest: Digest?, removed: Digest? = nil) throws -> String {
        try catalog.write { database in
            try Catalog.append(
                AuditRecord(
                    date: Timestamp.now(), actor: actor.withoutNull, action: "repair",
                    oldDigest: removed?.description, newDigest: digest?.description, message: sentence), in: database)
        }
        return sentence
    }
}

import AdapterFormat
import FileSystem
import GRDB
import Integrity

extension Registry {
    /// Reads every byte of the adapter that a reference stands for and compares it with its name and with the catalog; of
    /// a stack also those of its adapters.
    ///
    /// - Parameter progress: called with the number of bytes examined since the last call; their sum is twice the
    ///   file's length.
    /// - Returns: what is wrong; empty when all is well.
    /// - Throws: ``RegistryError`` with code `notFound`.
    public func verify(_ reference: Reference, progress: ((Int) -> Void)? = nil) throws -> [Finding] {
        let stored = try resolve(reference)
        let findings = try verify(stored.digest, references: [reference], progress: progress)
        guard stored.kind == .stack, findings.isEmpty else { return findings }
        return try stack(stored).members.flatMap {
            try verify($0.digest, references: [reference], progress: progress)
        }
    }

    /// Verifies the catalog and every stored file that it knows.
    ///
    /// Files that the catalog does not know are no damage: a push that was cut off leaves one.
    ///
    /// - Parameter progress: told how many files of how many have been verified.
    /// - Returns: what is wrong, however much it is; empty when all is well.
    public func verifyAll(progress: ((_ verified: Int, _ total: Int) -> Void)? = nil) throws -> [Finding] {
        var findings: [Finding] = []
        // Each check on its own: what the first cannot read may not hide what the next finds.
        findings += try catalogFindings {
            try catalog.read { try Catalog.databaseFaults(in: $0) }.map { fault in
                Finding(
                    kind: .damagedCatalog, digest: nil, references: [],
                    message: "The catalog is damaged: \(fault). Restore 'catalog.sqlite' from a backup.")
            }
        }
        findings += try catalogFindings {
            try catalog.read { try Catalog.danglingReferences(in: $0) }.map { reference, digest in
                Finding(
                    kind: .danglingReference, digest: Digest(parsing: digest), references: [],
                    message: "'\(reference)' stands at \(digest), which the catalog does not know. "
                        + "Restore 'catalog.sqlite' from a backup.")
            }
        }
        findings += try catalogFindings { try logFindings() }
        findings += try catalogFindings { try documentFindings() }
        findings += try catalogFindings {
            var found: [Finding] = []
            let digests = try catalog.read { try Catalog.blobDigests(in: $0) }
            for (index, digest) in digests.enumerated() {
                found += try catalogFindings {
                    let references = try self.references(to: digest)
                    return try verify(digest, references: references, progress: nil)
                }
                progress?(index + 1, digests.count)
            }
            return found
        }
        return findings
    }

    private func logFindings() throws -> [Finding] {
        try verifyLog().faults.map { fault in
            Finding(
                kind: .damagedLog, digest: nil, references: [],
                message: "\(fault) Compare with a backup, and find out who can write 'catalog.sqlite'.")
        }
    }

    private func documentFindings() throws -> [Finding] {
        func finding(_ kind: Finding.Kind, _ document: DocumentRow, _ fault: String) -> Finding {
            Finding(
                kind: kind, digest: document.subject, references: [],
                message: "The document '\(document.name)' about \(document.subject) \(fault). Run 'fsck --repair', or "
                    + "attach it again.")
        }
        let (damaged, lost) = try catalog.read {
            (try Catalog.damagedDocuments(in: $0), try Catalog.lostDocuments(in: $0))
        }
        return damaged.map { finding(.damagedDocument, $0, "is damaged") }
            + lost.map { document, isThere in
                isThere
                    ? finding(.damagedDocument, document, "does not say of itself what the log says")
                    : finding(.missingDocument, document, "is missing")
            }
    }

    /// Turns the error of a catalog that cannot be read into a finding.
    func catalogFindings(_ body: () throws -> [Finding]) throws -> [Finding] {
        do {
            return try body()
        } catch let error as RegistryError where error.code == .corrupt {
            return [Finding(kind: .damagedCatalog, digest: nil, references: [], message: error.message)]
        }
    }

    func verify(
        _ digest: Digest, references: [Reference], progress: ((Int) -> Void)?
    ) throws -> [Finding] {
        func finding(_ kind: Finding.Kind, _ reason: String) -> [Finding] {
            let names = references.map { " (\($0))" }.joined()
            return [
                Finding(
                    kind: kind, digest: digest, references: references,
                    message: "The stored file \(digest)\(names) \(reason). Push or pull it again, which replaces it.")
            ]
        }
        let record: AdapterRecord
        do {
            if let attached = try attachedByteCount(digest) {
                // The digest tells of the length too, but of the row's only the comparison.
                let actual = try blobs.digestOfBytes(storedAs: digest)
                guard actual == digest else { return finding(.damagedFile, "has the digest \(actual)") }
                let isWhole = try Directory.examine(blobs.path(of: digest))?.byteCount == attached
                return isWhole ? [] : finding(.catalogMismatch, "does not have the length that the catalog says")
            }
            record = try verifiedRecord(digest, progress: progress)
        } catch let error as RegistryError where error.code == .damagedBlob {
            return finding(.damagedFile, error.message)
        } catch let error as FileSystemError {
            guard error.code == .notFound else { return finding(.unreadableFile, "cannot be read: \(error.message)") }
            // A collection may have taken it, row and file, since the list was read.
            let isKnown = try catalog.read { try Catalog.isStored(digest, in: $0) }
            return isKnown ? finding(.missingFile, "is missing") : []
        } catch let error as FormatError {
            // Whether the bytes changed after they were stored, or were never right.
            let actual = try? blobs.digestOfBytes(storedAs: digest)
            return actual == digest
                ? finding(.malformedFile, "is not a valid adapter file: \(error.message)")
                : finding(.damagedFile, "does not hold the bytes that were stored: \(error.message)")
        }
        let (known, isStored, recipeKeys) = try catalog.read { database in
            var known = try Catalog.record(of: digest, in: database)
            known?.parents = try Catalog.provenanceParents(of: digest, in: database)
            // The catalog does not keep the whole record.
            known?.provenance = record.provenance
            return (
                known, try Catalog.isStored(digest, in: database), try Catalog.recipeKeys(of: digest, in: database)
            )
        }
        // A collection may have taken it while it was read.
        guard known != nil || isStored else { return [] }
        // By a wrong one another recipe would be answered with this file. One that is missing is only computed again.
        let isKeyRight = recipeKeys.allSatisfy { $0 == record.recipeKey?.description }
        guard known == record, isKeyRight else {
            return finding(.catalogMismatch, "does not say what the catalog says of it")
        }
        return []
    }

    /// The length of a file that belongs to an adapter and is none itself; nil for adapters.
    private func attachedByteCount(_ digest: Digest) throws -> Int? {
        try catalog.read { database in
            guard try Catalog.isAttached(digest, in: database), try Catalog.record(of: digest, in: database) == nil
            else { return nil }
            return try Int.fetchOne(
                database, sql: "SELECT byteCount FROM blob WHERE digest = ?", arguments: [digest.description])
        }
    }

    /// What a stored file says of itself, every byte of it verified.
    ///
    /// - Throws: ``RegistryError`` with code `damagedBlob` and a part of a sentence when the file has another digest;
    ///   `FormatError`, `FileSystemError`.
    func verifiedRecord(_ digest: Digest, progress: ((Int) -> Void)? = nil) throws -> AdapterRecord {
        let path = blobs.path(of: digest)
        let actual: Digest
        let record: AdapterRecord
        if let stack = try StackDocument(ifStackAt: path) {
            actual = try blobs.digestOfBytes(storedAs: digest)
            record = stack.record(digest: actual)
        } else {
            let file = try AdapterFile(opening: path, limits: limits)
            actual = try file.verify(progress: progress)
            record = try AdapterRecord(file, digest: actual)
        }
        guard actual == digest else { throw RegistryError(.damagedBlob, "has the digest \(actual)", digest: digest) }
        return record
    }
}

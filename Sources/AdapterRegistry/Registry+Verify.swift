import AdapterFormat
import FileSystem
import Integrity

extension Registry {
    /// Reads every byte of the adapter that a reference stands for and compares it with its name and with the catalog.
    ///
    /// - Parameter progress: called with the number of bytes examined since the last call; their sum is twice the
    ///   file's length.
    /// - Returns: what is wrong; empty when all is well.
    /// - Throws: ``RegistryError`` with code `notFound`.
    public func verify(_ reference: Reference, progress: ((Int) -> Void)? = nil) throws -> [Finding] {
        let stored = try resolve(reference)
        return try verify(stored.digest, references: [reference], progress: progress)
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

    /// Turns the error of a catalog that cannot be read into a finding.
    private func catalogFindings(_ body: () throws -> [Finding]) throws -> [Finding] {
        do {
            return try body()
        } catch let error as RegistryError where error.code == .corrupt {
            return [Finding(kind: .damagedCatalog, digest: nil, references: [], message: error.message)]
        }
    }

    private func verify(
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
            let file = try AdapterFile(opening: blobs.path(of: digest), limits: limits)
            let actual = try file.verify(progress: progress)
            guard actual == digest else { return finding(.damagedFile, "has the digest \(actual)") }
            record = try AdapterRecord(file, digest: digest)
        } catch let error as FileSystemError {
            return error.code == .notFound
                ? finding(.missingFile, "is missing") : finding(.unreadableFile, "cannot be read: \(error.message)")
        } catch let error as FormatError {
            // Whether the bytes changed after they were stored, or were never right.
            let actual = try? blobs.digestOfBytes(storedAs: digest)
            return actual == digest
                ? finding(.malformedFile, "is not a valid adapter file: \(error.message)")
                : finding(.damagedFile, "does not hold the bytes that were stored: \(error.message)")
        }
        let known = try catalog.read { database in
            var known = try Catalog.record(of: digest, in: database)
            known?.parents = try Catalog.provenanceParents(of: digest, in: database)
            return known
        }
        guard known == record else { return finding(.catalogMismatch, "does not say what the catalog says of it") }
        return []
    }
}

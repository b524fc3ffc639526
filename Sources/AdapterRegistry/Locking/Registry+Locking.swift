public import AdapterFormat
import FileSystem
import Integrity

/// What is wrong with one locked adapter.
public struct LockFault: Hashable, Sendable {
    /// What kind of fault it is.
    public enum Kind: String, Hashable, Sendable, CaseIterable {
        /// The tag or the file is gone.
        case missing
        /// The tag stands at other bytes.
        case changed
        /// The bytes on disk are not those that were locked.
        case damaged
        /// It lacks a signature that was demanded.
        case unsigned
        /// It has a locked name and no line in the lock file.
        case unlisted
    }

    /// What kind of fault it is.
    public let kind: Kind
    /// The full sentence for a person.
    public let message: String

    /// Creates a fault.
    public init(_ kind: Kind, _ message: String) {
        self.kind = kind
        self.message = message
    }
}

extension Registry {
    /// What stands now under names, for a lock file.
    ///
    /// - Parameter names: patterns, in which `*` stands for any characters.
    /// - Throws: ``RegistryError`` with code `notFound` for a pattern that no adapter matches.
    public func lock(_ names: [String], signers: [String] = []) throws -> LockFile {
        var entries: [LockFile.Entry] = []
        for name in names {
            let found = try list(ListQuery(pattern: name))
            guard !found.isEmpty else {
                throw RegistryError(
                    .notFound, "Unable to lock '\(name)': no adapter has such a name. See 'list'.", reference: name)
            }
            entries += found.map {
                LockFile.Entry(reference: $0.reference, digest: $0.digest, contentRoot: $0.contentRoot)
            }
        }
        return try LockFile(names: names, signers: signers, entries: entries)
    }

    /// What is wrong with a locked adapter: where its tag stands, and every byte on disk.
    ///
    /// - Parameter check: called with an intact file, to look for signatures.
    /// - Returns: nil when all is well.
    public func fault(
        of entry: LockFile.Entry, check: (AdapterFile) throws -> LockFault?
    ) throws -> LockFault? {
        do {
            let stored = try resolve(entry.reference)
            guard stored.digest == entry.digest else {
                return LockFault(.changed, "The tag stands at \(stored.digest), \(entry.digest) was locked.")
            }
        } catch let error as RegistryError where error.code == .notFound {
            return LockFault(.missing, error.message)
        }
        return try fault(ofFile: entry.digest, contentRoot: entry.contentRoot, entry.reference, check)
    }

    /// From here on the files alone count, whatever the catalog says.
    private func fault(
        ofFile digest: Digest, contentRoot: Digest, _ reference: Reference, _ check: (AdapterFile) throws -> LockFault?
    ) throws -> LockFault? {
        if let finding = try verify(digest, references: [reference], progress: nil).first {
            return LockFault(finding.kind == .missingFile ? .missing : .damaged, finding.message)
        }
        func changed(_ found: Digest) -> LockFault {
            LockFault(.changed, "The file holds \(found), \(contentRoot) was locked.")
        }
        let path = blobs.path(of: digest)
        if let stack = try StackDocument(ifStackAt: path) {
            guard stack.contentRoot == contentRoot else { return changed(stack.contentRoot) }
            for member in stack.members {
                if let fault = try fault(ofFile: member.digest, contentRoot: member.contentRoot, reference, check) {
                    return fault
                }
            }
            return nil
        }
        let file = try AdapterFile(opening: path, limits: limits)
        return file.contentRoot == contentRoot ? try check(file) : changed(file.contentRoot)
    }

    /// Adapters with a locked name that the lock file does not list.
    public func unlisted(by lock: LockFile) throws -> [Reference] {
        var found: Set<Reference> = []
        for name in lock.names {
            for entry in try list(ListQuery(pattern: name)) where lock.entries[entry.reference] == nil {
                found.insert(entry.reference)
            }
        }
        return found.sorted { $0.description < $1.description }
    }
}

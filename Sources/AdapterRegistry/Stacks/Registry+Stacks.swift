import FileSystem
public import Integrity

extension Registry {
    /// Stores a stack and sets a tag to it. Its members must be stored; they are not collected while it stays.
    ///
    /// - Throws: ``RegistryError`` with code `notFound` when a member is not stored; as a push otherwise.
    public func push(
        _ stack: StackDocument, as reference: Reference, expected: ExpectedTag = .any
    ) throws -> StoredAdapter {
        try withLease { lease in
            try lease.protect(stack.members.map(\.digest))
            let output = try blobs.makeTemporary()
            let bytes = Array(stack.text.utf8)
            try output.write(bytes)
            return try store(output, stack.record(digest: SHA256.hash(bytes)), as: reference, expected: expected)
        }
    }

    /// The stack that a stored file holds.
    ///
    /// - Throws: ``RegistryError`` with code `damagedBlob`, or `wrongKind` when it is an adapter.
    public func stack(_ stored: StoredAdapter) throws -> StackDocument {
        guard stored.kind == .stack else {
            throw RegistryError(
                .wrongKind, "Unable to read '\(stored.reference)' as a stack: it is an adapter.",
                reference: stored.reference.description, digest: stored.digest)
        }
        let stack = try StackDocument(readingFile: stored.path)
        guard SHA256.hash(Array(stack.text.utf8)) == stored.digest else {
            throw RegistryError(
                .damagedBlob,
                "Unable to open '\(stored.reference)': its file is damaged. Restore it from a backup.",
                reference: stored.reference.description, digest: stored.digest)
        }
        return stack
    }

    /// A stored file by its digest, whichever repository has it.
    ///
    /// - Parameter reference: what errors and the result shall call it.
    /// - Throws: ``RegistryError`` with code `notFound`.
    public func stored(_ digest: Digest, as reference: Reference) throws -> StoredAdapter {
        try catalog.read { database in
            guard let stored = try Catalog.stored(digest, as: reference, blobs: blobs, in: database) else {
                throw RegistryError(
                    .notFound,
                    "Unable to find \(digest), which '\(reference)' needs: it is not stored. Push or restore it.",
                    reference: reference.description, digest: digest)
            }
            return stored
        }
    }
}

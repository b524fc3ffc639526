public import AdapterFormat
import FileSystem
public import Integrity

extension Registry {
    /// What a reference stands for now.
    ///
    /// - Throws: ``RegistryError`` with code `notFound`; its message names what may have been meant.
    public func resolve(_ reference: Reference) throws -> StoredAdapter {
        try catalog.read { try Catalog.resolve(reference, blobs: blobs, in: $0) }
    }

    /// Opens the adapter that a reference stands for.
    ///
    /// The file's header and identity are checked against the catalog, its tensors when they are read. The digest of the
    /// whole file is checked by ``verify(_:progress:)`` only, as that reads every byte.
    ///
    /// - Throws: ``RegistryError`` with code `notFound` or `damagedBlob`.
    public func open(_ reference: Reference) throws -> AdapterFile {
        try open(try resolve(reference))
    }

    /// Opens an adapter that was resolved before.
    ///
    /// - Throws: ``RegistryError`` with code `damagedBlob`.
    public func open(_ stored: StoredAdapter) throws -> AdapterFile {
        guard stored.kind == .adapter else {
            throw RegistryError(
                .wrongKind,
                "Unable to open '\(stored.reference)' as one adapter: it is a stack. Pull it, which writes a folder for "
                    + "each of its adapters, or name one of them.",
                reference: stored.reference.description, digest: stored.digest)
        }
        let file: AdapterFile
        do {
            file = try AdapterFile(opening: stored.path, limits: limits)
        } catch let error as FileSystemError where error.code == .notFound {
            throw damaged(stored, "its file is missing", error)
        } catch let error as FormatError {
            throw damaged(stored, "its file is damaged: \(error.message)", error)
        }
        guard file.byteCount == stored.byteCount, file.contentRoot == stored.contentRoot else {
            throw damaged(
                stored,
                "its file holds \(file.contentRoot) in \(file.byteCount) bytes, "
                    + "\(stored.contentRoot) in \(stored.byteCount) bytes were stored", nil)
        }
        return file
    }

    /// The tagged adapters that a query accepts.
    public func list(_ query: ListQuery = ListQuery()) throws -> [StoredAdapter] {
        try catalog.read { try Catalog.list(query, blobs: blobs, in: $0) }
    }

    /// What happened to the tags of a repository, the newest first; also after they were removed.
    ///
    /// - Parameters:
    ///   - tag: the only tag that is of interest; nil for all.
    ///   - after: the number of the last event of the page before; nil for the first page.
    ///   - limit: how many at most; nil for all.
    /// - Throws: ``RegistryError`` with code `notFound` when nothing ever happened.
    public func history(
        _ repository: RepositoryName, tag: Tag? = nil, after: Int? = nil, limit: Int? = nil
    ) throws -> [TagEvent] {
        try catalog.read { database in
            let events = try Catalog.events(repository, tag, after: after, limit: limit, in: database)
            guard events.isEmpty, limit != 0, after == nil else { return events }
            throw try Catalog.notFound(Reference(repository, tag: tag ?? .latest), in: database)
        }
    }

    /// The tags of all repositories that stand at a version.
    public func references(to digest: Digest) throws -> [Reference] {
        try catalog.read { try Catalog.references(to: digest, in: $0) }
    }

    /// What an adapter was computed from, in the order in which it was given; parents need not be in this registry.
    public func parents(of digest: Digest) throws -> [LineageLink] {
        try catalog.read { try Catalog.parents(of: digest, in: $0) }
    }

    /// What was computed from an adapter, as far as it is in this registry; the adapter itself need not be.
    public func children(of digest: Digest) throws -> [LineageLink] {
        try catalog.read { try Catalog.children(of: digest, in: $0) }
    }

    private func damaged(_ stored: StoredAdapter, _ reason: String, _ cause: (any Error)?) -> RegistryError {
        RegistryError(
            .damagedBlob,
            "Unable to open '\(stored.reference)': \(reason). Push or pull it again, which replaces the file.",
            reference: stored.reference.description, digest: stored.digest, cause: cause)
    }
}

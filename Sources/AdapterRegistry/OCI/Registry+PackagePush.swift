import AdapterFormat
import ByteCoding
import FileSystem
import GRDB
import Integrity

extension Registry {
    /// Stores a manifest and sets tags to it, in one transaction.
    ///
    /// When it holds an adapter, that is indexed like one pushed here, and the tags stand at it for every other command
    /// too; otherwise they are known to OCI clients only.
    ///
    /// - Parameters:
    ///   - manifest: the manifest; ``PackageManifest/adapter`` names a blob of the repository that is an adapter file.
    ///   - blobDigests: the blobs that it needs.
    ///   - manifestDigests: the manifests that it needs.
    ///   - tags: the tags to set.
    /// - Throws: ``RegistryError`` with code `notFound` when the repository lacks what the manifest needs, its `reference`
    ///   being the digest; `immutableTag`; `damagedBlob` when the adapter file is none.
    public func push(
        _ manifest: PackageManifest, needing blobDigests: [String], and manifestDigests: [String], tags: [Tag],
        in repository: RepositoryName
    ) throws {
        try writing("push to the registry") {
            let now = Timestamp.now()
            let indexed = try manifest.adapter.map { try adapterRecord($0, in: repository) }
            try catalog.write { database in
                try Registry.checkPresence(blobDigests, manifestDigests, in: repository, database)
                if let indexed {
                    try index(indexed, at: now, in: database)
                    _ = try Catalog.addVersion(repository, indexed.digest, at: now, in: database)
                }
                try Catalog.insert(
                    manifest, needing: blobDigests + manifestDigests, into: repository, at: now, in: database)
                for tag in tags {
                    try move(tag, in: repository, to: manifest, indexed, at: now, in: database)
                }
                try Catalog.append(
                    AuditRecord(
                        date: now, actor: actor.withoutNull, action: "push-manifest",
                        repository: repository.description,
                        newDigest: Digest(parsing: manifest.digest)?.description,
                        message: tags.isEmpty ? nil : tags.map(\.description).joined(separator: " "),
                        details: Registry.details(ofManifest: manifest.digest)), in: database)
            }
        }
    }

    /// Throws unless a repository has what a manifest needs.
    ///
    /// - Throws: ``RegistryError`` with code `notFound`, its `reference` being the digest.
    public func checkPackage(
        needing blobDigests: [String], and manifestDigests: [String], in repository: RepositoryName
    ) throws {
        try catalog.read { try Registry.checkPresence(blobDigests, manifestDigests, in: repository, $0) }
    }

    private static func checkPresence(
        _ blobDigests: [String], _ manifestDigests: [String], in repository: RepositoryName, _ database: Database
    ) throws {
        func missing(_ kind: String, _ digest: String) -> RegistryError {
            RegistryError(
                .notFound,
                "Unable to push the manifest to '\(repository)': it refers to the \(kind) \(digest), which the repository "
                    + "does not have. Push that first.", reference: digest)
        }
        for digest in blobDigests {
            let isThere =
                try Catalog.packageFile(digest, in: repository, in: database) != nil
                || Catalog.adapterFile(digest, in: repository, in: database) != nil
            guard isThere else { throw missing("blob", digest) }
        }
        for digest in manifestDigests {
            guard try Catalog.packageManifest(digest, in: repository, in: database) != nil else {
                throw missing("manifest", digest)
            }
        }
    }

    /// What the catalog says of an adapter, from its file.
    ///
    /// Its content is verified, unless the catalog knows the adapter already: what is listed can be read.
    private func adapterRecord(_ digest: Digest, in repository: RepositoryName) throws -> AdapterRecord {
        guard let blob = try packageBlob(digest.description, in: repository) else {
            throw RegistryError(
                .notFound,
                "Unable to push the manifest to '\(repository)': it refers to the blob \(digest), which the repository "
                    + "does not have. Push that first.", reference: digest.description)
        }
        do {
            let file = try AdapterFile(opening: blob.path, limits: limits)
            let known = try catalog.read { try Catalog.record(of: digest, in: $0) }
            if known == nil { try file.verifyContent() }
            return try AdapterRecord(file, digest: digest)
        } catch let error as FormatError {
            throw RegistryError(
                .damagedBlob, "Unable to index the blob \(digest) as an adapter: \(error.message)", digest: digest,
                cause: error)
        }
    }

    /// Puts an adapter that came as a blob among the registry's own.
    private func index(_ record: AdapterRecord, at now: Timestamp, in database: Database) throws {
        let target = blobs.path(of: record.digest)
        if Directory.kind(of: target) == nil {
            try Directory.create(split(target).folder)
            // A second name of the same bytes: the two stores are collected apart.
            try Directory.link(packageStore.path(of: record.digest), to: target)
            try Directory.synchronize(split(target).folder)
        }
        guard try Catalog.insert(record, at: now, in: database) else { return }
        try Catalog.attach(
            DocumentDraft.describing(record), toNew: record.digest, actor: actor, at: now, in: database)
    }

    private func move(
        _ tag: Tag, in repository: RepositoryName, to manifest: PackageManifest, _ indexed: AdapterRecord?,
        at now: Timestamp, in database: Database
    ) throws {
        let reference = Reference(repository, tag: tag)
        let id = try Catalog.repositoryID(repository, in: database)
        if let indexed, let id {
            try Catalog.move(
                reference, tag, to: indexed.digest, repository: id, expected: .any, makeImmutable: false,
                Catalog.Change(operation: .push, actor: actor, message: indexed.summary.message, date: now),
                in: database)
        } else if let id, try Catalog.tagRow(id, tag, in: database) != nil {
            // The name now stands at something that is no adapter.
            _ = try Catalog.remove(
                reference, tag, repository: id, expected: .any,
                Catalog.Change(operation: .untag, actor: actor, message: nil, date: now), in: database)
        }
        try Catalog.setPackageTag(tag, in: repository, to: manifest, at: now, in: database)
    }

    /// Removes a tag.
    ///
    /// - Throws: ``RegistryError`` with code `notFound` or `immutableTag`.
    public func removePackageTag(_ tag: Tag, in repository: RepositoryName) throws {
        let now = Timestamp.now()
        try catalog.write { database in
            let row = try Catalog.packageTag(tag, in: repository, in: database)
            let id = try Catalog.repositoryID(repository, in: database)
            let current = try id.flatMap { try Catalog.tagRow($0, tag, in: database) }
            let reference = Reference(repository, tag: tag)
            guard current != nil || (row != nil && row?.adapter == nil) else {
                throw try Catalog.notFound(reference, in: database)
            }
            if current != nil, let id {
                _ = try Catalog.remove(
                    reference, tag, repository: id, expected: .any,
                    Catalog.Change(operation: .untag, actor: actor, message: nil, date: now), in: database)
            }
            try Catalog.removePackageTag(tag, in: repository, in: database)
        }
    }

    /// Removes a manifest with the tags that stand at it, and the adapter that it holds, if no other manifest and no
    /// other tag of the repository has that.
    ///
    /// - Throws: ``RegistryError`` with code `notFound` or `immutableTag`.
    public func removePackageManifest(_ digest: String, in repository: RepositoryName) throws {
        let now = Timestamp.now()
        let change = Catalog.Change(operation: .remove, actor: actor, message: nil, date: now)
        try catalog.write { database in
            guard let manifest = try Catalog.packageManifest(digest, in: repository, in: database) else {
                throw RegistryError(
                    .notFound, "Unable to remove the manifest \(digest) from '\(repository)': it has no such manifest.",
                    reference: digest)
            }
            let id = try Catalog.repositoryID(repository, in: database)
            if let adapter = manifest.adapter, let id {
                let tags = try String.fetchAll(
                    database, sql: "SELECT name FROM ociTag WHERE repository = ? AND manifest = ?",
                    arguments: [repository.description, digest]
                ).map { try Tag(parsing: $0) }
                for tag in tags where try Catalog.tagRow(id, tag, in: database)?.digest == adapter {
                    _ = try Catalog.remove(
                        Reference(repository, tag: tag), tag, repository: id, expected: .any, change, in: database)
                }
            }
            try database.execute(
                sql: "DELETE FROM ociManifest WHERE repository = ? AND digest = ?",
                arguments: [repository.description, digest])
            if let adapter = manifest.adapter, let id {
                let others = try Bool.fetchOne(
                    database,
                    sql: "SELECT EXISTS (SELECT 1 FROM ociManifest WHERE repository = ? AND adapter = ?)",
                    arguments: [repository.description, adapter.description])
                if others != true, try Catalog.tags(id, at: adapter, in: database).isEmpty {
                    try Catalog.removeVersion(id, adapter, at: now, in: database)
                }
            }
            try Catalog.append(
                AuditRecord(
                    date: now, actor: actor.withoutNull, action: "remove-manifest",
                    repository: repository.description, oldDigest: Digest(parsing: digest)?.description,
                    details: Registry.details(ofManifest: digest)),
                in: database)
        }
    }

    /// What the log says of a manifest whose digest it has no column for; nil when it has one.
    private static func details(ofManifest digest: String) -> String? {
        Digest(parsing: digest) == nil ? JSON.text(["manifest": .string(digest)]) : nil
    }
}

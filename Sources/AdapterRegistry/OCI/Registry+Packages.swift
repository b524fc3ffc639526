import AdapterFormat
import FileSystem
import GRDB
public import Integrity

// What OCI clients ask a registry for: blobs and manifests by digest, tags, referrers.
extension Registry {
    /// A blob of a repository, pushed as one or the file of an adapter; nil when the repository has none.
    public func packageBlob(_ digest: String, in repository: RepositoryName) throws -> PackageBlob? {
        try catalog.read { database in
            if let found = try Catalog.packageFile(digest, in: repository, in: database) {
                return PackageBlob(
                    digest: digest, path: packageStore.path(of: found.file), byteCount: found.byteCount)
            }
            return try Catalog.adapterFile(digest, in: repository, in: database).map {
                PackageBlob(digest: digest, path: blobs.path(of: $0.file), byteCount: $0.byteCount)
            }
        }
    }

    /// Keeps a blob that no manifest needs from being collected for another while: somebody who was told that it is there
    /// is about to name it in one.
    public func keepPackageBlob(_ digest: String, in repository: RepositoryName) throws {
        let now = Timestamp.now()
        let isOld = try catalog.read { database in
            try Bool.fetchOne(
                database,
                sql: """
                    SELECT EXISTS (SELECT 1 FROM ociBlob AS b WHERE repository = ?1 AND digest = ?2 AND createdAt < ?3
                        AND NOT EXISTS (SELECT 1 FROM ociReference AS r
                            WHERE r.repository = b.repository AND r.digest = b.digest))
                    """, arguments: [repository.description, digest, now.milliseconds - 3_600_000]) ?? false
        }
        guard isOld, mode == .readWrite else { return }
        try catalog.write { database in
            try database.execute(
                sql: "UPDATE ociBlob SET createdAt = ? WHERE repository = ? AND digest = ?",
                arguments: [now.milliseconds, repository.description, digest])
        }
    }

    /// Repositories that have a blob, ascending, at most a thousand.
    public func repositories(withPackageBlob digest: String) throws -> [RepositoryName] {
        try catalog.read { database in
            try String.fetchAll(
                database,
                sql: """
                    SELECT repository FROM ociBlob WHERE digest = ?1
                    UNION SELECT r.name FROM version AS v JOIN repository AS r ON r.id = v.repositoryId
                        WHERE v.digest = ?1
                    ORDER BY 1 LIMIT 1000
                    """, arguments: [digest]
            ).map { try RepositoryName(parsing: $0) }
        }
    }

    /// Makes a blob of one repository a blob of another; false when the first does not have it.
    public func mountPackageBlob(
        _ digest: String, from source: RepositoryName, to target: RepositoryName
    ) throws -> Bool {
        try writing("mount a blob in the registry") {
            let store = packageStore
            let now = Timestamp.now()
            return try catalog.write { database in
                if let found = try Catalog.packageFile(digest, in: source, in: database) {
                    try Catalog.addPackageBlob(digest, found.file, to: target, at: now, in: database)
                    return true
                }
                guard let found = try Catalog.adapterFile(digest, in: source, in: database) else { return false }
                // A second name of the same bytes: the two stores are collected apart.
                let path = store.path(of: found.file)
                if Directory.kind(of: path) == nil {
                    try Directory.create(split(path).folder)
                    try Directory.link(blobs.path(of: found.file), to: path)
                    try Directory.synchronize(split(path).folder)
                }
                try Catalog.addPackageFile(found.file, byteCount: found.byteCount, at: now, in: database)
                try Catalog.addPackageBlob(digest, found.file, to: target, at: now, in: database)
                return true
            }
        }
    }

    /// Takes a blob out of a repository; the file stays until unused files are collected.
    ///
    /// - Throws: ``RegistryError`` with code `notFound`; `conflict` when a manifest or a version needs it.
    public func removePackageBlob(_ digest: String, in repository: RepositoryName) throws {
        try catalog.write { database in
            let user = try String.fetchOne(
                database, sql: "SELECT manifest FROM ociReference WHERE repository = ? AND digest = ? LIMIT 1",
                arguments: [repository.description, digest])
            let isVersion = try Catalog.adapterFile(digest, in: repository, in: database) != nil
            if user != nil || isVersion {
                throw RegistryError(
                    .conflict,
                    "Unable to remove the blob \(digest) from '\(repository)': "
                        + (user.map { "the manifest \($0) needs it. Remove that first." }
                            ?? "it is an adapter of the registry. Remove that first."))
            }
            try database.execute(
                sql: "DELETE FROM ociBlob WHERE repository = ? AND digest = ?",
                arguments: [repository.description, digest])
            guard database.changesCount > 0 else {
                throw RegistryError(
                    .notFound, "Unable to remove the blob \(digest) from '\(repository)': it has no such blob.")
            }
        }
    }

    /// A manifest that was pushed to a repository; nil when there is none.
    public func packageManifest(_ digest: String, in repository: RepositoryName) throws -> PackageManifest? {
        try catalog.read { try Catalog.packageManifest(digest, in: repository, in: $0) }
    }

    /// What a tag stands at; nil when there is no such tag.
    public func taggedPackage(_ tag: Tag, in repository: RepositoryName) throws -> TaggedPackage? {
        try catalog.read { database in
            let row = try Catalog.packageTag(tag, in: repository, in: database)
            let current = try Catalog.repositoryID(repository, in: database)
                .flatMap { try Catalog.tagRow($0, tag, in: database) }
            guard let current else {
                guard let row, row.adapter == nil else { return nil }
                return try Catalog.packageManifest(row.manifest, in: repository, in: database).map { .manifest($0) }
            }
            // The tag may have moved since the manifest was pushed.
            if let row, row.adapter == current.digest,
                let manifest = try Catalog.packageManifest(row.manifest, in: repository, in: database)
            {
                return .manifest(manifest)
            }
            return .adapter(
                try Catalog.resolve(Reference(repository, tag: tag), blobs: blobs, in: database))
        }
    }

    /// A repository's tags after one, ascending by their bytes; nil when there is no such repository.
    public func packageTags(in repository: RepositoryName, after last: String?, limit: Int) throws -> [Tag]? {
        try catalog.read { database in
            guard try Catalog.hasRepository(repository, in: database) else { return nil }
            return try String.fetchAll(
                database,
                sql: """
                    SELECT t.name FROM repository AS r JOIN tag AS t ON t.repositoryId = r.id
                        WHERE r.name = ?1 AND t.name > ?2
                    UNION SELECT name FROM ociTag WHERE repository = ?1 AND adapter IS NULL AND name > ?2
                    ORDER BY 1 LIMIT ?3
                    """, arguments: [repository.description, last ?? "", max(0, limit)]
            ).map { try Tag(parsing: $0) }
        }
    }

    /// The repositories after one that have a tag or a manifest, ascending.
    public func packageRepositories(after last: String?, limit: Int) throws -> [RepositoryName] {
        try catalog.read { database in
            try String.fetchAll(
                database,
                sql: """
                    SELECT name FROM repository WHERE name > ?1
                    UNION SELECT repository FROM ociManifest WHERE repository > ?1
                    ORDER BY 1 LIMIT ?2
                    """, arguments: [last ?? "", max(0, limit)]
            ).map { try RepositoryName(parsing: $0) }
        }
    }

    /// The manifests of a repository that are about another, ascending by digest.
    ///
    /// - Parameter last: only those with greater digests, for the next page.
    public func packageReferrers(
        of subject: String, in repository: RepositoryName, artifactType: String? = nil, after last: String? = nil,
        limit: Int
    ) throws -> [PackageReferrer] {
        try catalog.read { database in
            try Row.fetchAll(
                database,
                sql: """
                    SELECT digest, mediaType, artifactType, annotations, length(bytes) AS byteCount FROM ociManifest
                    WHERE repository = ?1 AND subject = ?2 AND (?3 IS NULL OR artifactType = ?3) AND digest > ?4
                    ORDER BY digest LIMIT ?5
                    """,
                arguments: [repository.description, subject, artifactType, last ?? "", max(0, limit)]
            ).map { row in
                PackageReferrer(
                    digest: try row.value("digest"), mediaType: try row.value("mediaType"),
                    artifactType: try row.optional("artifactType"), annotations: try Catalog.annotations(row),
                    byteCount: try row.value("byteCount"))
            }
        }
    }
}

extension Registry {
    /// The adapters that a repository has as versions, ascending by digest.
    public func versions(of repository: RepositoryName) throws -> [Digest] {
        try packageVersions(of: repository).map(\.adapter)
    }

    /// The adapters that a repository has as versions, ascending by digest, and what belongs to them.
    public func packageVersions(of repository: RepositoryName) throws -> [PackageVersion] {
        try catalog.read { database in
            try Row.fetchAll(
                database,
                sql: """
                    SELECT v.digest, (SELECT count(*) FROM document WHERE subject = v.digest) AS documentCount,
                        (SELECT group_concat(digest) FROM
                            (SELECT digest FROM ociManifest WHERE adapter = v.digest AND repository = r.name
                                ORDER BY digest)) AS manifests
                    FROM repository AS r JOIN version AS v ON v.repositoryId = r.id
                        JOIN adapter AS a ON a.digest = v.digest
                    WHERE r.name = ? AND a.kind = 'adapter' ORDER BY v.digest
                    """, arguments: [repository.description]
            ).map { row in
                let manifests: String? = try row.optional("manifests")
                return PackageVersion(
                    adapter: try row.digest("digest"), documentCount: try row.value("documentCount"),
                    manifests: (manifests ?? "").split(separator: ",").map(String.init))
            }
        }
    }

    /// The blobs of the manifests that are about another.
    public func packageReferrerBlobs(of subject: String, in repository: RepositoryName) throws -> Set<String> {
        try catalog.read { database in
            try Set(
                String.fetchAll(
                    database,
                    sql: """
                        SELECT n.digest FROM ociManifest AS m
                            JOIN ociReference AS n ON n.repository = m.repository AND n.manifest = m.digest
                        WHERE m.repository = ? AND m.subject = ?
                        """, arguments: [repository.description, subject]))
        }
    }
}

import GRDB
import Integrity

// From references to versions.
extension Catalog {
    /// A tag's row.
    struct TagRow {
        var digest: Digest
        var state: StoredAdapter.TagState
    }

    /// What a reference stands for; throws `notFound` with the nearest name that exists.
    static func resolve(_ reference: Reference, blobs: BlobStore, in database: Database) throws -> StoredAdapter {
        let repository = try repositoryID(reference.repository, in: database)
        var digest = reference.digest
        var tagRow: TagRow?
        if let repository, let tag = reference.tag {
            tagRow = try self.tagRow(repository, tag, in: database)
            digest = tagRow?.digest
        }
        guard let repository, let digest, let row = try version(repository, digest, in: database) else {
            throw try notFound(reference, in: database)
        }
        let record = try record(row)
        return StoredAdapter(
            reference: reference, digest: digest, contentRoot: record.contentRoot, byteCount: record.byteCount,
            path: blobs.path(of: digest), createdAt: try row.timestamp("versionCreatedAt"), summary: record.summary,
            kind: record.kind, tag: tagRow?.state)
    }

    /// A stored file by its digest alone, whether or not a repository has it as a version; nil when it is not stored.
    static func stored(
        _ digest: Digest, as reference: Reference, blobs: BlobStore, in database: Database
    ) throws -> StoredAdapter? {
        try Row.fetchOne(
            database,
            sql: """
                SELECT b.createdAt AS blobCreatedAt, \(recordColumns)
                FROM adapter AS a JOIN blob AS b ON b.digest = a.digest WHERE a.digest = ?
                """, arguments: [digest.description]
        ).map { row in
            let record = try record(row)
            return StoredAdapter(
                reference: reference, digest: digest, contentRoot: record.contentRoot, byteCount: record.byteCount,
                path: blobs.path(of: digest), createdAt: try row.timestamp("blobCreatedAt"), summary: record.summary,
                kind: record.kind, tag: nil)
        }
    }

    /// A repository's number; nil when it does not exist.
    static func repositoryID(_ name: RepositoryName, in database: Database) throws -> Int64? {
        try Int64.fetchOne(
            database, sql: "SELECT id FROM repository WHERE name = ?", arguments: [name.description])
    }

    /// Where a tag stands; nil when it does not exist.
    static func tagRow(_ repository: Int64, _ tag: Tag, in database: Database) throws -> TagRow? {
        let row = try Row.fetchOne(
            database,
            sql: "SELECT digest, generation, immutable, updatedAt FROM tag WHERE repositoryId = ? AND name = ?",
            arguments: [repository, tag.description])
        return try row.map { row in
            TagRow(
                digest: try row.digest("digest"),
                state: StoredAdapter.TagState(
                    generation: try row.value("generation"), isImmutable: try row.value("immutable"),
                    updatedAt: try row.timestamp("updatedAt")))
        }
    }

    private static func version(_ repository: Int64, _ digest: Digest, in database: Database) throws -> Row? {
        try Row.fetchOne(
            database,
            sql: """
                SELECT v.createdAt AS versionCreatedAt, \(recordColumns)
                FROM version AS v JOIN adapter AS a ON a.digest = v.digest JOIN blob AS b ON b.digest = a.digest
                WHERE v.repositoryId = ? AND v.digest = ?
                """, arguments: [repository, digest.description])
    }

    /// The error for a reference that stands for nothing.
    static func notFound(_ reference: Reference, in database: Database) throws -> RegistryError {
        let names = try String.fetchAll(database, sql: "SELECT name FROM repository ORDER BY name LIMIT 200000")
        guard try repositoryID(reference.repository, in: database) != nil else {
            return notFound(
                reference, "the registry has no such name",
                Suggestion.nearest(to: reference.repository.description, among: names))
        }
        guard let tag = reference.tag else {
            return notFound(reference, "'\(reference.repository)' has no such version", nil)
        }
        let tags = try String.fetchAll(
            database,
            sql: """
                SELECT t.name FROM tag AS t JOIN repository AS r ON r.id = t.repositoryId
                WHERE r.name = ? ORDER BY t.updatedAt DESC LIMIT 10000
                """, arguments: [reference.repository.description])
        // A repository with few tags is best shown whole, however unlike the names are.
        let nearest = Suggestion.nearest(to: tag.description, among: tags) ?? (tags.count == 1 ? tags.first : nil)
        return notFound(
            reference, "'\(reference.repository)' has no such tag", nearest.map { "\(reference.repository):\($0)" })
    }

    private static func notFound(_ reference: Reference, _ reason: String, _ suggestion: String?) -> RegistryError {
        let remedy = suggestion.map { "Did you mean '\($0)'?" } ?? "See 'list' for those that exist."
        return RegistryError(
            .notFound, "Unable to find '\(reference)': \(reason). \(remedy)", reference: reference.description)
    }
}

import GRDB
import Integrity

// Moving and removing tags. Every change is recorded in the same transaction.
extension Catalog {
    /// Who changes a tag, how and why.
    struct Change {
        var operation: TagEvent.Operation
        var actor: String
        var message: String?
        var date = Timestamp.now()
    }

    /// Makes a digest a version of a repository, which is made when it is missing.
    static func addVersion(
        _ name: RepositoryName, _ digest: Digest, at now: Timestamp, in database: Database
    ) throws -> Int64 {
        try database.execute(
            sql: "INSERT INTO repository (name) VALUES (?) ON CONFLICT DO NOTHING", arguments: [name.description])
        guard let repository = try repositoryID(name, in: database) else {
            throw RegistryError(
                .corrupt,
                "Unable to write to the registry: the name '\(name)' cannot be read back. Run 'verify --all'.")
        }
        try database.execute(
            sql: """
                INSERT INTO version (repositoryId, digest, createdAt, sequence)
                VALUES (?, ?, ?, 1 + ifnull((SELECT seq FROM sqlite_sequence WHERE name = 'auditEntry'), 0))
                ON CONFLICT DO NOTHING
                """,
            arguments: [repository, digest.description, now.milliseconds])
        guard database.changesCount > 0 else { return repository }
        try database.execute(
            sql: "UPDATE blob SET unusedSince = NULL WHERE digest = ? AND unusedSince IS NOT NULL",
            arguments: [digest.description])
        try addWords(of: digest.description, name: name.description, in: database)
        try addFacets(repository, digest.description, in: database)
        return repository
    }

    /// Throws `conflict` when a tag is not where the caller expects it.
    static func check(_ expected: ExpectedTag, _ reference: Reference, current: Digest?) throws {
        let wanted: String
        switch expected {
        case .any: return
        case .absent:
            if current == nil { return }
            wanted = "no such tag"
        case .digest(let digest):
            if current == digest { return }
            wanted = digest.description
        }
        throw RegistryError(
            .conflict,
            "Unable to move '\(reference)': expected \(wanted), found \(current?.description ?? "no such tag"). "
                + "Look at what has changed and repeat the command.",
            reference: reference.description)
    }

    /// Sets a tag to a version of its repository. A tag that stands there already stays as it is, without an event.
    static func move(
        _ reference: Reference, _ tag: Tag, to digest: Digest, repository: Int64, expected: ExpectedTag,
        makeImmutable: Bool, _ change: Change, in database: Database
    ) throws {
        let current = try tagRow(repository, tag, in: database)
        try check(expected, reference, current: current?.digest)
        let isImmutable = current?.state.isImmutable ?? false
        if current?.digest == digest, isImmutable || !makeImmutable { return }
        if isImmutable, let current { throw immutable(reference, "move", current.digest) }
        let generation = try record(
            reference.repository, tag, from: current?.digest, to: digest, change, in: database)
        try database.execute(
            sql: """
                INSERT INTO tag (repositoryId, name, digest, generation, immutable, updatedAt, repository, createdAt,
                    byteCount, rank, parameterCount)
                SELECT v.repositoryId, ?, v.digest, ?, ?, ?, ?, v.createdAt, b.byteCount, ifnull(a.rankMaximum, 0),
                    a.parameterCount
                FROM version AS v JOIN blob AS b ON b.digest = v.digest JOIN adapter AS a ON a.digest = v.digest
                WHERE v.repositoryId = ? AND v.digest = ?
                ON CONFLICT (repositoryId, name) DO UPDATE SET digest = excluded.digest,
                    generation = excluded.generation, immutable = excluded.immutable, updatedAt = excluded.updatedAt,
                    createdAt = excluded.createdAt, byteCount = excluded.byteCount, rank = excluded.rank,
                    parameterCount = excluded.parameterCount
                """,
            arguments: [
                tag.description, generation, makeImmutable, change.date.milliseconds,
                reference.repository.description, repository, digest.description,
            ])
    }

    /// Removes a tag.
    static func remove(
        _ reference: Reference, _ tag: Tag, repository: Int64, expected: ExpectedTag, _ change: Change,
        in database: Database
    ) throws -> Digest {
        guard let current = try tagRow(repository, tag, in: database) else {
            throw try notFound(reference, in: database)
        }
        try check(expected, reference, current: current.digest)
        guard !current.state.isImmutable else { throw immutable(reference, "remove", current.digest) }
        _ = try record(reference.repository, tag, from: current.digest, to: nil, change, in: database)
        try database.execute(
            sql: "DELETE FROM tag WHERE repositoryId = ? AND name = ?", arguments: [repository, tag.description])
        return current.digest
    }

    /// The tags of a repository that stand at a version.
    static func tags(_ repository: Int64, at digest: Digest, in database: Database) throws -> [Tag] {
        try String.fetchAll(
            database, sql: "SELECT name FROM tag WHERE repositoryId = ? AND digest = ? ORDER BY name",
            arguments: [repository, digest.description]
        ).map { try Tag(parsing: $0) }
    }

    /// Takes a version that no tag stands at out of a repository, and the repository away when that was its last.
    static func removeVersion(
        _ repository: Int64, _ digest: Digest, at now: Timestamp, in database: Database
    ) throws {
        try removeFacets(repository, digest.description, in: database)
        try database.execute(
            sql: "DELETE FROM version WHERE repositoryId = ? AND digest = ?",
            arguments: [repository, digest.description])
        try database.execute(
            sql: """
                UPDATE blob SET unusedSince = ?
                WHERE digest = ? AND NOT EXISTS (SELECT 1 FROM version WHERE digest = blob.digest)
                """, arguments: [now.milliseconds, digest.description])
        try database.execute(
            sql: """
                DELETE FROM repository
                WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM version WHERE repositoryId = ?1)
                """, arguments: [repository])
    }

    /// Adds an event and returns its generation.
    private static func record(
        _ name: RepositoryName, _ tag: Tag, from old: Digest?, to new: Digest?, _ change: Change, in database: Database
    ) throws -> Int {
        // From the events, not from the tag: a tag that is made again must not repeat a generation.
        let last = try Int.fetchOne(
            database,
            sql: "SELECT generation FROM auditEntry WHERE repository = ? AND tag = ? ORDER BY id DESC LIMIT 1",
            arguments: [name.description, tag.description])
        let generation = (last ?? 0) + 1
        try append(
            AuditRecord(
                date: change.date, actor: change.actor.withoutNull, action: change.operation.rawValue,
                repository: name.description, tag: tag.description, oldDigest: old?.description,
                newDigest: new?.description, generation: generation, message: change.message?.withoutNull),
            in: database)
        return generation
    }

    private static func immutable(_ reference: Reference, _ verb: String, _ digest: Digest) -> RegistryError {
        RegistryError(
            .immutableTag,
            "Unable to \(verb) '\(reference)': the tag is immutable and stands at \(digest). Choose another tag.",
            reference: reference.description, digest: digest)
    }
}

import Adapters
import GRDB
import Integrity

// Results by what they were computed from.
extension Catalog {
    /// Files that a recipe with these inputs has given, the oldest first.
    static func results(of key: Digest, blobs: BlobStore, as reference: Reference, in database: Database) throws
        -> [StoredAdapter]
    {
        try Row.fetchAll(
            database,
            sql: """
                SELECT r.digest FROM recipe AS r JOIN blob AS b ON b.digest = r.digest
                WHERE r.key = ? ORDER BY b.createdAt, r.digest
                """, arguments: [key.description]
        ).compactMap { try stored(try $0.digest("digest"), as: reference, blobs: blobs, in: database) }
    }

    /// The keys by which a file is found as a result, as text.
    static func recipeKeys(of digest: Digest, in database: Database) throws -> [String] {
        try String.fetchAll(
            database, sql: "SELECT key FROM recipe WHERE digest = ?", arguments: [digest.description])
    }

    /// A repository that has a file as a version; nil when none has.
    static func repository(having digest: Digest, in database: Database) throws -> RepositoryName? {
        try String.fetchOne(
            database,
            sql: """
                SELECT r.name FROM version AS v JOIN repository AS r ON r.id = v.repositoryId
                WHERE v.digest = ? ORDER BY r.name LIMIT 1
                """, arguments: [digest.description]
        ).map { try RepositoryName(parsing: $0) }
    }

    /// The stored file that stands for a parent: the same adapter in another file, signed or compressed otherwise, is the
    /// same parent. Nil when there is none.
    static func present(_ parent: Provenance.Parent, in database: Database) throws -> Digest? {
        try isStored(parent.digest, in: database) ? parent.digest : digest(ofContent: parent.contentRoot, in: database)
    }

    /// A stored file with an identity; nil when there is none.
    static func digest(ofContent contentRoot: Digest, in database: Database) throws -> Digest? {
        try Row.fetchOne(
            database,
            sql: """
                SELECT a.digest FROM adapter AS a JOIN blob AS b ON b.digest = a.digest
                WHERE a.contentRoot = ? ORDER BY b.createdAt, a.digest LIMIT 1
                """, arguments: [contentRoot.description]
        ).map { try $0.digest("digest") }
    }
}

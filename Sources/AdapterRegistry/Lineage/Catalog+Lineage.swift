import Adapters
import GRDB
import Integrity

// Parents and children.
extension Catalog {
    /// What an adapter was computed from, in the order in which it was given.
    static func parents(of digest: Digest, in database: Database) throws -> [LineageLink] {
        try Row.fetchAll(
            database,
            sql: """
                SELECT l.parent AS digest, l.parentContentRoot AS contentRoot, l.role, l.weight, l.operation,
                    EXISTS (SELECT 1 FROM adapter WHERE digest = l.parent) AS isStored
                FROM lineage AS l WHERE l.child = ? ORDER BY l.position
                """, arguments: [digest.description]
        ).map { try link($0, in: database) }
    }

    /// What was computed from an adapter, in the order of the digests.
    static func children(of digest: Digest, in database: Database) throws -> [LineageLink] {
        try Row.fetchAll(
            database,
            sql: """
                SELECT l.child AS digest, a.contentRoot, l.role, l.weight, l.operation, 1 AS isStored
                FROM lineage AS l JOIN adapter AS a ON a.digest = l.child
                WHERE l.parent = ? ORDER BY l.child, l.position
                """, arguments: [digest.description]
        ).map { try link($0, in: database) }
    }

    /// The parents as the file states them.
    static func provenanceParents(of digest: Digest, in database: Database) throws -> [Provenance.Parent] {
        try Row.fetchAll(
            database,
            sql: "SELECT parent, parentContentRoot, role, weight FROM lineage WHERE child = ? ORDER BY position",
            arguments: [digest.description]
        ).map { row in
            Provenance.Parent(
                digest: try row.digest("parent"), contentRoot: try row.digest("parentContentRoot"),
                role: try row.value("role"), weight: try row.optional("weight"))
        }
    }

    /// The tags of all repositories that stand at a version.
    static func references(to digest: Digest, in database: Database) throws -> [Reference] {
        try Row.fetchAll(
            database,
            sql: """
                SELECT r.name AS repository, t.name AS tag FROM tag AS t JOIN repository AS r ON r.id = t.repositoryId
                WHERE t.digest = ? ORDER BY r.name, t.name
                """, arguments: [digest.description]
        ).map { try $0.reference("repository", "tag") }
    }

    private static func link(_ row: Row, in database: Database) throws -> LineageLink {
        let digest = try row.digest("digest")
        return LineageLink(
            digest: digest, contentRoot: try row.digest("contentRoot"), role: try row.value("role"),
            weight: try row.optional("weight"), operation: try row.value("operation"),
            isStored: try row.value("isStored"), references: try references(to: digest, in: database))
    }
}

import GRDB
import Integrity

// The catalog's own consistency.
extension Catalog {
    /// The digests of all stored files, ascending.
    static func blobDigests(in database: Database) throws -> [Digest] {
        try Row.fetchAll(database, sql: "SELECT digest FROM blob ORDER BY digest").map { try $0.digest("digest") }
    }

    /// What SQLite itself finds wrong, as sentences.
    static func databaseFaults(in database: Database) throws -> [String] {
        var faults = try String.fetchAll(database, sql: "PRAGMA integrity_check(100)").filter { $0 != "ok" }
        for row in try Row.fetchAll(database, sql: "SELECT \"table\", parent FROM pragma_foreign_key_check LIMIT 100") {
            let table: String = try row.value("table")
            let parent: String = try row.value("parent")
            faults.append("a row of '\(table)' refers to a row of '\(parent)' that does not exist")
        }
        return faults
    }

    /// Tags and versions that stand at adapters without rows, as text: they need not be valid references.
    static func danglingReferences(in database: Database) throws -> [(reference: String, digest: String)] {
        try Row.fetchAll(
            database,
            sql: """
                SELECT ifnull(r.name, '?') || ':' || t.name AS reference, t.digest
                FROM tag AS t LEFT JOIN repository AS r ON r.id = t.repositoryId
                    LEFT JOIN version AS v ON v.repositoryId = t.repositoryId AND v.digest = t.digest
                    LEFT JOIN adapter AS a ON a.digest = t.digest LEFT JOIN blob AS b ON b.digest = t.digest
                WHERE r.id IS NULL OR v.digest IS NULL OR a.digest IS NULL OR b.digest IS NULL
                UNION ALL
                SELECT ifnull(r.name, '?') || '@' || v.digest, v.digest
                FROM version AS v LEFT JOIN repository AS r ON r.id = v.repositoryId
                    LEFT JOIN adapter AS a ON a.digest = v.digest LEFT JOIN blob AS b ON b.digest = v.digest
                WHERE r.id IS NULL OR a.digest IS NULL OR b.digest IS NULL
                """
        ).map { (try $0.value("reference"), try $0.value("digest")) }
    }
}

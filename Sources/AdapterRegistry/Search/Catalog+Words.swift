import GRDB
import Integrity

// The words by which adapters are found. Rows of the table and of the index over it change together.
extension Catalog {
    private static let wordColumns = "names, description, base, targets, labels"

    /// Makes an adapter findable by its words and by the name of a repository that it has come into.
    static func addWords(of digest: String, name: String, in database: Database) throws {
        let known = try Row.fetchOne(
            database, sql: "SELECT id, names FROM adapterDocument WHERE digest = ?", arguments: [digest])
        if let known {
            let names: String = try known.value("names")
            guard !names.split(separator: " ").contains(Substring(name)) else { return }
            let id: Int64 = try known.value("id")
            try removeFromIndex(id, in: database)
            try database.execute(
                sql: "UPDATE adapterDocument SET names = ? WHERE id = ?", arguments: ["\(names) \(name)", id])
            try addToIndex(id, in: database)
        } else {
            try database.execute(
                sql: """
                    INSERT INTO adapterDocument (digest, \(wordColumns))
                    SELECT a.digest, ?,
                        ifnull(a.message, '') || ' ' || ifnull(a.license, '') || ' ' || ifnull(a.operation, ''),
                        ifnull(a.baseName, '') || ' ' || ifnull(a.baseRevision, ''),
                        (SELECT ifnull(group_concat(module, ' '), '') FROM adapterTarget WHERE digest = a.digest),
                        (SELECT ifnull(group_concat(key || ' ' || value, ' '), '') FROM label WHERE digest = a.digest)
                    FROM adapter AS a WHERE a.digest = ?
                    """, arguments: [name, digest])
            if database.changesCount > 0 { try addToIndex(database.lastInsertedRowID, in: database) }
        }
    }

    /// Makes an adapter no longer findable.
    static func removeWords(of digest: Digest, in database: Database) throws {
        let id = try Int64.fetchOne(
            database, sql: "SELECT id FROM adapterDocument WHERE digest = ?", arguments: [digest.description])
        guard let id else { return }
        try removeFromIndex(id, in: database)
        try database.cachedStatement(sql: "DELETE FROM adapterDocument WHERE id = ?").execute(arguments: [id])
    }

    /// What the table of words and the lists of facets lack, as sentences.
    static func searchFaults(in database: Database) throws -> [String] {
        let lacking =
            try Int.fetchOne(
                database,
                sql: """
                    SELECT count(DISTINCT v.digest) FROM version AS v
                        LEFT JOIN adapterDocument AS d ON d.digest = v.digest WHERE d.digest IS NULL
                    """) ?? 0
        return (lacking == 0 ? [] : ["The search index lacks \(lacking) adapters."])
            + (try facetFaults(in: database))
    }

    /// Whether the index over the words holds those of the table and no others.
    ///
    /// See: https://www.sqlite.org/fts5.html, section 6.4.
    static func isTextIndexWhole(in database: Database) throws -> Bool {
        do {
            try database.execute(sql: "INSERT INTO adapterText (adapterText, rank) VALUES ('integrity-check', 1)")
            return true
        } catch let error as DatabaseError where error.resultCode == .SQLITE_CORRUPT {
            return false
        }
    }

    /// Builds the table of words and the index anew.
    static func rebuildSearch(in database: Database) throws {
        try database.execute(sql: "DELETE FROM adapterDocument")
        try database.execute(sql: "INSERT INTO adapterText (adapterText) VALUES ('delete-all')")
        let versions = try Row.fetchAll(
            database,
            sql: """
                SELECT v.digest, r.name FROM version AS v JOIN repository AS r ON r.id = v.repositoryId
                ORDER BY v.digest, r.name
                """)
        for row in versions { try addWords(of: try row.value("digest"), name: try row.value("name"), in: database) }
    }

    private static func addToIndex(_ id: Int64, in database: Database) throws {
        try database.execute(
            sql: """
                INSERT INTO adapterText (rowid, \(wordColumns))
                SELECT id, \(wordColumns) FROM adapterDocument WHERE id = ?
                """, arguments: [id])
    }

    /// The index must be told the very words that it holds.
    private static func removeFromIndex(_ id: Int64, in database: Database) throws {
        try database.cachedStatement(
            sql: """
                INSERT INTO adapterText (adapterText, rowid, \(wordColumns))
                SELECT 'delete', id, \(wordColumns) FROM adapterDocument WHERE id = ?
                """
        ).execute(arguments: [id])
    }
}

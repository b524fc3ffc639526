import ByteCoding
import GRDB
import Integrity

// The audit log: what happened, in order, each entry chained to the one before.
extension Catalog {
    /// Adds an entry; in the transaction of the change that it tells of.
    static func append(_ record: AuditRecord, in database: Database) throws {
        let last = try Row.fetchOne(database, sql: "SELECT id, hash FROM auditEntry ORDER BY id DESC LIMIT 1")
        let id = try (last?.value("id") as Int? ?? 0) + 1
        try database.cachedStatement(
            sql: """
                INSERT INTO auditEntry (id, at, actor, action, repository, tag, oldDigest, newDigest, generation,
                    message, details, hash)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """
        ).execute(arguments: [
            id, record.date.milliseconds, record.actor, record.action, record.repository, record.tag,
            record.oldDigest, record.newDigest, record.generation, record.message, record.details,
            record.hash(id: id, after: try last?.digest("hash")).description,
        ])
    }

    /// The number of the newest entry; 0 when there is none.
    static func newestAuditEntry(in database: Database) throws -> Int {
        try Int.fetchOne(database, sql: "SELECT max(id) FROM auditEntry") ?? 0
    }

    /// Entries, the newest first. The order is that of the numbers: clocks go backwards.
    ///
    /// - Parameter id: only entries with smaller numbers, for the next page.
    static func auditEntries(
        _ repository: RepositoryName?, _ tag: Tag?, before id: Int?, limit: Int?, in database: Database
    ) throws -> [AuditEntry] {
        var conditions: [String] = []
        var arguments = StatementArguments()
        func add(_ condition: String, _ value: (any DatabaseValueConvertible)?) {
            guard let value else { return }
            conditions.append(condition)
            arguments += [value]
        }
        add("repository = ?", repository?.description)
        add("tag = ?", tag?.description)
        add("id < ?", id)
        let rows = try Row.fetchAll(
            database,
            sql: """
                SELECT * FROM auditEntry \(conditions.isEmpty ? "" : "WHERE " + conditions.joined(separator: " AND "))
                ORDER BY id DESC LIMIT \(limit.map { max(0, $0) } ?? -1)
                """, arguments: arguments)
        return try rows.map { row in
            let details = try (row.optional("details") as String?).flatMap { try JSON.parse(Array($0.utf8)).map }
            return AuditEntry(
                id: try row.value("id"), date: try row.timestamp("at"), actor: try row.value("actor"),
                action: try row.value("action"), repository: try row.optional("repository"),
                tag: try row.optional("tag"), oldDigest: try row.optionalDigest("oldDigest"),
                newDigest: try row.optionalDigest("newDigest"), generation: try row.optional("generation"),
                message: try row.optional("message"), details: details ?? [:], hash: try row.digest("hash"))
        }
    }

    /// Recomputes the chain and compares the tags with what the log says of them.
    ///
    /// - Parameter expected: an entry that was noted earlier and must still be there.
    /// - Complexity: reads the whole log.
    static func verifyAudit(expecting expected: AuditHead?, in database: Database) throws -> AuditVerification {
        var faults: [String] = []
        var count = 0
        var last = 0
        var previous: Digest?
        var found: Digest?
        let rows = try Row.fetchCursor(database, sql: "SELECT * FROM auditEntry ORDER BY id")
        while let row = try rows.next() {
            count += 1
            let id: Int = try row.value("id")
            if id != last + 1 { faults.append(missing(last + 1, id - 1)) }
            let stored = try row.digest("hash")
            // After a gap nothing can be said of the first entry's link, which the gap has been reported for.
            if id == last + 1, try record(ofAuditRow: row).hash(id: id, after: previous) != stored {
                faults.append("Entry \(id) of the log was changed, or the one before it was put in its place.")
            }
            if id == expected?.id { found = stored }
            (last, previous) = (id, stored)
        }
        let largest =
            try Int.fetchOne(database, sql: "SELECT seq FROM sqlite_sequence WHERE name = 'auditEntry'") ?? 0
        if largest > last { faults.append(missing(last + 1, largest)) }
        if let expected, found != expected.hash {
            faults.append("Entry \(expected.id) of the log is not the one that was expected: \(expected.hash).")
        }
        faults += try tagFaults(in: database)
        return AuditVerification(
            entryCount: count, head: previous.map { AuditHead(id: last, hash: $0) }, faults: faults)
    }

    private static func missing(_ first: Int, _ last: Int) -> String {
        first == last ? "Entry \(first) of the log is missing." : "Entries \(first) to \(last) of the log are missing."
    }

    private static func record(ofAuditRow row: Row) throws -> AuditRecord {
        AuditRecord(
            date: try row.timestamp("at"), actor: try row.value("actor"), action: try row.value("action"),
            repository: try row.optional("repository"), tag: try row.optional("tag"),
            oldDigest: try row.optional("oldDigest"), newDigest: try row.optional("newDigest"),
            generation: try row.optional("generation"), message: try row.optional("message"),
            details: try row.optional("details"))
    }

    /// Tags that do not stand where the log's last entry about them says.
    private static func tagFaults(in database: Database) throws -> [String] {
        try Row.fetchAll(
            database,
            sql: """
                WITH last AS (
                    SELECT repository, tag, max(id), newDigest, generation FROM auditEntry
                    WHERE tag IS NOT NULL GROUP BY repository, tag)
                SELECT t.repository || ':' || t.name AS reference, t.digest AS stands, last.newDigest AS logged
                FROM tag AS t LEFT JOIN last ON last.repository = t.repository AND last.tag = t.name
                WHERE last.newDigest IS NOT t.digest OR last.generation IS NOT t.generation
                UNION ALL
                SELECT last.repository || ':' || last.tag, NULL, last.newDigest
                FROM last LEFT JOIN tag AS t ON t.repository = last.repository AND t.name = last.tag
                WHERE last.newDigest IS NOT NULL AND t.name IS NULL
                LIMIT 100
                """
        ).map { row in
            let stands: String = try row.optional("stands") ?? "nothing"
            let logged: String = try row.optional("logged") ?? "nothing"
            return "The tag '\(try row.value("reference") as String)' stands at \(stands), the log says \(logged)."
        }
    }
}

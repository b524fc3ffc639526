import GRDB
import Integrity

// What happened to tags: the part of the audit log that is about them.
extension Catalog {
    /// The events of a repository's tags, the newest first. The order is that of the numbers: clocks go backwards.
    static func events(
        _ name: RepositoryName, _ tag: Tag?, after: Int?, limit: Int?, in database: Database
    ) throws -> [TagEvent] {
        let rows = try Row.fetchAll(
            database,
            sql: """
                SELECT id, repository, tag, oldDigest, newDigest, generation, action, actor, at, message
                FROM auditEntry WHERE repository = ? AND \(tag == nil ? "tag IS NOT NULL" : "tag = ?")
                    AND id < ?
                ORDER BY id DESC LIMIT \(limit.map { max(0, $0) } ?? -1)
                """,
            arguments: [name.description] + StatementArguments(tag.map { [$0.description] } ?? []) + [after ?? .max])
        return try rows.map { try event($0, of: name) }
    }

    /// The event of a tag that has a generation; nil when there is none.
    static func event(_ name: RepositoryName, _ tag: Tag, generation: Int, in database: Database) throws -> TagEvent? {
        try Row.fetchOne(
            database, sql: "SELECT * FROM auditEntry WHERE repository = ? AND tag = ? AND generation = ?",
            arguments: [name.description, tag.description, generation]
        ).map { try event($0, of: name) }
    }

    private static func event(_ row: Row, of name: RepositoryName) throws -> TagEvent {
        guard let operation = TagEvent.Operation(rawValue: try row.value("action")) else {
            throw RegistryError(
                .corrupt,
                "Unable to read the history of '\(name)': it holds an operation that is not known. "
                    + "Run 'log --verify'.")
        }
        return TagEvent(
            id: try row.value("id"), reference: try row.reference("repository", "tag"), operation: operation,
            oldDigest: try row.optionalDigest("oldDigest"), newDigest: try row.optionalDigest("newDigest"),
            generation: try row.value("generation"), actor: try row.value("actor"), date: try row.timestamp("at"),
            message: try row.optional("message"))
    }
}

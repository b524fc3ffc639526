import GRDB
import Integrity

// What happened to tags.
extension Catalog {
    /// The events of a repository's tags, the newest first. The order is that of the numbers: clocks go backwards.
    static func events(_ name: RepositoryName, _ tag: Tag?, limit: Int?, in database: Database) throws -> [TagEvent] {
        let rows = try Row.fetchAll(
            database,
            sql: """
                SELECT id, repository, tag, oldDigest, newDigest, generation, operation, actor, at, message
                FROM tagEvent WHERE repository = :repository AND (:tag IS NULL OR tag = :tag)
                ORDER BY id DESC LIMIT :limit
                """,
            arguments: [
                "repository": name.description, "tag": tag?.description, "limit": limit.map { max(0, $0) } ?? -1,
            ])
        return try rows.map { row in
            guard let operation = TagEvent.Operation(rawValue: try row.value("operation")) else {
                throw RegistryError(
                    .corrupt,
                    "Unable to read the history of '\(name)': it holds an operation that is not known. "
                        + "Run 'verify --all'.")
            }
            return TagEvent(
                id: try row.value("id"), reference: try row.reference("repository", "tag"), operation: operation,
                oldDigest: try row.optionalDigest("oldDigest"), newDigest: try row.optionalDigest("newDigest"),
                generation: try row.value("generation"), actor: try row.value("actor"),
                date: try row.timestamp("at"), message: try row.optional("message"))
        }
    }
}

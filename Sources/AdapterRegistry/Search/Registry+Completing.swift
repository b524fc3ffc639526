import GRDB

extension Registry {
    /// References and names that begin with a text, for completion while somebody types.
    ///
    /// References with their tags where these are few; else names alone, behind which more follows.
    ///
    /// - Parameter isTagged: whether a tag may follow a name.
    /// - Complexity: reads at most some hundred rows, in the order of an index.
    package func referenceCompletions(
        of prefix: String, isTagged: Bool
    ) throws -> (words: [String], isOpen: Bool) {
        try catalog.read { database in
            guard isTagged else { return (try Catalog.names(startingWith: prefix, in: database), false) }
            let references = try Catalog.references(startingWith: prefix, in: database)
            if let references { return (references, false) }
            return (try Catalog.names(startingWith: prefix, in: database), true)
        }
    }
}

extension Catalog {
    /// How many entries somebody looks through.
    private static let completionCount = 100

    /// The first repositories whose names begin so.
    fileprivate static func names(startingWith prefix: String, in database: Database) throws -> [String] {
        try String.fetchAll(
            database,
            sql: "SELECT name FROM repository WHERE name >= ? AND name < ? ORDER BY name LIMIT \(2 * completionCount)",
            arguments: [prefix, prefix + "\u{10FFFF}"])
    }

    /// The references that begin so; nil when they are too many.
    fileprivate static func references(startingWith prefix: String, in database: Database) throws -> [String]? {
        let parts = prefix.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        let isTagBegun = parts.count > 1
        let condition = isTagBegun ? "repository = ? AND name >= ? AND name < ?" : "repository >= ? AND repository < ?"
        let arguments: StatementArguments =
            isTagBegun
            ? [String(parts[0]), String(parts[1]), parts[1] + "\u{10FFFF}"] : [prefix, prefix + "\u{10FFFF}"]
        let limit = isTagBegun ? 2 * completionCount : completionCount + 1
        let rows = try Row.fetchAll(
            database,
            sql: """
                SELECT repository, name FROM tag INDEXED BY tagByReference WHERE \(condition)
                ORDER BY repository, name LIMIT \(limit)
                """, arguments: arguments)
        guard isTagBegun || rows.count <= completionCount else { return nil }
        return try rows.map { "\(try $0.value("repository") as String):\(try $0.value("name") as String)" }
    }
}

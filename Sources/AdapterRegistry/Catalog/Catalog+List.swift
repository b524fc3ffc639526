import GRDB
import Integrity

// Lists of tagged adapters.
extension Catalog {
    /// One page of the tagged adapters that a query accepts.
    static func list(_ query: ListQuery, blobs: BlobStore, in database: Database) throws -> [StoredAdapter] {
        var conditions: [String] = []
        var arguments = StatementArguments()
        func add(_ condition: String, _ values: [any DatabaseValueConvertible]) {
            conditions.append(condition)
            arguments += StatementArguments(values)
        }
        if let pattern = query.pattern {
            let parts = pattern.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            add("r.name GLOB ?", [glob(parts[0])])
            if parts.count > 1 { add("t.name GLOB ?", [glob(parts[1])]) }
        }
        if let base = query.base {
            add(
                "(a.baseName GLOB ?1 OR a.baseName || '@' || a.baseRevision GLOB ?1 OR a.baseDigest GLOB ?1)"
                    .replacing("?1", with: "?"), Array(repeating: glob(base[...]), count: 3))
        }
        for target in query.targets {
            add("EXISTS (SELECT 1 FROM adapterTarget WHERE digest = a.digest AND module = ?)", [target])
        }
        if let ranks = query.ranks {
            add("a.rankMinimum >= ? AND a.rankMaximum <= ?", [ranks.lowerBound, ranks.upperBound])
        }
        for label in query.labels {
            let value = label.value
            add(
                "EXISTS (SELECT 1 FROM label WHERE digest = a.digest AND key = ?\(value == nil ? "" : " AND value = ?"))",
                [label.key] + (value.map { [$0] } ?? []))
        }
        if let after = query.after { try addPage(after, query, add, in: database) }
        let names = query.order == .name && query.isReversed ? "r.name DESC, t.name DESC" : "r.name, t.name"
        let order = key(query.order).map { "\($0) \(isDescending(query) ? "DESC" : "ASC"), \(names)" } ?? names
        let rows = try Row.fetchAll(
            database,
            sql: """
                SELECT r.name AS repository, t.name AS tag, t.generation, t.immutable, t.updatedAt,
                    v.createdAt AS versionCreatedAt, \(recordColumns)
                \(tables)
                \(conditions.isEmpty ? "" : "WHERE " + conditions.joined(separator: " AND "))
                ORDER BY \(order) LIMIT \(query.limit.map { max(0, $0) } ?? -1)
                """, arguments: arguments)
        return try rows.map { try entry($0, blobs: blobs) }
    }

    private static let tables = """
        FROM tag AS t JOIN repository AS r ON r.id = t.repositoryId
            JOIN version AS v ON v.repositoryId = t.repositoryId AND v.digest = t.digest
            JOIN adapter AS a ON a.digest = t.digest JOIN blob AS b ON b.digest = t.digest
        """

    /// Adds the condition for what stands behind an entry: keyset paging, which neither repeats nor skips entries when
    /// others come and go.
    private static func addPage(
        _ after: Reference, _ query: ListQuery, _ add: (String, [any DatabaseValueConvertible]) -> Void,
        in database: Database
    ) throws {
        guard let tag = after.tag else {
            throw RegistryError(
                .wrongKind, "Unable to list after '\(after)': it names a digest. Name the last entry's tag.",
                reference: after.description)
        }
        let names = [after.repository.description, tag.description]
        guard let key = key(query.order) else {
            add("(r.name, t.name) \(query.isReversed ? "<" : ">") (?, ?)", names)
            return
        }
        let value = try Int64.fetchOne(
            database, sql: "SELECT \(key) \(tables) WHERE r.name = ? AND t.name = ?",
            arguments: StatementArguments(names))
        guard let value else { throw try notFound(after, in: database) }
        add(
            "(\(key) \(isDescending(query) ? "<" : ">") ? OR (\(key) = ? AND (r.name, t.name) > (?, ?)))",
            [value, value] + names)
    }

    /// The expression that a list is ordered by; nil for names.
    private static func key(_ order: ListQuery.Order) -> String? {
        switch order {
        case .name: nil
        case .created: "v.createdAt"
        case .size: "b.byteCount"
        case .rank: "ifnull(a.rankMaximum, 0)"
        case .parameters: "a.parameterCount"
        }
    }

    private static func isDescending(_ query: ListQuery) -> Bool { query.order != .name && !query.isReversed }

    private static func entry(_ row: Row, blobs: BlobStore) throws -> StoredAdapter {
        let record = try record(row)
        return StoredAdapter(
            reference: try row.reference("repository", "tag"), digest: record.digest, contentRoot: record.contentRoot,
            byteCount: record.byteCount, path: blobs.path(of: record.digest),
            createdAt: try row.timestamp("versionCreatedAt"), summary: record.summary,
            tag: StoredAdapter.TagState(
                generation: try row.value("generation"), isImmutable: try row.value("immutable"),
                updatedAt: try row.timestamp("updatedAt")))
    }

    /// SQLite's pattern in which only `*` is special.
    private static func glob(_ pattern: Substring) -> String {
        pattern.reduce(into: "") { result, character in
            switch character {
            case "?", "[": result += "[\(character)]"
            default: result.append(character)
            }
        }
    }
}

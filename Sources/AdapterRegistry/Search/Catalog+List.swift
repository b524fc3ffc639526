import GRDB
import Integrity

// Lists of tagged adapters.
//
// A page is found in one of two ways, both by indexes alone. Either the entries are taken in the list's order and tested,
// which is quick when many pass; or the entries that pass one filter are taken and sorted, which is quick when few do. How
// many pass is counted, up to a point; but that many pass does not tell whether they stand together at the far end of the
// list, so the first way is tried for a while only.
extension Catalog {
    /// How a page is found.
    enum ListPlan: Hashable, Sendable {
        /// In the list's order, through so many entries; nil for all.
        case ordered(window: Int?)
        /// From the candidates of the filter with this index, sorted.
        case sorted(filter: Int)
    }

    /// So few candidates are sorted at once.
    private static let fewCandidates = 1000
    /// So many are counted.
    private static let manyCandidates = 200_000
    /// So many entries are tested in the list's order before another way is taken: some milliseconds' worth. Looking into
    /// the index of words takes ten times as long as into another.
    private static func window(_ query: ListQuery) -> Int { query.text == nil ? 6000 : 600 }

    /// One page of the tagged adapters that a query accepts.
    static func list(_ query: ListQuery, blobs: BlobStore, in database: Database) throws -> [StoredAdapter] {
        let filters = try query.filters()
        func page(_ plan: ListPlan) throws -> [Row] {
            let (keys, arguments) = try listKeys(query, filters, plan, in: database)
            return try Row.fetchAll(database, sql: listStatement(query, keys: keys), arguments: arguments)
        }
        let rows: [Row]
        if filters.isEmpty {
            rows = try page(.ordered(window: nil))
        } else if let filter = try mostSelective(filters, limit: fewCandidates, in: database) {
            rows = try page(.sorted(filter: filter))
        } else if let limit = query.limit, case let found = try page(.ordered(window: window(query))),
            found.count >= limit
        {
            rows = found
        } else if let filter = try mostSelective(filters, limit: manyCandidates, in: database) {
            rows = try page(.sorted(filter: filter))
        } else {
            rows = try page(.ordered(window: nil))
        }
        return try rows.map { try entry($0, blobs: blobs) }
    }

    /// The statement that gives whole entries, from one that gives their keys.
    private static func listStatement(_ query: ListQuery, keys: String) -> String {
        """
        SELECT t.repository, t.name AS tag, t.generation, t.immutable, t.updatedAt,
            t.createdAt AS versionCreatedAt, \(recordColumns)
        FROM (\(keys)) AS k CROSS JOIN tag AS t ON t.repositoryId = k.repositoryId AND t.name = k.name
            CROSS JOIN adapter AS a ON a.digest = t.digest CROSS JOIN blob AS b ON b.digest = t.digest
        ORDER BY \(order(query))
        """
    }

    /// The statement that gives the keys of a page's entries in order.
    static func listKeys(
        _ query: ListQuery, _ filters: [ListFilter], _ plan: ListPlan, in database: Database
    ) throws -> (sql: String, arguments: StatementArguments) {
        var filters = filters
        let page = try query.after.map { try self.page($0, query, in: database) }
        var conditions: [String] = []
        var arguments = StatementArguments()
        let source: String
        switch plan {
        case .ordered(nil):
            source = "tag AS t INDEXED BY \(index(query.order))"
        case .ordered(let window?):
            source = """
                (SELECT * FROM tag AS t INDEXED BY \(index(query.order)) \(page.map { "WHERE \($0.condition)" } ?? "")
                    ORDER BY \(order(query)) LIMIT \(window)) AS t
                """
            if let page { arguments += page.arguments }
        case .sorted(let index):
            let filter = filters.remove(at: index)
            let join =
                filter.isOverTags
                ? "t.repositoryId = c.repositoryId AND t.name = c.name" : "t.digest = c.digest"
            source = "(\(filter.candidates)) AS c CROSS JOIN tag AS t ON \(join)"
            arguments += filter.candidateArguments
        }
        for filter in filters {
            conditions.append(filter.condition)
            arguments += filter.conditionArguments
        }
        if let page {
            conditions.append(page.condition)
            arguments += page.arguments
        }
        let adapter = filters.contains(where: \.needsAdapter) ? "CROSS JOIN adapter AS a ON a.digest = t.digest" : ""
        let sql = """
            SELECT t.repositoryId, t.name FROM \(source) \(adapter)
            \(conditions.isEmpty ? "" : "WHERE " + conditions.joined(separator: " AND "))
            ORDER BY \(order(query)) LIMIT \(query.limit.map { max(0, $0) } ?? -1)
            """
        return (sql, arguments)
    }

    /// The filter with the fewest candidates, when these are no more than a limit.
    private static func mostSelective(_ filters: [ListFilter], limit: Int, in database: Database) throws -> Int? {
        var best: (index: Int, count: Int)?
        for (index, filter) in filters.enumerated() {
            // An adapter has some tags.
            let limit = filter.isOverTags ? 10 * limit : limit
            let count =
                try Int.fetchOne(
                    database, sql: "SELECT count(*) FROM (\(filter.candidates) LIMIT \(limit + 1))",
                    arguments: filter.candidateArguments) ?? 0
            if count <= limit, count < best?.count ?? .max { best = (index, count) }
        }
        return best?.index
    }

    /// The condition for what stands behind an entry: keyset paging, which neither repeats nor skips entries when
    /// others come and go.
    private static func page(
        _ after: Reference, _ query: ListQuery, in database: Database
    ) throws -> (condition: String, arguments: StatementArguments) {
        guard let tag = after.tag else {
            throw RegistryError(
                .wrongKind, "Unable to list after '\(after)': it names a digest. Name the last entry's tag.",
                reference: after.description)
        }
        let names = [after.repository.description, tag.description]
        let isNext = query.isReversed ? "<" : ">"
        guard let key = key(query.order) else {
            return ("(t.repository, t.name) \(isNext) (?, ?)", StatementArguments(names))
        }
        let value = try Int64.fetchOne(
            database, sql: "SELECT \(key) FROM tag AS t WHERE t.repository = ? AND t.name = ?",
            arguments: StatementArguments(names))
        guard let value else { throw try notFound(after, in: database) }
        // The first term bounds the scan of the index, the second is exact.
        return (
            "\(key) \(query.isReversed ? ">=" : "<=") ? "
                + "AND (\(key) <> ? OR (t.repository, t.name) \(isNext) (?, ?))",
            [value, value] + StatementArguments(names)
        )
    }

    private static func order(_ query: ListQuery) -> String {
        let names = query.isReversed ? "t.repository DESC, t.name DESC" : "t.repository, t.name"
        guard let key = key(query.order) else { return names }
        return "\(key) \(query.isReversed ? "ASC" : "DESC"), \(names)"
    }

    /// The index that gives the order; told, because the planner would rather use one that a filter fits.
    private static func index(_ order: ListQuery.Order) -> String {
        switch order {
        case .name: "tagByReference"
        case .created: "tagByCreation"
        case .size: "tagBySize"
        case .rank: "tagByRank"
        case .parameters: "tagByParameters"
        }
    }

    /// The column that a list is ordered by; nil for names.
    private static func key(_ order: ListQuery.Order) -> String? {
        switch order {
        case .name: nil
        case .created: "t.createdAt"
        case .size: "t.byteCount"
        case .rank: "t.rank"
        case .parameters: "t.parameterCount"
        }
    }

    private static func entry(_ row: Row, blobs: BlobStore) throws -> StoredAdapter {
        let record = try record(row)
        return StoredAdapter(
            reference: try row.reference("repository", "tag"), digest: record.digest, contentRoot: record.contentRoot,
            byteCount: record.byteCount, path: blobs.path(of: record.digest),
            createdAt: try row.timestamp("versionCreatedAt"), summary: record.summary, kind: record.kind,
            tag: StoredAdapter.TagState(
                generation: try row.value("generation"), isImmutable: try row.value("immutable"),
                updatedAt: try row.timestamp("updatedAt")))
    }
}

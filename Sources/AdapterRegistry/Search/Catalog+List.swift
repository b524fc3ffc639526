import GRDB
import Integrity

// Lists of tagged adapters.
//
// A page is found by indexes alone, in the list's order: without filters by the tags themselves; with filters by the
// versions that have the facet of the rarest, each tested for the others, until the page is full. What few adapters have,
// such as a word or a base's digest, gives these, and their tags are sorted. Other filters are tested on all versions.
extension Catalog {
    /// How a page is found.
    enum ListPlan: Hashable, Sendable {
        /// By tags in the list's order.
        case tags
        /// By versions in the list's order: those with a facet, which is what the filter with this index asks for; nil
        /// when all filters are tested.
        case versions(Facet, filter: Int?)
        /// By the tags that the pattern of the filter with this index matches, sorted.
        case named(filter: Int)
        /// By the adapters that the filter with this index gives, their tags sorted.
        case adapters(filter: Int)
        /// By the repositories in the order of their names, those that the pattern matches.
        case repositories
    }

    /// So many versions with a facet are counted, to choose the one that the fewest have.
    private static let countedVersions = 20_000
    /// So few tags are sorted.
    private static let sortedTags = 10_000
    /// Of so few adapters the tags are sorted.
    private static let sortedAdapters = 2000
    /// So many versions at one place of a list are too many to sort by their tags.
    private static let crowd = 1000

    /// One page of the tagged adapters that a query accepts.
    static func list(_ query: ListQuery, blobs: BlobStore, in database: Database) throws -> [StoredAdapter] {
        let filters = try query.filters()
        guard let plan = try plan(query, filters, in: database) else { return [] }
        let (keys, arguments) = try listKeys(query, filters, plan, in: database)
        let sql = """
            SELECT t.repository, t.name AS tag, t.generation, t.immutable, t.updatedAt,
                t.createdAt AS versionCreatedAt, \(recordColumns)
            FROM (\(keys)) AS k CROSS JOIN tag AS t ON t.repositoryId = k.repositoryId AND t.name = k.name
                CROSS JOIN adapter AS a ON a.digest = t.digest CROSS JOIN blob AS b ON b.digest = t.digest
            ORDER BY \(order(query, key(query.order), "t.repository"))
            """
        return try Row.fetchAll(database, sql: sql, arguments: arguments).map { try entry($0, blobs: blobs) }
    }

    /// How a page is best found; nil when no version has one of the facets.
    private static func plan(
        _ query: ListQuery, _ filters: [ListFilter], in database: Database
    ) throws -> ListPlan? {
        // The names that a prefix leaves stand together.
        let isByNameAlone = filters.count == 1 && query.namePrefix != nil && query.order == .name
        if filters.isEmpty || isByNameAlone { return .tags }
        var rarest: (facet: Facet, number: Int64, filter: Int?, count: Int)?
        func consider(_ facet: Facet, _ number: Int64, _ filter: Int?) throws {
            let count = try versionCount(number, limit: countedVersions, in: database)
            if count < rarest?.count ?? .max { rarest = (facet, number, filter, count) }
        }
        var fewest: (filter: Int, count: Int)?
        var named: Int?
        for (index, filter) in filters.enumerated() {
            if let facet = filter.facet {
                guard let number = try number(of: facet, in: database) else { return nil }
                try consider(facet, number, index)
            } else if !filter.facetsAmong.isEmpty {
                let known = try filter.facetsAmong.compactMap { facet in
                    try number(of: facet, in: database).map { (facet, $0) }
                }
                guard let first = known.first else { return nil }
                if known.count == 1 { try consider(first.0, first.1, nil) }
            } else if let count = try adapterCount(filter, in: database) {
                if count < fewest?.count ?? .max { fewest = (index, count) }
            } else if let pattern = filter.tagPattern, !pattern.hasPrefix("*"), named == nil,
                try tagCount(pattern, in: database) <= sortedTags
            {
                named = index
            }
        }
        if let fewest, fewest.count <= rarest?.count ?? .max { return .adapters(filter: fewest.filter) }
        if let named { return .named(filter: named) }
        guard let rarest else { return try planWithoutFacet(query, filters, in: database) }
        // Very many versions of one repository are better taken by its tags.
        let isCrowded = try rarest.count >= countedVersions && isCrowded(rarest.number, query.order, in: database)
        return isCrowded ? .tags : .versions(rarest.facet, filter: rarest.filter)
    }

    /// How a page is best found when nothing but names and words in many adapters restrict it.
    private static func planWithoutFacet(
        _ query: ListQuery, _ filters: [ListFilter], in database: Database
    ) throws -> ListPlan? {
        guard let number = try number(of: .any, in: database) else { return nil }
        // There are fewer repositories than tags, and fewer tags than tags of versions.
        if query.order == .name, query.namePrefix == nil, filters.contains(where: { $0.namePattern != nil }) {
            return .repositories
        }
        let isByTag = filters.contains { $0.tagPattern != nil }
        return try isByTag || isCrowded(number, query.order, in: database) ? .tags : .versions(.any, filter: nil)
    }

    /// How many adapters a filter gives; nil when it gives none by itself, or too many.
    private static func adapterCount(_ filter: ListFilter, in database: Database) throws -> Int? {
        guard let adapters = filter.adapters else { return nil }
        let count =
            try Int.fetchOne(
                database,
                sql: "SELECT count(*) FROM (SELECT 1 FROM (\(adapters.sql)) LIMIT \(sortedAdapters + 1))",
                arguments: adapters.arguments) ?? 0
        return count <= sortedAdapters ? count : nil
    }

    private static func tagCount(_ glob: String, in database: Database) throws -> Int {
        try Int.fetchOne(
            database,
            sql: """
                SELECT count(*) FROM (
                    SELECT 1 FROM tag INDEXED BY tagByName WHERE name GLOB ? LIMIT \(sortedTags + 1))
                """, arguments: [glob]) ?? 0
    }

    /// Whether very many versions stand at one place at the beginning of a list.
    private static func isCrowded(_ facet: Int64, _ order: ListQuery.Order, in database: Database) throws -> Bool {
        func place(_ offset: Int) throws -> Row? {
            try Row.fetchOne(
                database,
                sql: """
                    SELECT sortKey, repository FROM facetVersion WHERE facet = ? AND listOrder = ?
                    ORDER BY sortKey DESC, repository LIMIT 1 OFFSET ?
                    """, arguments: [facet, order.number, offset])
        }
        guard let last = try place(crowd) else { return false }
        return try place(0) == last
    }

    /// The statement that gives the keys of a page's entries in order.
    static func listKeys(
        _ query: ListQuery, _ filters: [ListFilter], _ plan: ListPlan, in database: Database
    ) throws -> (sql: String, arguments: StatementArguments) {
        var filters = filters
        let scan = plan.scan
        let key = scan == .versions ? "p.sortKey" : key(query.order)
        var conditions: [String] = []
        var arguments = StatementArguments()
        func add(_ condition: String, _ values: StatementArguments = []) {
            conditions.append(condition)
            arguments += values
        }
        let source: String
        switch plan {
        case .tags: source = "tag AS t INDEXED BY \(index(query.order))"
        case .named: source = "tag AS t INDEXED BY tagByName"
        case .repositories:
            source = "repository AS r CROSS JOIN tag AS t INDEXED BY tagByReference ON t.repository = r.name"
        case .adapters(let index):
            guard let adapters = filters[index].adapters else { return ("SELECT 0, '' WHERE false", []) }
            source = "adapterDocument AS d"
            add("d.id IN (\(adapters.sql))", adapters.arguments)
        case .versions(let facet, let index):
            if let index { filters.remove(at: index) }
            source = "facetVersion AS p CROSS JOIN adapterDocument AS d ON d.id = p.adapter"
            add(
                """
                p.facet = (SELECT id FROM facet WHERE kind = ? AND key = ? AND value = ?)
                AND p.listOrder = \(query.order.number)
                """, [facet.kind.rawValue, facet.key, facet.value])
        }
        for bound in try bounds(query, key, scan, in: database) { add(bound.condition, bound.arguments) }
        for filter in filters { add(filter.condition(scan), filter.arguments) }
        let adapter =
            filters.contains(where: \.needsAdapter) ? "CROSS JOIN adapter AS a ON a.digest = \(scan.digest)" : ""
        let tags =
            switch scan {
            case .tags, .repositories: ""
            case .adapters: "CROSS JOIN tag AS t INDEXED BY tagByDigest ON t.digest = d.digest"
            case .versions:
                "CROSS JOIN tag AS t INDEXED BY tagByDigest ON t.digest = d.digest AND t.repository = p.repository"
            }
        let sql = """
            SELECT t.repositoryId, t.name FROM \(source) \(adapter) \(tags)
            \(conditions.isEmpty ? "" : "WHERE " + conditions.joined(separator: " AND "))
            ORDER BY \(order(query, key, scan.repository)) LIMIT \(query.limit.map { max(0, $0) } ?? -1)
            """
        return (sql, arguments)
    }

    /// The conditions that bound a walk: what stands behind the page before, and what names begin with.
    private static func bounds(
        _ query: ListQuery, _ key: String?, _ scan: ListFilter.Scan, in database: Database
    ) throws -> [(condition: String, arguments: StatementArguments)] {
        var bounds: [(condition: String, arguments: StatementArguments)] = []
        if let after = query.after { bounds.append(try page(after, query, key, scan, in: database)) }
        if let prefix = query.namePrefix {
            // Behind all names that begin so: these are ASCII.
            bounds.append(
                ("\(scan.repository) >= ? AND \(scan.repository) < ?", [prefix, prefix + "\u{10FFFF}"]))
        }
        return bounds
    }

    /// The condition for what stands behind an entry: keyset paging, which neither repeats nor skips entries when
    /// others come and go.
    private static func page(
        _ after: Reference, _ query: ListQuery, _ column: String?, _ scan: ListFilter.Scan, in database: Database
    ) throws -> (condition: String, arguments: StatementArguments) {
        guard let tag = after.tag else {
            throw RegistryError(
                .wrongKind, "Unable to list after '\(after)': it names a digest. Name the last entry's tag.",
                reference: after.description)
        }
        let names = [after.repository.description, tag.description]
        let isNext = query.isReversed ? "<" : ">"
        // The first term of each bounds the scan of the index, the second is exact.
        let isBehind = "(\(scan.repository), t.name) \(isNext) (?, ?)"
        guard let key = key(query.order), let column else {
            return (
                "\(scan.repository) \(isNext)= ? AND \(isBehind)", StatementArguments([names[0]] + names)
            )
        }
        let value = try Int64.fetchOne(
            database, sql: "SELECT \(key) FROM tag AS t WHERE t.repository = ? AND t.name = ?",
            arguments: StatementArguments(names))
        guard let value else { throw try notFound(after, in: database) }
        return (
            "\(column) \(query.isReversed ? ">=" : "<=") ? AND (\(column) <> ? OR \(isBehind))",
            [value, value] + StatementArguments(names)
        )
    }

    private static func order(_ query: ListQuery, _ key: String?, _ repository: String) -> String {
        let names = query.isReversed ? "\(repository) DESC, t.name DESC" : "\(repository), t.name"
        guard let key else { return names }
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

extension Catalog.ListPlan {
    /// How the catalog is read.
    fileprivate var scan: ListFilter.Scan {
        switch self {
        case .tags, .named: .tags
        case .repositories: .repositories
        case .adapters: .adapters
        case .versions: .versions
        }
    }
}

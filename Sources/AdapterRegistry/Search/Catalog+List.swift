import GRDB
import Integrity

// Lists of tagged adapters.
//
// A page is found by indexes alone, in the list's order: without filters by the tags themselves; with filters by the
// versions that have the facet of the rarest, each tested for the others, until the page is full. What few adapters have,
// such as a word or a base's digest, gives these, and their tags are sorted. Other filters are tested on all versions.
//
// Where very many versions stand at one place of the list, all of their tags would have to be sorted for a page of some:
// there the tags are tried in the list's order first, a few of them, which most often fills the page.
extension Catalog {
    /// How a page is found.
    enum ListPlan: Hashable, Sendable {
        /// By tags in the list's order.
        case tags
        /// By a few tags in the list's order, from a place on and with its key: the page's first entries from there, but
        /// perhaps not all.
        case walk(from: ListPlace)
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
    /// So many tags are tried before those of a crowd are sorted.
    private static let walkedTags = 1000

    /// One page of the tagged adapters that a query accepts.
    ///
    /// - Parameter crowdCount: so many versions at one place of the list are too many to sort by their tags.
    static func list(
        _ query: ListQuery, blobs: BlobStore, crowdCount: Int = 1000, in database: Database
    ) throws -> [StoredAdapter] {
        let filters = try query.filters()
        guard let plan = try plan(query, filters, in: database) else { return [] }
        guard case .versions(let facet, _) = plan, let crowd = try crowd(facet, query, crowdCount, in: database) else {
            return try entries(query, filters, plan, blobs: blobs, in: database)
        }
        let page = try crowdedPage(query, filters, plan, crowd, blobs: blobs, in: database)
        if let page { return page }
        // Very many versions of one repository are better taken by its tags.
        let isTooMany = try number(of: facet, in: database).map {
            try versionCount($0, limit: countedVersions, in: database) >= countedVersions
        }
        return try entries(query, filters, isTooMany == true ? .tags : plan, blobs: blobs, in: database)
    }

    /// A page that holds a crowd or the beginning of it: what stands before it by versions, and the rest by a walk over
    /// tags; nil when that does not fill the page.
    private static func crowdedPage(
        _ query: ListQuery, _ filters: [ListFilter], _ plan: ListPlan, _ crowd: ListPlace, blobs: BlobStore,
        in database: Database
    ) throws -> [StoredAdapter]? {
        guard let limit = query.limit, (1...walkedTags).contains(limit) else { return nil }
        let first = try entries(query, filters, plan, before: crowd, blobs: blobs, in: database)
        var rest = query
        rest.limit = limit - first.count
        let walked = try entries(rest, filters, .walk(from: crowd), blobs: blobs, in: database)
        return first.count + walked.count == limit ? first + walked : nil
    }

    private static func entries(
        _ query: ListQuery, _ filters: [ListFilter], _ plan: ListPlan, before end: ListPlace? = nil,
        blobs: BlobStore, in database: Database
    ) throws -> [StoredAdapter] {
        let (keys, arguments) = try listKeys(query, filters, plan, before: end, in: database)
        let sql = """
            SELECT t.repository, t.name AS tag, t.generation, t.immutable, t.updatedAt,
                t.createdAt AS versionCreatedAt, \(recordColumns)
            FROM (\(keys)) AS k CROSS JOIN tag AS t ON t.repositoryId = k.repositoryId AND t.name = k.name
                CROSS JOIN adapter AS a ON a.digest = t.digest CROSS JOIN blob AS b ON b.digest = t.digest
            ORDER BY \(order(query, key(query.order, .tags), "t.repository"))
            """
        // A row of a cursor knows where its columns are; a copy looks for each name anew.
        return try Array(Row.fetchCursor(database, sql: sql, arguments: arguments).map { try entry($0, blobs: blobs) })
    }

    /// How a page is best found; nil when no version has one of the facets.
    private static func plan(
        _ query: ListQuery, _ filters: [ListFilter], in database: Database
    ) throws -> ListPlan? {
        // The names that a prefix leaves stand together.
        let isByNameAlone = filters.count == 1 && query.namePrefix != nil && query.order == .name
        if filters.isEmpty || isByNameAlone { return .tags }
        var rarest: (facet: Facet, filter: Int?, count: Int)?
        func consider(_ facet: Facet, _ number: Int64, _ filter: Int?) throws {
            let count = try versionCount(number, limit: countedVersions, in: database)
            if count < rarest?.count ?? .max { rarest = (facet, filter, count) }
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
        guard let rarest else { return planWithoutFacet(query, filters) }
        return .versions(rarest.facet, filter: rarest.filter)
    }

    /// How a page is best found when nothing but names and words in many adapters restrict it.
    private static func planWithoutFacet(_ query: ListQuery, _ filters: [ListFilter]) -> ListPlan {
        // There are fewer repositories than tags, and fewer tags than tags of versions.
        if query.order == .name, query.namePrefix == nil, filters.contains(where: { $0.namePattern != nil }) {
            return .repositories
        }
        return filters.contains { $0.tagPattern != nil } ? .tags : .versions(.any, filter: nil)
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

    /// The first place with very many versions near the beginning of a page; nil when there is none.
    private static func crowd(
        _ facet: Facet, _ query: ListQuery, _ crowdCount: Int, in database: Database
    ) throws -> ListPlace? {
        guard let number = try number(of: facet, in: database) else { return nil }
        var conditions = ["p.facet = ? AND p.listOrder = \(query.order.number)"]
        var arguments: StatementArguments = [number]
        for bound in try bounds(query, .versions, in: database).places {
            conditions.append(bound.condition)
            arguments += bound.arguments
        }
        let direction = query.isReversed ? ("ASC", "DESC") : ("DESC", "ASC")
        let row = try Row.fetchOne(
            database,
            sql: """
                SELECT sortKey, repository FROM (
                    SELECT p.sortKey, p.repository FROM facetVersion AS p WHERE \(conditions.joined(separator: " AND "))
                    ORDER BY p.sortKey \(direction.0), p.repository \(direction.1) LIMIT \(2 * crowdCount))
                GROUP BY sortKey, repository HAVING count(*) >= \(crowdCount)
                ORDER BY sortKey \(direction.0), repository \(direction.1) LIMIT 1
                """, arguments: arguments)
        return try row.map { ListPlace(sortKey: try $0.value("sortKey"), repository: try $0.value("repository")) }
    }

    /// The statement that gives the keys of a page's entries in order.
    ///
    /// - Parameter end: only entries before this place.
    static func listKeys(
        _ query: ListQuery, _ filters: [ListFilter], _ plan: ListPlan, before end: ListPlace? = nil,
        in database: Database
    ) throws -> (sql: String, arguments: StatementArguments) {
        var filters = filters
        let scan = plan.scan
        let key = key(query.order, scan)
        var conditions: [String] = []
        var arguments = StatementArguments()
        func add(_ condition: String, _ values: StatementArguments = []) {
            conditions.append(condition)
            arguments += values
        }
        func takeConditions() -> String {
            defer { conditions = [] }
            return conditions.isEmpty ? "" : "WHERE " + conditions.joined(separator: " AND ")
        }
        let order = order(query, key, scan.repository)
        var source: String
        switch plan {
        case .tags, .walk: source = "tag AS t INDEXED BY \(index(query.order))"
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
        let bounds = try bounds(query, scan, in: database)
        if case .walk(let start) = plan {
            for bound in walk(from: start, bounds, query) { add(bound.condition, bound.arguments) }
            source = "(SELECT * FROM \(source) \(takeConditions()) ORDER BY \(order) LIMIT \(walkedTags)) AS t"
        } else {
            for bound in bounds.places { add(bound.condition, bound.arguments) }
            if let bound = entryBound(bounds, query, scan) { add(bound.condition, bound.arguments) }
        }
        if let end {
            let bound = bound(.before, end, query, scan)
            add(bound.condition, bound.arguments)
        }
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
            SELECT t.repositoryId, t.name FROM \(source) \(adapter) \(tags) \(takeConditions())
            ORDER BY \(order) LIMIT \(query.limit.map { max(0, $0) } ?? -1)
            """
        return (sql, arguments)
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
        case .tags, .walk, .named: .tags
        case .repositories: .repositories
        case .adapters: .adapters
        case .versions: .versions
        }
    }
}

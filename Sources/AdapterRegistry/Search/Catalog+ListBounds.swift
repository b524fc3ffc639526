import GRDB

/// Where in a list versions stand: what it is ordered by, before the names of tags.
struct ListPlace: Hashable, Sendable {
    /// The value that the list is ordered by; 0 for names.
    var sortKey: Int64
    /// The repository's name.
    var repository: String
}

// Where a page begins and ends, as conditions.
extension Catalog {
    typealias Bound = (condition: String, arguments: StatementArguments)

    /// Which side of a place.
    enum Side {
        /// At the place or behind it.
        case behind
        /// Before it.
        case before
    }

    /// The conditions that bound a page.
    struct PageBounds {
        /// Of places: where the page before ended, and what names begin with.
        var places: [Bound] = []
        /// Of entries with the key at which the page before ended.
        var entry: Bound?
        /// Where the page before ended.
        var start: ListPlace?
        /// The end of the names that begin as they shall.
        var end: Bound?
    }

    /// The bounds of a page: what stands behind the page before, and what names begin with.
    ///
    /// Keyset paging neither repeats nor skips entries when others come and go.
    static func bounds(
        _ query: ListQuery, _ scan: ListFilter.Scan, in database: Database
    ) throws -> PageBounds {
        var bounds = PageBounds()
        // Lists by name have one key, and their places stand behind it in the index.
        if scan == .versions, query.order == .name { bounds.places.append(("p.sortKey = 0", [])) }
        if let after = query.after {
            guard let tag = after.tag else {
                throw RegistryError(
                    .wrongKind, "Unable to list after '\(after)': it names a digest. Name the last entry's tag.",
                    reference: after.description)
            }
            let names = [after.repository.description, tag.description]
            let isBehind = "(\(scan.repository), t.name) \(query.isReversed ? "<" : ">") (?, ?)"
            var place = ListPlace(sortKey: 0, repository: names[0])
            if let column = key(query.order, .tags) {
                let value = try Int64.fetchOne(
                    database, sql: "SELECT \(column) FROM tag AS t WHERE t.repository = ? AND t.name = ?",
                    arguments: StatementArguments(names))
                guard let value else { throw try notFound(after, in: database) }
                place.sortKey = value
            }
            bounds.start = place
            // Of two bounds on an index of names SQLite takes one, and it shall be the entry's.
            if scan != .tags || query.order != .name { bounds.places.append(bound(.behind, place, query, scan)) }
            bounds.entry = (isBehind, StatementArguments(names))
        }
        if let prefix = query.namePrefix {
            // Behind all names that begin so: these are ASCII.
            let first: Bound = ("\(scan.repository) >= ?", [prefix])
            let last: Bound = ("\(scan.repository) < ?", [prefix + "\u{10FFFF}"])
            bounds.places += [first, last]
            bounds.end = query.isReversed ? first : last
        }
        return bounds
    }

    /// What stands behind the page before.
    static func entryBound(_ bounds: PageBounds, _ query: ListQuery, _ scan: ListFilter.Scan) -> Bound? {
        guard let entry = bounds.entry, let start = bounds.start, let key = key(query.order, scan) else {
            return bounds.entry
        }
        return ("(\(key) <> ? OR \(entry.condition))", [start.sortKey] + entry.arguments)
    }

    /// What stands on one side of a place.
    static func bound(_ side: Side, _ place: ListPlace, _ query: ListQuery, _ scan: ListFilter.Scan) -> Bound {
        let isRising = query.isReversed == (side == .before)
        let names = "\(scan.repository) \(isRising ? ">" : "<")\(side == .behind ? "=" : "") ?"
        guard let key = key(query.order, scan) else { return (names, [place.repository]) }
        // The first term bounds the walk over the index, the second is exact.
        return (
            "\(key) \(isRising ? "<=" : ">=") ? AND (\(key) <> ? OR \(names))",
            [place.sortKey, place.sortKey, place.repository]
        )
    }

    /// What a walk over tags takes from a place on, which is not before the page's bounds: one range of the index.
    static func walk(from place: ListPlace, _ bounds: PageBounds, _ query: ListQuery) -> [Bound] {
        var walk: [Bound] = []
        if let key = key(query.order, .tags) { walk.append(("\(key) = ?", [place.sortKey])) }
        // At the place where the page before ended the entry bounds it, elsewhere the place.
        if let entry = bounds.entry, bounds.start == place {
            walk.append(entry)
        } else {
            walk.append(("t.repository \(query.isReversed ? "<=" : ">=") ?", [place.repository]))
        }
        return walk + (bounds.end.map { [$0] } ?? [])
    }

    /// The terms that give a list's order.
    static func order(_ query: ListQuery, _ key: String?, _ repository: String) -> String {
        let names = query.isReversed ? "\(repository) DESC, t.name DESC" : "\(repository), t.name"
        guard let key else { return names }
        return "\(key) \(query.isReversed ? "ASC" : "DESC"), \(names)"
    }

    /// The index that gives the order; told, because the planner would rather use one that a filter fits.
    static func index(_ order: ListQuery.Order) -> String {
        switch order {
        case .name: "tagByReference"
        case .created: "tagByCreation"
        case .size: "tagBySize"
        case .rank: "tagByRank"
        case .parameters: "tagByParameters"
        }
    }

    /// The column that a list is ordered by; nil for names.
    static func key(_ order: ListQuery.Order, _ scan: ListFilter.Scan) -> String? {
        switch order {
        case .name: nil
        case _ where scan == .versions: "p.sortKey"
        case .created: "t.createdAt"
        case .size: "t.byteCount"
        case .rank: "t.rank"
        case .parameters: "t.parameterCount"
        }
    }
}

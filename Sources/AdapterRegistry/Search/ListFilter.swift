import GRDB
import Tensors

/// One condition of a list.
struct ListFilter {
    /// How the catalog is read for a list; conditions name what they test accordingly.
    enum Scan {
        /// Tags: `t`.
        case tags
        /// Repositories and their tags: `r`, `t`.
        case repositories
        /// Adapters and their tags: `d` of `adapterDocument`, `t`.
        case adapters
        /// Versions that have a facet, and their tags: `p` of `facetVersion`, `d` of `adapterDocument`, `t`.
        case versions

        /// The adapter's digest.
        var digest: String {
            switch self {
            case .tags, .repositories: "t.digest"
            case .adapters, .versions: "d.digest"
            }
        }
        /// The adapter's number.
        var adapter: String {
            switch self {
            case .tags, .repositories: "(SELECT id FROM adapterDocument WHERE digest = t.digest)"
            case .adapters: "d.id"
            case .versions: "p.adapter"
            }
        }
        /// The repository's name.
        var repository: String {
            switch self {
            case .tags, .adapters: "t.repository"
            case .repositories: "r.name"
            case .versions: "p.repository"
            }
        }
        /// Where the list of another facet, `y`, has the version: near to the place before, when the order is the same.
        var place: String {
            let order =
                self == .versions
                ? "y.listOrder = p.listOrder AND y.sortKey = p.sortKey"
                : "y.listOrder = \(ListQuery.Order.name.number) AND y.sortKey = 0"
            return "\(order) AND y.repository = \(repository) AND y.adapter = \(adapter)"
        }
    }

    /// True for what passes; with ``needsAdapter`` it also names the adapter's row, `a`.
    var condition: (Scan) -> String
    var arguments: StatementArguments = []
    /// The facet that those have that pass; nil when there is none.
    var facet: Facet?
    /// Facets of which all that pass have at least one; the condition says more. Empty when there are none.
    var facetsAmong: [Facet] = []
    /// Whether the condition asks for the adapter's row.
    var needsAdapter = false
    /// The numbers of the adapters that may pass, when an index gives them without looking at all; the condition says
    /// more.
    var adapters: (sql: String, arguments: StatementArguments)?
    /// The pattern of the tag's name, when the filter is one.
    var tagPattern: String?
    /// The pattern of the repository's name, when the filter is one.
    var namePattern: String?

    /// Versions that have a facet.
    static func facet(_ facet: Facet) -> ListFilter {
        ListFilter(
            condition: { scan in
                """
                EXISTS (SELECT 1 FROM facetVersion AS y
                    WHERE y.facet = (SELECT id FROM facet WHERE kind = ? AND key = ? AND value = ?) AND \(scan.place))
                """
            }, arguments: [facet.kind.rawValue, facet.key, facet.value], facet: facet)
    }

    /// Adapters whose own row meets a condition; `a` is its name in it.
    static func adapter(_ condition: String, _ arguments: StatementArguments) -> ListFilter {
        ListFilter(condition: { _ in condition }, arguments: arguments, needsAdapter: true)
    }

    /// Adapters over bases whose names match one of some patterns: there are far fewer bases than adapters.
    ///
    /// - Parameter condition: what their own row, `a`, must meet besides.
    static func base(_ globs: [String], and condition: String? = nil, _ arguments: StatementArguments = [])
        -> ListFilter
    {
        let matches = globs.map { _ in "value GLOB ?" }.joined(separator: " OR ")
        return ListFilter(
            condition: { scan in
                """
                EXISTS (SELECT 1 FROM facetVersion AS y
                    WHERE y.facet IN (SELECT id FROM facet
                            WHERE kind = '\(Facet.Kind.base.rawValue)' AND key = '' AND (\(matches)))
                        AND \(scan.place)) \(condition.map { "AND \($0)" } ?? "")
                """
            }, arguments: StatementArguments(globs) + arguments, needsAdapter: condition != nil,
            adapters: (
                """
                SELECT DISTINCT adapter FROM facetVersion
                WHERE listOrder = \(ListQuery.Order.name.number) AND facet IN (SELECT id FROM facet
                    WHERE kind = '\(Facet.Kind.base.rawValue)' AND key = '' AND (\(matches)))
                """, StatementArguments(globs)
            ))
    }

    /// Adapters over bases whose digests match a pattern.
    static func baseDigest(_ glob: String) -> ListFilter {
        ListFilter(
            condition: { _ in "a.baseDigest GLOB ?" }, arguments: [glob], needsAdapter: true,
            adapters: (
                """
                SELECT d.id FROM adapter AS b INDEXED BY adapterByBaseDigest
                    CROSS JOIN adapterDocument AS d ON d.digest = b.digest
                WHERE b.baseDigest IS NOT NULL AND b.baseDigest GLOB ?
                """, [glob]
            ))
    }

    /// Tags whose names match a pattern.
    static func tag(_ pattern: Substring) -> ListFilter {
        let glob = ListQuery.glob(pattern)
        return ListFilter(condition: { _ in "t.name GLOB ?" }, arguments: [glob], tagPattern: glob)
    }

    /// Tags of the repositories whose names match a pattern.
    static func name(_ glob: String) -> ListFilter {
        ListFilter(condition: { "\($0.repository) GLOB ?" }, arguments: [glob], namePattern: glob)
    }

    /// Adapters in which words occur.
    static func text(_ text: SearchText) -> ListFilter {
        ListFilter(
            condition: { "\($0.adapter) IN (SELECT rowid FROM adapterText WHERE adapterText MATCH ?)" },
            arguments: [text.expression],
            adapters: ("SELECT rowid FROM adapterText WHERE adapterText MATCH ?", [text.expression]))
    }
}

extension ListQuery {
    /// The query's conditions.
    ///
    /// - Throws: ``RegistryError`` with code `invalidQuery`.
    func filters() throws -> [ListFilter] {
        var filters: [ListFilter] = []
        if let text { filters.append(.text(try SearchText(text))) }
        if let pattern {
            let parts = pattern.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            if parts[0] != "*" { filters.append(.name(ListQuery.glob(parts[0]))) }
            if parts.count > 1 { filters.append(.tag(parts[1])) }
        }
        if let tag { filters.append(.tag(tag[...])) }
        if let base { filters.append(ListQuery.baseFilter(base)) }
        if let operation { filters.append(.facet(Facet(.operation, operation.withoutNull))) }
        for target in targets { filters.append(.facet(Facet(.target, target.withoutNull))) }
        for dtype in dtypes { filters.append(.facet(Facet(.dtype, dtype.description))) }
        for label in labels {
            let key = label.key.withoutNull
            filters.append(
                .facet(label.value.map { Facet(.label, key: key, $0.withoutNull) } ?? Facet(.labelKey, key: key)))
        }
        if let ranks {
            filters.append(
                ranks.count == 1
                    ? .facet(Facet(.rank, String(ranks.lowerBound)))
                    : .adapter(
                        "a.rankMaximum <= ? AND a.rankMinimum >= ?", [ranks.upperBound, ranks.lowerBound]))
        }
        return filters
    }

    /// What the names of all repositories in the list begin with.
    var namePrefix: String? {
        guard let name = pattern?.prefix(while: { $0 != ":" }), name != "*" else { return nil }
        let prefix = name.prefix { $0 != "*" }
        return prefix.isEmpty ? nil : String(prefix)
    }

    private static func baseFilter(_ text: String) -> ListFilter {
        let whole = glob(text[...])
        if text.hasPrefix("sha256:") { return .baseDigest(whole) }
        guard let at = text.lastIndex(of: "@") else {
            return text.contains("*") ? .base([whole]) : .facet(Facet(.base, text.withoutNull))
        }
        let name = glob(text[..<at])
        let revision = glob(text[text.index(after: at)...])
        // A name may itself hold an '@'.
        var filter = ListFilter.base(
            [name, whole],
            and: "((a.baseName GLOB ? AND (a.baseRevision GLOB ? OR a.baseDigest GLOB ?)) OR a.baseName GLOB ?)",
            [name, revision, revision, whole])
        if !text.contains("*") {
            filter.facetsAmong = [text[..<at], text[...]].map { Facet(.base, String($0).withoutNull) }
        }
        return filter
    }

    /// SQLite's pattern in which only `*` is special.
    static func glob(_ pattern: Substring) -> String {
        pattern.reduce(into: "") { result, character in
            switch character {
            case "?", "[": result += "[\(character)]"
            default: result.append(character)
            }
        }
    }
}

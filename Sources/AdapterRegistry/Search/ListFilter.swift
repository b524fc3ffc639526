import GRDB
import Tensors

/// One condition of a list, in the two forms in which SQL can use it.
struct ListFilter {
    /// True for the entries of `t` (the tag) and `a` (its adapter) that pass.
    var condition: String
    var conditionArguments: StatementArguments
    /// A select of the `digest`s, or with ``isOverTags`` of the primary keys, that pass, by an index.
    var candidates: String
    var candidateArguments: StatementArguments
    /// Whether the candidates are tags rather than adapters.
    var isOverTags = false
    /// Whether the condition asks for the adapter's row.
    var needsAdapter = false

    /// Adapters that have a row with these values in a table that hangs on them.
    static func having(_ table: String, _ columns: [(String, String)]) -> ListFilter {
        let test = columns.map { "\($0.0) = ?" }.joined(separator: " AND ")
        let values = StatementArguments(columns.map(\.1))
        return ListFilter(
            condition: "EXISTS (SELECT 1 FROM \(table) AS x WHERE x.digest = t.digest AND \(test))",
            conditionArguments: values, candidates: "SELECT digest FROM \(table) WHERE \(test)",
            candidateArguments: values)
    }

    /// Adapters whose own row meets a condition; `a` is its name in it.
    static func adapter(_ condition: String, _ arguments: StatementArguments) -> ListFilter {
        ListFilter(
            condition: condition, conditionArguments: arguments,
            candidates: "SELECT a.digest FROM adapter AS a WHERE \(condition)", candidateArguments: arguments,
            needsAdapter: true)
    }

    /// Tags that meet a condition; `t` is the name of their row in it.
    static func tag(_ condition: String, _ arguments: StatementArguments) -> ListFilter {
        ListFilter(
            condition: condition, conditionArguments: arguments,
            candidates: "SELECT t.repositoryId, t.name FROM tag AS t WHERE \(condition)",
            candidateArguments: arguments, isOverTags: true)
    }

    /// Tags of the repositories whose names match a pattern.
    static func name(_ glob: String) -> ListFilter {
        ListFilter(
            condition: "t.repository GLOB ?", conditionArguments: [glob],
            candidates: """
                SELECT t.repositoryId, t.name FROM repository AS r CROSS JOIN tag AS t ON t.repositoryId = r.id
                WHERE r.name GLOB ?
                """, candidateArguments: [glob], isOverTags: true)
    }

    /// Adapters in which words occur.
    static func text(_ text: SearchText) -> ListFilter {
        ListFilter(
            condition: """
                EXISTS (SELECT 1 FROM adapterDocument AS d CROSS JOIN adapterText AS f
                    WHERE d.digest = t.digest AND f.rowid = d.id AND adapterText MATCH ?)
                """, conditionArguments: [text.expression],
            candidates: """
                SELECT d.digest FROM adapterText AS f CROSS JOIN adapterDocument AS d
                WHERE d.id = f.rowid AND adapterText MATCH ?
                """, candidateArguments: [text.expression])
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
            if parts.count > 1 { filters.append(.tag("t.name GLOB ?", [ListQuery.glob(parts[1])])) }
        }
        if let tag { filters.append(.tag("t.name GLOB ?", [ListQuery.glob(tag[...])])) }
        if let base { filters.append(ListQuery.baseFilter(base)) }
        for target in targets { filters.append(.having("adapterTarget", [("module", target)])) }
        for dtype in dtypes { filters.append(.having("adapterType", [("dtype", dtype.description)])) }
        for label in labels {
            let value = label.value.map { [("value", $0.withoutNull)] } ?? []
            filters.append(.having("label", [("key", label.key.withoutNull)] + value))
        }
        if let ranks {
            filters.append(
                .adapter(
                    "a.rankMaximum <= ? AND a.rankMinimum >= ? AND a.rankMaximum >= ?",
                    [ranks.upperBound, ranks.lowerBound, ranks.lowerBound]))
        }
        return filters
    }

    private static func baseFilter(_ text: String) -> ListFilter {
        let whole = glob(text[...])
        if text.hasPrefix("sha256:") { return .adapter("a.baseDigest GLOB ?", [whole]) }
        guard let at = text.lastIndex(of: "@") else { return .adapter("a.baseName GLOB ?", [whole]) }
        let name = glob(text[..<at])
        let revision = glob(text[text.index(after: at)...])
        // A name may itself hold an '@'.
        return .adapter(
            "((a.baseName GLOB ? AND (a.baseRevision GLOB ? OR a.baseDigest GLOB ?)) OR a.baseName GLOB ?)",
            [name, revision, revision, whole])
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

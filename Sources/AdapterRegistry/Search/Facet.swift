import GRDB

/// A value that lists are restricted to, by which the catalog finds versions in the order of the list.
struct Facet: Hashable, Sendable {
    /// What kind of value it is.
    enum Kind: String, Hashable, Sendable {
        /// Every version has it.
        case any
        /// The base model's name.
        case base
        /// How it was computed.
        case operation
        /// The rank of all modules.
        case rank
        /// The last component of a module's path.
        case target
        /// An element type.
        case dtype
        /// A label's key.
        case labelKey
        /// A label's key and value.
        case label
    }

    /// What every version has.
    static let any = Facet(.any)

    /// What kind of value it is.
    let kind: Kind
    /// The label's key; empty for other kinds.
    let key: String
    /// The value.
    let value: String

    init(_ kind: Kind, key: String = "", _ value: String = "") {
        self.kind = kind
        self.key = key
        self.value = value
    }
}

// The places of versions in the lists of their facets.
extension Catalog {
    /// A facet's number; nil when no version has it.
    static func number(of facet: Facet, in database: Database) throws -> Int64? {
        try Int64.fetchOne(
            database, sql: "SELECT id FROM facet WHERE kind = ? AND key = ? AND value = ?",
            arguments: [facet.kind.rawValue, facet.key, facet.value])
    }

    /// How many versions have a facet, counted up to a limit.
    static func versionCount(_ facet: Int64, limit: Int, in database: Database) throws -> Int {
        try Int.fetchOne(
            database,
            sql: """
                SELECT count(*) FROM (
                    SELECT 1 FROM facetVersion WHERE facet = ? AND listOrder = \(ListQuery.Order.name.number) LIMIT ?)
                """, arguments: [facet, limit]) ?? 0
    }

    /// Adds a version, whose words are known, to the lists of its facets.
    static func addFacets(_ repository: Int64, _ digest: String, in database: Database) throws {
        try database.execute(
            sql: """
                INSERT INTO facet (kind, key, value) SELECT kind, key, value FROM adapterFacet WHERE digest = ?
                ON CONFLICT DO NOTHING
                """, arguments: [digest])
        try database.execute(
            sql: "INSERT INTO facetVersion \(places(version: "v.repositoryId = ?2", digest: "digest = ?1"))",
            arguments: [digest, repository])
    }

    /// Takes a version out of the lists of its facets; before its rows go.
    static func removeFacets(_ repository: Int64, _ digest: String, in database: Database) throws {
        let select = try database.cachedStatement(sql: places(version: "v.repositoryId = ?2", digest: "digest = ?1"))
        let rows = try Row.fetchAll(select, arguments: [digest, repository])
        // One by one: of a list of keys SQLite would use the first columns only, and scan.
        let delete = try database.cachedStatement(
            sql: """
                DELETE FROM facetVersion
                WHERE facet = ? AND listOrder = ? AND sortKey = ? AND repository = ? AND adapter = ?
                """)
        for row in rows { try delete.execute(arguments: StatementArguments(row.databaseValues)) }
        let deleteFacet = try database.cachedStatement(
            sql: """
                DELETE FROM facet WHERE id = ?
                    AND NOT EXISTS (SELECT 1 FROM facetVersion WHERE facetVersion.facet = facet.id)
                """)
        for facet in Set(rows.map { $0[0] as DatabaseValue }) { try deleteFacet.execute(arguments: [facet]) }
    }

    /// Builds the lists of all facets anew.
    static func rebuildFacets(in database: Database) throws {
        try database.execute(
            sql: """
                DELETE FROM facetVersion;
                DELETE FROM facet;
                INSERT INTO facet (kind, key, value)
                    SELECT DISTINCT x.kind, x.key, x.value FROM adapterFacet AS x CROSS JOIN version AS v
                        ON v.digest = x.digest;
                INSERT INTO facetVersion \(places()) ORDER BY 1, 2, 3 DESC, 4, 5;
                """)
    }

    /// What the lists of facets lack or have too much, as sentences.
    static func facetFaults(in database: Database) throws -> [String] {
        let (missing, wrong) = try (
            Int.fetchOne(database, sql: "SELECT count(*) FROM (\(places()) EXCEPT SELECT * FROM facetVersion)") ?? 0,
            Int.fetchOne(database, sql: "SELECT count(*) FROM (SELECT * FROM facetVersion EXCEPT \(places()))") ?? 0
        )
        return missing + wrong == 0
            ? [] : ["The lists of bases, labels and the like lack \(missing) entries and have \(wrong) wrong ones."]
    }

    /// A select of the rows of `facetVersion`.
    ///
    /// - Parameters:
    ///   - version: a condition on the version `v`.
    ///   - digest: a condition on the adapter's digest.
    private static func places(version: String = "true", digest: String = "true") -> String {
        let keys = ListQuery.Order.allCases.map { order in
            let key =
                switch order {
                case .name: "0"
                case .created: "v.createdAt"
                case .size: "b.byteCount"
                case .rank: "ifnull(a.rankMaximum, 0)"
                case .parameters: "a.parameterCount"
                }
            return "WHEN \(order.number) THEN \(key)"
        }
        return """
            SELECT f.id, o.column1, CASE o.column1 \(keys.joined(separator: " ")) END, r.name, d.id
            FROM (SELECT * FROM adapterFacet WHERE \(digest)) AS x
                CROSS JOIN facet AS f ON f.kind = x.kind AND f.key = x.key AND f.value = x.value
                CROSS JOIN version AS v ON v.digest = x.digest AND \(version)
                CROSS JOIN repository AS r ON r.id = v.repositoryId
                CROSS JOIN adapter AS a ON a.digest = v.digest
                CROSS JOIN blob AS b ON b.digest = v.digest
                CROSS JOIN adapterDocument AS d ON d.digest = v.digest
                CROSS JOIN (VALUES \(ListQuery.Order.allCases.map { "(\($0.number))" }.joined(separator: ", "))) AS o
            """
    }
}

extension ListQuery.Order {
    /// What the order is called in the catalog.
    var number: Int {
        switch self {
        case .name: 0
        case .created: 1
        case .size: 2
        case .rank: 3
        case .parameters: 4
        }
    }
}

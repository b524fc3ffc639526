import Adapters
import ByteCoding
import GRDB
import Integrity
import Tensors

// Rows of blobs and adapters.
extension Catalog {
    /// The columns of an adapter `a` and its blob `b` that ``record(_:)`` reads.
    static let recordColumns = """
        a.digest, a.contentRoot, b.byteCount, a.baseName, a.baseRevision, a.baseDigest, a.rankMinimum, a.rankMaximum,
        a.alphaMinimum, a.alphaMaximum, a.dtypes, a.parameterCount, a.moduleCount, a.tensorByteCount, a.message,
        a.license, a.operation, a.kind,
        (SELECT json_group_array(module) FROM adapterTarget WHERE digest = a.digest) AS targets,
        (SELECT json_group_object(key, value) FROM label WHERE digest = a.digest) AS labels
        """

    /// Adds the rows of a file; one that is known already keeps its rows, as they follow from its bytes.
    ///
    /// - Returns: whether the file is new.
    @discardableResult
    static func insert(_ record: AdapterRecord, at now: Timestamp, in database: Database) throws -> Bool {
        let digest = record.digest.description
        try database.execute(
            sql:
                "INSERT INTO blob (digest, byteCount, createdAt, unusedSince) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
            arguments: [digest, record.byteCount, now.milliseconds, now.milliseconds])
        try database.execute(
            sql: """
                INSERT INTO adapter (digest, contentRoot, baseName, baseRevision, baseDigest, rankMinimum, rankMaximum,
                    alphaMinimum, alphaMaximum, dtypes, parameterCount, moduleCount, tensorByteCount, message, license,
                    operation, kind)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
                """, arguments: [digest] + columns(record))
        guard database.changesCount > 0 else { return false }
        try insertParts(record, in: database)
        return true
    }

    /// Corrects the rows of a file that the catalog describes wrongly; what stands at it stays.
    static func replace(_ record: AdapterRecord, in database: Database) throws {
        let digest = record.digest.description
        try database.execute(
            sql: """
                UPDATE adapter SET contentRoot = ?, baseName = ?, baseRevision = ?, baseDigest = ?, rankMinimum = ?,
                    rankMaximum = ?, alphaMinimum = ?, alphaMaximum = ?, dtypes = ?, parameterCount = ?,
                    moduleCount = ?, tensorByteCount = ?, message = ?, license = ?, operation = ?, kind = ?
                WHERE digest = ?
                """, arguments: columns(record) + [digest])
        try removeParts(of: digest, in: database)
        try database.execute(
            sql: "UPDATE blob SET byteCount = ? WHERE digest = ?", arguments: [record.byteCount, digest])
        try database.execute(
            sql: "UPDATE tag SET byteCount = ?, rank = ?, parameterCount = ? WHERE digest = ?",
            arguments: [
                record.byteCount, record.summary.ranks?.upperBound ?? 0, record.summary.parameterCount, digest,
            ])
        try insertParts(record, in: database)
        try replaceWords(of: record.digest, in: database)
    }

    /// Makes a file's words searchable anew, with the names of the repositories that have it.
    private static func replaceWords(of digest: Digest, in database: Database) throws {
        try removeWords(of: digest, in: database)
        for name in try String.fetchAll(
            database,
            sql: "SELECT r.name FROM version AS v JOIN repository AS r ON r.id = v.repositoryId WHERE v.digest = ?",
            arguments: [digest.description])
        {
            try addWords(of: digest.description, name: name, in: database)
        }
    }

    /// Removes the rows that hang on a file's row, which may be missing itself.
    static func removeParts(of digest: String, in database: Database) throws {
        for table in ["adapterTarget", "adapterType", "label", "recipe"] {
            try database.execute(sql: "DELETE FROM \(table) WHERE digest = ?", arguments: [digest])
        }
        try database.execute(sql: "DELETE FROM lineage WHERE child = ?", arguments: [digest])
    }

    private static func columns(_ record: AdapterRecord) -> StatementArguments {
        let summary = record.summary
        return [
            record.contentRoot.description, summary.base.name, summary.base.revision,
            summary.base.digest?.description, summary.ranks?.lowerBound, summary.ranks?.upperBound,
            summary.alphas?.lowerBound, summary.alphas?.upperBound,
            summary.dtypes.map(\.description).joined(separator: ","), summary.parameterCount, summary.moduleCount,
            summary.tensorByteCount, summary.message, summary.license, summary.operation, record.kind.rawValue,
        ]
    }

    private static func insertParts(_ record: AdapterRecord, in database: Database) throws {
        let digest = record.digest.description
        let summary = record.summary
        try insertTypes(summary.dtypes.map(\.description).joined(separator: ","), of: digest, in: database)
        if let key = record.recipeKey {
            try database.execute(
                sql: "INSERT INTO recipe (key, digest) VALUES (?, ?)", arguments: [key.description, digest])
        }
        for module in summary.targetModules {
            try database.execute(
                sql: "INSERT INTO adapterTarget (digest, module) VALUES (?, ?)", arguments: [digest, module])
        }
        for (key, value) in summary.labels {
            try database.execute(
                sql: "INSERT INTO label (digest, key, value) VALUES (?, ?, ?)", arguments: [digest, key, value])
        }
        for (position, parent) in record.parents.enumerated() {
            try database.execute(
                sql: """
                    INSERT INTO lineage (child, position, parent, parentContentRoot, role, weight, operation)
                    VALUES (?, ?, ?, ?, ?, ?, ?)
                    """,
                arguments: [
                    digest, position, parent.digest.description, parent.contentRoot.description, parent.role,
                    parent.weight, summary.operation ?? "",
                ])
        }
    }

    /// Adds the element types of a file, given as `adapter.dtypes` has them.
    static func insertTypes(_ dtypes: String, of digest: String, in database: Database) throws {
        for dtype in dtypes.split(separator: ",") {
            try database.execute(
                sql: "INSERT INTO adapterType (digest, dtype) VALUES (?, ?)", arguments: [digest, String(dtype)])
        }
    }

    /// The record of a file, without its parents; nil when the catalog does not know it.
    static func record(of digest: Digest, in database: Database) throws -> AdapterRecord? {
        let row = try Row.fetchOne(
            database,
            sql: "SELECT \(recordColumns) FROM adapter AS a JOIN blob AS b ON b.digest = a.digest WHERE a.digest = ?",
            arguments: [digest.description])
        return try row.map(record)
    }

    /// The record in a row that has ``recordColumns``.
    static func record(_ row: Row) throws -> AdapterRecord {
        let dtypes: String = try row.value("dtypes")
        let base = BaseModel(
            name: try row.optional("baseName"), revision: try row.optional("baseRevision"),
            digest: try row.optionalDigest("baseDigest"))
        let targets = try JSON.parse(Array((try row.value("targets") as String).utf8)).array ?? []
        let labels = try JSON.parse(Array((try row.value("labels") as String).utf8)).map ?? [:]
        return AdapterRecord(
            digest: try row.digest("digest"), contentRoot: try row.digest("contentRoot"),
            byteCount: try row.value("byteCount"),
            summary: AdapterSummary(
                base: base,
                ranks: range(try row.optional("rankMinimum") as Int?, try row.optional("rankMaximum")),
                alphas: range(try row.optional("alphaMinimum") as Double?, try row.optional("alphaMaximum")),
                dtypes: dtypes.split(separator: ",").compactMap { DType(name: String($0)) },
                parameterCount: try row.value("parameterCount"), moduleCount: try row.value("moduleCount"),
                tensorByteCount: try row.value("tensorByteCount"),
                targetModules: targets.compactMap(\.string).sorted { $0.precedesInUTF8($1) },
                message: try row.optional("message"), license: try row.optional("license"),
                labels: labels.compactMapValues(\.string), operation: try row.optional("operation")),
            kind: StoredAdapter.Kind(rawValue: try row.value("kind")) ?? .adapter)
    }

    private static func range<Bound: Comparable>(_ lower: Bound?, _ upper: Bound?) -> ClosedRange<Bound>? {
        guard let lower, let upper, lower <= upper else { return nil }
        return lower...upper
    }
}

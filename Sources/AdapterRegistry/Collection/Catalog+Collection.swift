import GRDB
import Integrity

// Files that nothing needs.
extension Catalog {
    /// An unused file and what keeps it.
    struct UnusedFile {
        var digest: Digest
        var byteCount: Int
        var unusedSince: Timestamp
        var isLeased: Bool
        var isParent: Bool
    }

    /// Files that no repository has as a version.
    ///
    /// - Parameter digests: only these; nil for all.
    static func unusedFiles(
        among digests: [Digest]? = nil, keepsParents: Bool, in database: Database
    ) throws -> [UnusedFile] {
        // Members of a stack are a part of it, not only what it was made from.
        let relations = keepsParents ? "" : "AND l.role = 'member'"
        var arguments = StatementArguments()
        var condition = ""
        if let digests {
            condition = "AND b.digest IN (\(databaseQuestionMarks(count: digests.count)))"
            arguments += StatementArguments(digests.map(\.description))
        }
        // Down from the files to what was computed from them, and up again from what of that is in use: a batch asks
        // about its own descendants, not about the whole lineage.
        return try Row.fetchAll(
            database,
            sql: """
                WITH RECURSIVE
                    unused (digest) AS MATERIALIZED (
                        SELECT b.digest FROM blob AS b
                        WHERE b.unusedSince IS NOT NULL
                            AND NOT EXISTS (SELECT 1 FROM version WHERE digest = b.digest) \(condition)),
                    below (digest) AS (
                        SELECT digest FROM unused
                        UNION SELECT l.child FROM below AS n CROSS JOIN lineage AS l INDEXED BY lineageByParent
                            ON l.parent = n.digest \(relations)),
                    needed (digest) AS (
                        SELECT l.parent FROM below AS n CROSS JOIN lineage AS l ON l.child = n.digest \(relations)
                        WHERE EXISTS (SELECT 1 FROM version WHERE digest = n.digest)
                            OR EXISTS (SELECT 1 FROM lease WHERE digest = n.digest)
                        UNION SELECT l.parent FROM needed AS n CROSS JOIN lineage AS l ON l.child = n.digest \(relations))
                SELECT b.digest, b.byteCount, b.unusedSince,
                    EXISTS (SELECT 1 FROM lease WHERE digest = b.digest) AS isLeased,
                    b.digest IN (SELECT digest FROM needed) AS isParent
                FROM unused AS u CROSS JOIN blob AS b ON b.digest = u.digest
                ORDER BY b.digest
                """, arguments: arguments
        ).map { row in
            UnusedFile(
                digest: try row.digest("digest"), byteCount: try row.value("byteCount"),
                unusedSince: try row.timestamp("unusedSince"), isLeased: try row.value("isLeased"),
                isParent: try row.value("isParent"))
        }
    }

    /// Removes the rows of a file that no repository has, and of what is attached to it alone.
    ///
    /// - Returns: the files that have no rows now.
    static func removeFile(_ digest: Digest, in database: Database) throws -> [CollectionReport.File] {
        let files = try Row.fetchAll(
            database,
            sql: """
                SELECT digest, byteCount FROM blob WHERE digest = ?1
                UNION ALL SELECT b.digest, b.byteCount FROM attachment AS x JOIN blob AS b ON b.digest = x.digest
                    WHERE x.subject = ?1
                """, arguments: [digest.description]
        ).map { row in
            CollectionReport.File(
                digest: try row.digest("digest"), byteCount: try row.value("byteCount"), isUnknown: false)
        }
        try removeWords(of: digest, in: database)
        // What is attached goes with the adapter's row.
        try database.cachedStatement(sql: "DELETE FROM adapter WHERE digest = ?")
            .execute(arguments: [digest.description])
        return try files.filter { try removeOrphan($0.digest, in: database) }
    }

    /// Whether a repository has a version, and no tag of it stands there.
    static func isRetirable(_ repository: Int64, _ digest: Digest, in database: Database) throws -> Bool {
        let statement = try database.cachedStatement(
            sql: """
                SELECT EXISTS (SELECT 1 FROM version WHERE repositoryId = ?1 AND digest = ?2)
                    AND NOT EXISTS (SELECT 1 FROM tag INDEXED BY tagByDigest WHERE digest = ?2 AND repositoryId = ?1)
                """)
        return try Bool.fetchOne(statement, arguments: [repository, digest.description]) ?? false
    }

    /// Untagged versions that a rule does not keep.
    ///
    /// The last versions are those that came last, whatever the clock showed. A version from the future, which a clock that was set back leaves, counts as young.
    static func retiredVersions(
        _ rule: CollectionRules.Retention, at now: Timestamp, in database: Database
    ) throws -> [Reference] {
        let pattern = rule.pattern ?? "*"
        // Without an age to keep no clock counts.
        let limit = rule.keepYounger.map { now.milliseconds.subtractingReportingOverflow($0.milliseconds) }
        return try Row.fetchAll(
            database,
            sql: """
                SELECT name, digest FROM (
                    SELECT r.id, r.name, v.digest, v.createdAt,
                        row_number() OVER (PARTITION BY r.id ORDER BY v.sequence DESC, v.createdAt DESC, v.digest)
                            AS place
                    FROM repository AS r JOIN version AS v ON v.repositoryId = r.id WHERE r.name GLOB ?) AS ranked
                WHERE place > ? AND createdAt <= ?
                    AND NOT EXISTS (SELECT 1 FROM tag AS t WHERE t.repositoryId = ranked.id AND t.digest = ranked.digest)
                ORDER BY name, digest
                """,
            arguments: [
                ListQuery.glob(pattern[...]), rule.keepLast ?? 0,
                limit.map { $0.overflow ? Int64.min : $0.partialValue } ?? Int64.max,
            ]
        ).map { Reference(try RepositoryName(parsing: try $0.value("name")), digest: try $0.digest("digest")) }
    }
}

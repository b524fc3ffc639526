import GRDB

extension Schema {
    /// The order in which versions came into their repositories, whatever the clocks showed.
    static func migrateToSequence(_ database: Database) throws {
        try database.execute(
            sql: """
                -- The number of the audit entry that told of the version first; 0 when none does. Newer ones are larger.
                ALTER TABLE version ADD COLUMN sequence INTEGER NOT NULL DEFAULT 0;
                UPDATE version SET sequence = e.id
                    FROM (SELECT r.id AS repositoryId, x.newDigest AS digest, min(x.id) AS id
                        FROM auditEntry AS x JOIN repository AS r ON r.name = x.repository
                        WHERE x.newDigest IS NOT NULL GROUP BY r.id, x.newDigest) AS e
                    WHERE e.repositoryId = version.repositoryId AND e.digest = version.digest;
                """)
    }
}

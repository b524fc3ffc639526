import GRDB

extension Schema {
    /// Files that belong to an adapter and are none themselves.
    static func migrateToAttachments(_ database: Database) throws {
        try database.execute(
            sql: """
                -- What an adapter's training run goes on from. The file stays as long as the row.
                CREATE TABLE attachment (
                    subject TEXT NOT NULL REFERENCES adapter ON DELETE CASCADE,
                    name TEXT NOT NULL,
                    digest TEXT NOT NULL REFERENCES blob,
                    PRIMARY KEY (subject, name)
                ) STRICT, WITHOUT ROWID;
                CREATE INDEX attachmentByDigest ON attachment (digest);
                """)
    }
}

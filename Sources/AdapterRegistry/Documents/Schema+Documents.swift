import GRDB

extension Schema {
    /// Documents about adapters: provenance statements, bills of materials, signatures.
    static func migrateToDocuments(_ database: Database) throws {
        try database.execute(
            sql: """
                CREATE TABLE document (
                    subject TEXT NOT NULL REFERENCES adapter ON DELETE CASCADE,
                    -- SHA-256 of the text in UTF-8.
                    digest TEXT NOT NULL CHECK (length(digest) = 71 AND digest GLOB 'sha256:*'),
                    kind TEXT NOT NULL,
                    name TEXT NOT NULL,
                    createdAt INTEGER NOT NULL,
                    actor TEXT NOT NULL,
                    text TEXT NOT NULL,
                    PRIMARY KEY (subject, digest)
                ) STRICT;
                """)
    }
}

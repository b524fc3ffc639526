import GRDB

extension Schema {
    /// What the collection of unused files must know.
    static func migrateToCollection(_ database: Database) throws {
        try database.execute(
            sql: """
                -- Since when no repository has the file as a version; null while one has.
                ALTER TABLE blob ADD COLUMN unusedSince INTEGER;
                UPDATE blob SET unusedSince = createdAt
                    WHERE NOT EXISTS (SELECT 1 FROM version WHERE digest = blob.digest);
                CREATE INDEX blobByUnusedSince ON blob (unusedSince) WHERE unusedSince IS NOT NULL;

                -- Files that running processes need. The owner is a file under tmp/ that its process keeps locked: the
                -- lease ends with the process, however that ends, and no clock is asked.
                CREATE TABLE lease (
                    digest TEXT NOT NULL,
                    owner TEXT NOT NULL,
                    PRIMARY KEY (digest, owner)
                ) STRICT, WITHOUT ROWID;
                CREATE INDEX leaseByOwner ON lease (owner);
                """)
    }
}

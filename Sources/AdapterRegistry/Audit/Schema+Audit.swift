import GRDB

extension Schema {
    /// The audit log takes the place of the tag events, which become its first entries.
    ///
    /// One table for both: a history that could be edited beside an intact log would prove nothing.
    static func migrateToAudit(_ database: Database) throws {
        try database.execute(sql: auditTable)
        let events = try Row.fetchCursor(database, sql: "SELECT * FROM tagEvent ORDER BY id")
        while let event = try events.next() {
            try Catalog.append(
                AuditRecord(
                    date: try event.timestamp("at"), actor: try event.value("actor"),
                    action: try event.value("operation"), repository: try event.value("repository"),
                    tag: try event.value("tag"), oldDigest: try event.optional("oldDigest"),
                    newDigest: try event.optional("newDigest"), generation: try event.value("generation"),
                    message: try event.optional("message")),
                in: database)
        }
        try database.execute(sql: "DROP TABLE tagEvent")
    }

    private static let auditTable = """
        -- Who changed what when; rows are only ever added. Names are text because the log outlives what it tells of.
        CREATE TABLE auditEntry (
            -- 1, 2, 3, … without gaps; AUTOINCREMENT remembers the largest, so that a missing end is seen.
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            at INTEGER NOT NULL,
            actor TEXT NOT NULL,
            action TEXT NOT NULL,
            repository TEXT,
            tag TEXT,
            oldDigest TEXT,
            newDigest TEXT,
            -- How often the tag had changed then, this entry included; null for what is not about a tag.
            generation INTEGER,
            message TEXT,
            -- A JSON object of what else is worth knowing.
            details TEXT,
            -- SHA-256 over the entry before and this one: AuditRecord.hash.
            hash TEXT NOT NULL CHECK (length(hash) = 71 AND hash GLOB 'sha256:*')
        ) STRICT;
        CREATE INDEX auditEntryByTag ON auditEntry (repository, tag, id);
        CREATE TRIGGER auditEntryIsNeverChanged BEFORE UPDATE ON auditEntry
            BEGIN SELECT RAISE(ABORT, 'an audit entry is never changed'); END;
        CREATE TRIGGER auditEntryIsNeverRemoved BEFORE DELETE ON auditEntry
            BEGIN SELECT RAISE(ABORT, 'an audit entry is never removed'); END;
        """
}

import GRDB

extension Schema {
    /// Search and ordered lists by indexes alone.
    static func migrateToSearch(_ database: Database) throws {
        try database.execute(sql: searchTables)
        let dtypes = try Row.fetchAll(database, sql: "SELECT digest, dtypes FROM adapter")
        for row in dtypes {
            try Catalog.insertTypes(try row.value("dtypes"), of: try row.value("digest"), in: database)
        }
        try Catalog.rebuildSearch(in: database)
    }

    private static let searchTables = """
        -- What a list is ordered by, repeated beside the tag so that an index over tags alone gives every order.
        -- It follows from the version and the adapter, which never change.
        ALTER TABLE tag ADD COLUMN repository TEXT NOT NULL DEFAULT '';
        ALTER TABLE tag ADD COLUMN createdAt INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE tag ADD COLUMN byteCount INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE tag ADD COLUMN rank INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE tag ADD COLUMN parameterCount INTEGER NOT NULL DEFAULT 0;
        UPDATE tag SET
            repository = (SELECT name FROM repository WHERE id = tag.repositoryId),
            createdAt = (SELECT createdAt FROM version
                WHERE repositoryId = tag.repositoryId AND digest = tag.digest),
            byteCount = (SELECT byteCount FROM blob WHERE digest = tag.digest),
            rank = (SELECT ifnull(rankMaximum, 0) FROM adapter WHERE digest = tag.digest),
            parameterCount = (SELECT parameterCount FROM adapter WHERE digest = tag.digest);
        CREATE UNIQUE INDEX tagByReference ON tag (repository, name);
        CREATE INDEX tagByName ON tag (name, repository);
        CREATE INDEX tagByCreation ON tag (createdAt DESC, repository, name);
        CREATE INDEX tagBySize ON tag (byteCount DESC, repository, name);
        CREATE INDEX tagByRank ON tag (rank DESC, repository, name);
        CREATE INDEX tagByParameters ON tag (parameterCount DESC, repository, name);

        DROP INDEX adapterByBase;
        CREATE INDEX adapterByBase ON adapter (baseName, baseRevision);
        CREATE INDEX adapterByBaseDigest ON adapter (baseDigest) WHERE baseDigest IS NOT NULL;
        CREATE INDEX adapterByRank ON adapter (rankMaximum, rankMinimum);

        -- The element types that occur in an adapter.
        CREATE TABLE adapterType (
            digest TEXT NOT NULL REFERENCES adapter ON DELETE CASCADE,
            dtype TEXT NOT NULL,
            PRIMARY KEY (digest, dtype)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX adapterTypeByName ON adapterType (dtype, digest);

        -- What can be found by its words: every adapter that is or was a version of a repository. The index is kept by
        -- code: triggers may not touch it, as the schema is not trusted.
        CREATE TABLE adapterDocument (
            id INTEGER PRIMARY KEY,
            digest TEXT NOT NULL UNIQUE REFERENCES adapter ON DELETE CASCADE,
            -- The names of those repositories.
            names TEXT NOT NULL,
            description TEXT NOT NULL,
            base TEXT NOT NULL,
            targets TEXT NOT NULL,
            labels TEXT NOT NULL
        ) STRICT;
        CREATE VIRTUAL TABLE adapterText USING fts5 (
            names, description, base, targets, labels, content = 'adapterDocument', content_rowid = 'id',
            tokenize = 'unicode61 remove_diacritics 2');
        """
}

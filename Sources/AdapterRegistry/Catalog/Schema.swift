import GRDB

/// The catalog's schema and its history.
///
/// A migration that has been released is never edited: a change is a new migration. Conventions: digests are text,
/// `sha256:` and 64 hexadecimal digits; moments are milliseconds since 1970 UTC; names are singular.
enum Schema {
    /// "ADPT", which tells the catalog from other programs' databases.
    static let applicationID: Int32 = 0x4144_5054

    /// All migrations in order, each in a transaction of its own.
    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("v1") { database in
            try database.execute(sql: "PRAGMA application_id = \(applicationID)")
            try database.execute(sql: version1)
        }
        migrator.registerMigration("v2-audit", migrate: migrateToAudit)
        migrator.registerMigration("v2-search", migrate: migrateToSearch)
        migrator.registerMigration("v2-collection", migrate: migrateToCollection)
        migrator.registerMigration("v2-recipes", migrate: migrateToRecipes)
        migrator.registerMigration("v2-documents", migrate: migrateToDocuments)
        migrator.registerMigration("v3-facets", migrate: migrateToFacets)
        migrator.registerMigration("v3-attachments", migrate: migrateToAttachments)
        migrator.registerMigration("v3-oci", migrate: migrateToOCI)
        migrator.registerMigration("v4-sequence", migrate: migrateToSequence)
        return migrator
    }

    private static let version1 = """
        -- A stored file.
        CREATE TABLE blob (
            digest TEXT NOT NULL PRIMARY KEY CHECK (length(digest) = 71 AND digest GLOB 'sha256:*'),
            byteCount INTEGER NOT NULL CHECK (byteCount >= 0),
            createdAt INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE repository (
            id INTEGER PRIMARY KEY,
            name TEXT NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 255)
        ) STRICT;

        -- What the header of a stored file says, for search. The file is the truth.
        CREATE TABLE adapter (
            digest TEXT NOT NULL PRIMARY KEY REFERENCES blob,
            contentRoot TEXT NOT NULL CHECK (length(contentRoot) = 71 AND contentRoot GLOB 'sha256:*'),
            baseName TEXT,
            baseRevision TEXT,
            baseDigest TEXT,
            -- Null when no module has a low-rank update.
            rankMinimum INTEGER,
            rankMaximum INTEGER,
            alphaMinimum REAL,
            alphaMaximum REAL,
            -- Names of element types, ascending by their numbers, joined by commas.
            dtypes TEXT NOT NULL,
            parameterCount INTEGER NOT NULL,
            moduleCount INTEGER NOT NULL,
            tensorByteCount INTEGER NOT NULL,
            message TEXT,
            license TEXT,
            -- How it was computed; null when it was not computed from others.
            operation TEXT
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX adapterByContentRoot ON adapter (contentRoot);
        CREATE INDEX adapterByBase ON adapter (baseName);

        -- The last components of the adapted modules' paths.
        CREATE TABLE adapterTarget (
            digest TEXT NOT NULL REFERENCES adapter ON DELETE CASCADE,
            module TEXT NOT NULL,
            PRIMARY KEY (digest, module)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX adapterTargetByModule ON adapterTarget (module, digest);

        CREATE TABLE label (
            digest TEXT NOT NULL REFERENCES adapter ON DELETE CASCADE,
            key TEXT NOT NULL,
            value TEXT NOT NULL,
            PRIMARY KEY (digest, key)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX labelByKey ON label (key, value, digest);

        -- The digests that may be resolved within a repository: those that were pushed or tagged there.
        CREATE TABLE version (
            repositoryId INTEGER NOT NULL REFERENCES repository,
            digest TEXT NOT NULL REFERENCES adapter,
            createdAt INTEGER NOT NULL,
            PRIMARY KEY (repositoryId, digest)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX versionByDigest ON version (digest);

        CREATE TABLE tag (
            repositoryId INTEGER NOT NULL REFERENCES repository,
            name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 128),
            digest TEXT NOT NULL,
            -- Grows with every event of this name and tag, also over removals.
            generation INTEGER NOT NULL CHECK (generation > 0),
            immutable INTEGER NOT NULL CHECK (immutable IN (0, 1)),
            updatedAt INTEGER NOT NULL,
            PRIMARY KEY (repositoryId, name),
            FOREIGN KEY (repositoryId, digest) REFERENCES version (repositoryId, digest)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX tagByDigest ON tag (digest);

        -- Who moved which tag when. Rows are only ever added; names are text because history outlives what it tells of.
        CREATE TABLE tagEvent (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            repository TEXT NOT NULL,
            tag TEXT NOT NULL,
            oldDigest TEXT,
            newDigest TEXT,
            generation INTEGER NOT NULL,
            operation TEXT NOT NULL,
            actor TEXT NOT NULL,
            at INTEGER NOT NULL,
            message TEXT
        ) STRICT;
        CREATE INDEX tagEventByTag ON tagEvent (repository, tag, id);
        CREATE TRIGGER tagEventIsNeverChanged BEFORE UPDATE ON tagEvent
            BEGIN SELECT RAISE(ABORT, 'a tag event is never changed'); END;
        CREATE TRIGGER tagEventIsNeverRemoved BEFORE DELETE ON tagEvent
            BEGIN SELECT RAISE(ABORT, 'a tag event is never removed'); END;

        -- What an adapter was computed from. A parent need not be in this registry.
        CREATE TABLE lineage (
            child TEXT NOT NULL REFERENCES adapter ON DELETE CASCADE,
            position INTEGER NOT NULL,
            parent TEXT NOT NULL,
            parentContentRoot TEXT NOT NULL,
            role TEXT NOT NULL,
            weight REAL,
            operation TEXT NOT NULL,
            PRIMARY KEY (child, position)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX lineageByParent ON lineage (parent, child);
        """
}

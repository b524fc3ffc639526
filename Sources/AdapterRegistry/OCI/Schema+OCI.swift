import GRDB

extension Schema {
    /// What OCI clients push: manifests, blobs and tags that are not adapters of this program's own.
    ///
    /// Digests are text as the client spells them, SHA-256 or SHA-512. Repositories are names, not numbers: a repository
    /// may hold packages before it holds an adapter and after it has lost its last.
    static func migrateToOCI(_ database: Database) throws {
        try database.execute(
            sql: """
                -- A stored file under 'oci/blobs/'.
                CREATE TABLE ociFile (
                    digest TEXT NOT NULL PRIMARY KEY CHECK (length(digest) = 71 AND digest GLOB 'sha256:*'),
                    byteCount INTEGER NOT NULL CHECK (byteCount >= 0),
                    createdAt INTEGER NOT NULL
                ) STRICT, WITHOUT ROWID;

                -- What a repository calls a stored file.
                CREATE TABLE ociBlob (
                    repository TEXT NOT NULL,
                    digest TEXT NOT NULL,
                    file TEXT NOT NULL REFERENCES ociFile,
                    createdAt INTEGER NOT NULL,
                    PRIMARY KEY (repository, digest)
                ) STRICT, WITHOUT ROWID;
                CREATE INDEX ociBlobByFile ON ociBlob (file);
                CREATE INDEX ociBlobByDigest ON ociBlob (digest, repository);

                -- A manifest or an index, byte for byte.
                CREATE TABLE ociManifest (
                    repository TEXT NOT NULL,
                    digest TEXT NOT NULL,
                    mediaType TEXT NOT NULL,
                    artifactType TEXT,
                    subject TEXT,
                    -- A JSON object of texts.
                    annotations TEXT NOT NULL,
                    -- The adapter that it holds; null when it holds none.
                    adapter TEXT,
                    bytes BLOB NOT NULL,
                    createdAt INTEGER NOT NULL,
                    PRIMARY KEY (repository, digest)
                ) STRICT, WITHOUT ROWID;
                CREATE INDEX ociManifestBySubject ON ociManifest (repository, subject) WHERE subject IS NOT NULL;
                CREATE INDEX ociManifestByAdapter ON ociManifest (adapter) WHERE adapter IS NOT NULL;

                -- What a manifest needs.
                CREATE TABLE ociReference (
                    repository TEXT NOT NULL,
                    manifest TEXT NOT NULL,
                    digest TEXT NOT NULL,
                    PRIMARY KEY (repository, manifest, digest),
                    FOREIGN KEY (repository, manifest) REFERENCES ociManifest (repository, digest) ON DELETE CASCADE
                ) STRICT, WITHOUT ROWID;
                CREATE INDEX ociReferenceByDigest ON ociReference (repository, digest);

                -- Where a tag stands. With an adapter it only says by which manifest the tag of the same name in 'tag'
                -- was pushed, and counts as long as that one stands at this adapter.
                CREATE TABLE ociTag (
                    repository TEXT NOT NULL,
                    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 128),
                    manifest TEXT NOT NULL,
                    adapter TEXT,
                    updatedAt INTEGER NOT NULL,
                    PRIMARY KEY (repository, name),
                    FOREIGN KEY (repository, manifest) REFERENCES ociManifest (repository, digest) ON DELETE CASCADE
                ) STRICT, WITHOUT ROWID;
                CREATE INDEX ociTagByManifest ON ociTag (repository, manifest);
                """)
    }
}

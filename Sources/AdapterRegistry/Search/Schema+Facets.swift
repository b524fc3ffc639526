import GRDB

extension Schema {
    /// Filtered lists straight from an index, in every order.
    static func migrateToFacets(_ database: Database) throws {
        try database.execute(sql: facetTables)
        try Catalog.rebuildFacets(in: database)
    }

    private static let facetTables = """
        -- A value that lists are restricted to: a base, a label, a module, an element type, a rank. The facet 'any' has
        -- every version.
        CREATE TABLE facet (
            id INTEGER PRIMARY KEY,
            kind TEXT NOT NULL,
            key TEXT NOT NULL,
            value TEXT NOT NULL,
            UNIQUE (kind, key, value)
        ) STRICT;

        -- The versions that have a facet, once for each order of lists and in that order. It follows from the version
        -- and the adapter, which never change.
        CREATE TABLE facetVersion (
            facet INTEGER NOT NULL REFERENCES facet,
            -- ListQuery.Order.number.
            listOrder INTEGER NOT NULL,
            -- What the list is ordered by before the names; 0 where it is ordered by these alone.
            sortKey INTEGER NOT NULL,
            repository TEXT NOT NULL,
            -- adapterDocument.id, a short name for the digest.
            adapter INTEGER NOT NULL,
            PRIMARY KEY (facet, listOrder, sortKey DESC, repository, adapter)
        ) STRICT, WITHOUT ROWID;

        -- The facets of each adapter.
        CREATE VIEW adapterFacet (digest, kind, key, value) AS
            SELECT digest, 'any', '', '' FROM adapter
            UNION ALL SELECT digest, 'base', '', baseName FROM adapter WHERE baseName IS NOT NULL
            UNION ALL SELECT digest, 'operation', '', operation FROM adapter WHERE operation IS NOT NULL
            UNION ALL SELECT digest, 'rank', '', CAST(rankMaximum AS TEXT) FROM adapter WHERE rankMinimum = rankMaximum
            UNION ALL SELECT digest, 'target', '', module FROM adapterTarget
            UNION ALL SELECT digest, 'dtype', '', dtype FROM adapterType
            UNION ALL SELECT digest, 'labelKey', key, '' FROM label
            UNION ALL SELECT digest, 'label', key, value FROM label;

        -- The tags of an adapter with all that lists are ordered by, so that no row of the table need be read.
        DROP INDEX tagByDigest;
        CREATE INDEX tagByDigest ON tag (digest, repository, name, createdAt, byteCount, rank, parameterCount);
        """
}

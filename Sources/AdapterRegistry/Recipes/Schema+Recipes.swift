import GRDB

extension Schema {
    /// Results by their recipes, and descendants by identity.
    static func migrateToRecipes(_ database: Database) throws {
        try database.execute(
            sql: """
                -- Which stored file a recipe with its inputs gave: RecipeKey.
                CREATE TABLE recipe (
                    key TEXT NOT NULL,
                    digest TEXT NOT NULL REFERENCES adapter ON DELETE CASCADE,
                    PRIMARY KEY (key, digest)
                ) STRICT, WITHOUT ROWID;
                CREATE INDEX recipeByDigest ON recipe (digest);

                -- A signed copy of a parent is the same parent: descent goes by content root.
                CREATE INDEX lineageByParentRoot ON lineage (parentContentRoot, child);

                -- 'adapter', or 'stack' for a list of adapters that stay apart.
                ALTER TABLE adapter ADD COLUMN kind TEXT NOT NULL DEFAULT 'adapter';
                """)
    }
}

import GRDB
import Integrity

// GRDB's subscripts trap when a value has another type; these throw, as the file may have been tampered with.
extension Row {
    /// The value of a column; throws when it is null or of another type.
    func value<Value: DatabaseValueConvertible>(_ column: String) throws -> Value {
        try decode(Value.self, forColumn: column)
    }

    /// The value of a column that may be null.
    func optional<Value: DatabaseValueConvertible>(_ column: String) throws -> Value? {
        try decode(Value?.self, forColumn: column)
    }

    /// The digest in a column.
    func digest(_ column: String) throws -> Digest {
        guard let digest = try optionalDigest(column) else { throw corrupt(column) }
        return digest
    }

    /// The digest in a column that may be null.
    func optionalDigest(_ column: String) throws -> Digest? {
        guard let text: String = try optional(column) else { return nil }
        guard let digest = Digest(parsing: text) else { throw corrupt(column) }
        return digest
    }

    /// The moment in a column.
    func timestamp(_ column: String) throws -> Timestamp {
        Timestamp(milliseconds: try value(column))
    }

    /// The repository and tag in two columns.
    func reference(_ repository: String, _ tag: String) throws -> Reference {
        do {
            return Reference(
                try RepositoryName(parsing: try value(repository)), tag: try Tag(parsing: try value(tag)))
        } catch is RegistryError {
            throw corrupt(repository)
        }
    }

    private func corrupt(_ column: String) -> RegistryError {
        RegistryError(
            .corrupt,
            "Unable to read the catalog: the column '\(column)' holds a value that is none. "
                + "Restore 'catalog.sqlite' from a backup.")
    }
}

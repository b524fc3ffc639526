import FileSystem
import GRDB

/// The registry's rows: one SQLite database, shared by many short-lived processes.
///
/// One connection in WAL mode: readers see one state and never wait, writers take their turn. All SQL of the registry
/// stands in this type's extensions.
final class Catalog: Sendable {
    /// The registry's folder.
    let directory: String
    /// Whether rows may be changed.
    let isWritable: Bool
    let queue: DatabaseQueue

    init(directory: String, queue: DatabaseQueue, isWritable: Bool) {
        self.directory = directory
        self.queue = queue
        self.isWritable = isWritable
    }

    /// Reads one state of the catalog.
    ///
    /// - Parameter verb: what is done to the registry, for the error's sentence.
    func read<Result>(_ verb: String = "read the registry", _ body: (Database) throws -> Result) throws -> Result {
        try RegistryError.translating(verb, directory) { try queue.read(body) }
    }

    /// Changes the catalog: everything in `body`, or nothing.
    func write<Result>(_ verb: String = "write to the registry", _ body: (Database) throws -> Result) throws -> Result {
        try requireWritable(verb)
        return try RegistryError.translating(verb, directory) { try queue.write(body) }
    }

    /// - Throws: ``RegistryError`` with code `readOnly`.
    func requireWritable(_ verb: String = "write to the registry") throws {
        guard isWritable else {
            throw RegistryError(
                .readOnly, "Unable to \(verb) '\(directory)': it was opened for reading only. Choose another registry.")
        }
    }
}

import FileSystem
import GRDB
import GRDBSQLite
import Glibc

extension Catalog {
    private enum State {
        case empty
        case current
        case older
    }

    private static func path(_ directory: String) -> String { "\(directory)/catalog.sqlite" }

    /// Opens the catalog for reading and writing; creates or migrates it first when that is needed.
    static func openForWriting(_ directory: String, blobs: BlobStore) throws -> Catalog {
        let lockPath = "\(directory)/lock"
        let path = path(directory)
        do {
            // Waits for a process that is creating or migrating the catalog.
            let lock = try FileLock(waitingFor: lockPath, exclusive: false)
            let catalog = try withExtendedLifetime(lock) { () throws -> Catalog? in
                guard Directory.kind(of: path) != nil else { return nil }
                let catalog = try connect(directory)
                return try catalog.state() == .current ? catalog : nil
            }
            if let catalog { return catalog }
        }
        let lock = try FileLock(waitingFor: lockPath, exclusive: true)
        return try withExtendedLifetime(lock) {
            let catalog = try connect(directory)
            let state = try catalog.state()
            if state == .empty, try !blobs.isEmpty() {
                throw RegistryError(
                    .corrupt,
                    "Unable to open the registry '\(directory)': it has stored files but an empty catalog. "
                        + "Restore 'catalog.sqlite' from a backup.")
            }
            if state != .current { try catalog.migrate() }
            return catalog
        }
    }

    /// Opens the catalog for reading; nothing is created or changed. A registry that does not exist reads as empty.
    static func openForReading(_ directory: String) throws -> Catalog {
        let path = path(directory)
        // Asked without opening the file: closing it again would drop the locks of this process's other connections
        // (https://www.sqlite.org/howtocorrupt.html, section 2.2).
        guard unsafe access(path, R_OK) == 0 else {
            let error = FileSystemError.systemCall("read", path)
            // What may not be seen is not empty.
            guard error.code == .notFound else { throw RegistryError(error, "open the registry", directory) }
            return try makeEmpty(directory)
        }
        let queue = try connectForReading(path, directory)
        let catalog = Catalog(directory: directory, queue: queue, isWritable: false)
        switch try catalog.state() {
        case .current: return catalog
        case .empty: return try makeEmpty(directory)
        case .older:
            throw RegistryError(
                .olderSchema,
                "Unable to open the registry '\(directory)': its catalog has an older schema. "
                    + "Open it once with permission to write, which migrates it.")
        }
    }

    private static func connect(_ directory: String) throws -> Catalog {
        let path = path(directory)
        if Directory.kind(of: path) != nil, unsafe access(path, W_OK) != 0 {
            throw RegistryError(
                .readOnly,
                "Unable to write to the registry '\(directory)': its catalog is write-protected. "
                    + "Check its permissions or choose another registry.")
        }
        return try RegistryError.translating("open the registry", directory) {
            let queue = try DatabaseQueue(path: sqlitePath(path), configuration: configuration)
            return Catalog(directory: directory, queue: queue, isWritable: true)
        }
    }

    private static func connectForReading(_ path: String, _ directory: String) throws -> DatabaseQueue {
        try RegistryError.translating("open the registry", directory) {
            var configuration = configuration
            configuration.readonly = true
            do {
                return try DatabaseQueue(path: sqlitePath(path), configuration: configuration)
            } catch let error as DatabaseError
                where [.SQLITE_CANTOPEN, .SQLITE_READONLY, .SQLITE_IOERR].contains(error.resultCode)
            {
                // Without permission to create '-shm' SQLite reads a database in WAL mode only as one that nobody
                // changes, and that is right only when no pages wait in '-wal'.
                guard !hasWaitingPages(path) else { throw error }
                return try DatabaseQueue(path: immutableURI(path), configuration: configuration)
            }
        }
    }

    private static func hasWaitingPages(_ path: String) -> Bool {
        do {
            return try Directory.examine(path + "-wal")?.byteCount ?? 0 > 0
        } catch {
            // What cannot be told may be.
            return true
        }
    }

    /// A catalog without rows that is nowhere stored.
    private static func makeEmpty(_ directory: String) throws -> Catalog {
        try RegistryError.translating("open the registry", directory) {
            let queue = try DatabaseQueue()
            try Schema.migrator.migrate(queue)
            return Catalog(directory: directory, queue: queue, isWritable: false)
        }
    }

    private static var configuration: Configuration {
        var configuration = Configuration()
        configuration.label = "adapterctl.catalog"
        configuration.busyMode = .timeout(60)
        configuration.prepareDatabase { database in
            // FULL: a transaction that was reported as done survives a power failure.
            try database.execute(
                sql: """
                    PRAGMA synchronous = FULL;
                    PRAGMA trusted_schema = OFF;
                    PRAGMA cell_size_check = ON;
                    PRAGMA journal_size_limit = 4194304;
                    """)
            guard !database.configuration.readonly else { return }
            // '-wal' and '-shm' stay when the last process closes: users without permission to create files can read.
            var isPersistent: CInt = 1
            let code = unsafe sqlite3_file_control(
                database.sqliteConnection, nil, SQLITE_FCNTL_PERSIST_WAL, &isPersistent)
            guard code == SQLITE_OK else { throw DatabaseError(resultCode: ResultCode(rawValue: code)) }
        }
        return configuration
    }

    private func migrate() throws {
        try RegistryError.translating("create the catalog of the registry", directory) {
            try queue.writeWithoutTransaction { database in
                _ = try String.fetchOne(database, sql: "PRAGMA journal_mode = WAL")
            }
            try Schema.migrator.migrate(queue)
        }
    }

    /// - Throws: ``RegistryError`` with code `newerSchema`, or `wrongKind` when it is another program's database.
    private func state() throws -> State {
        try read("open the registry") { database in
            let identifier = try Int32.fetchOne(database, sql: "PRAGMA application_id")
            let applied = try Schema.migrator.appliedIdentifiers(database)
            if identifier == 0, applied.isEmpty, try !hasForeignTables(database) { return .empty }
            guard identifier == Schema.applicationID else {
                throw RegistryError(
                    .wrongKind,
                    "Unable to open the registry '\(directory)': its 'catalog.sqlite' belongs to another program. "
                        + "Choose another folder.")
            }
            guard try !Schema.migrator.hasBeenSuperseded(database) else {
                throw RegistryError(
                    .newerSchema,
                    "Unable to open the registry '\(directory)': its catalog was changed by a newer version of this "
                        + "program. Use that version.")
            }
            return try Schema.migrator.hasCompletedMigrations(database) ? .current : .older
        }
    }

    private func hasForeignTables(_ database: Database) throws -> Bool {
        // The migrator makes its own table before the first migration.
        try Bool.fetchOne(
            database, sql: "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE tbl_name <> 'grdb_migrations')") ?? false
    }

    /// SQLite takes a name that begins with `file:` for a URI.
    private static func sqlitePath(_ path: String) -> String { path.hasPrefix("/") ? path : "./" + path }

    // See: https://www.sqlite.org/uri.html
    private static func immutableURI(_ path: String) -> String {
        let escaped = path.utf8.flatMap { byte in
            [UInt8(ascii: "%"), UInt8(ascii: "?"), UInt8(ascii: "#")].contains(byte)
                ? Array("%\(String(byte, radix: 16))".utf8) : [byte]
        }
        return "file:\(path.hasPrefix("/") ? "//" : "")\(String(decoding: escaped, as: UTF8.self))?immutable=1"
    }
}

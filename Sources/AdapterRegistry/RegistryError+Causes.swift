import FileSystem
import GRDB

extension RegistryError {
    /// Runs an operation of the registry in `directory` and puts the errors of SQLite and of the registry's own files
    /// into the registry's words. Other errors, such as those of an adapter that is being read, pass unchanged.
    static func translating<Result>(
        _ verb: String, _ directory: String, _ body: () throws -> Result
    ) throws -> Result {
        do {
            return try body()
        } catch let error as DatabaseError {
            throw RegistryError(error, verb, directory)
        } catch let error as RowDecodingError {
            throw RegistryError(
                .corrupt,
                "Unable to \(verb) '\(directory)': a row of the catalog holds a value of another type. "
                    + "Restore 'catalog.sqlite' from a backup.", cause: error)
        } catch let error as FileSystemError where error.path.hasPrefix(directory) {
            throw RegistryError(error, verb, directory)
        }
    }

    /// The registry's words for an error of SQLite.
    init(_ error: DatabaseError, _ verb: String, _ directory: String) {
        let (code, reason) = RegistryError.reason(error)
        self.init(code, "Unable to \(verb) '\(directory)': \(reason)", cause: error)
    }

    // See: https://www.sqlite.org/rescode.html
    private static func reason(_ error: DatabaseError) -> (Code, String) {
        switch error.extendedResultCode {
        // SQLite extends the shared-memory file before it can report a full disk as such.
        case .SQLITE_IOERR_SHMSIZE:
            return (.noSpace, "the disk is full. Free some space; nothing was changed.")
        case .SQLITE_IOERR_SHORT_READ:
            return (.corrupt, "the catalog is cut short. Restore 'catalog.sqlite' from a backup.")
        case .SQLITE_READONLY_DBMOVED:
            return (.ioFailure, "the catalog was moved or removed while it was open. Repeat the command.")
        default: break
        }
        switch error.resultCode {
        case .SQLITE_BUSY, .SQLITE_LOCKED, .SQLITE_PROTOCOL:
            return (.locked, "another process keeps the catalog locked. Wait for it to finish and repeat the command.")
        case .SQLITE_READONLY, .SQLITE_PERM, .SQLITE_AUTH:
            return (.readOnly, "the catalog cannot be written. Check its permissions or choose another registry.")
        case .SQLITE_FULL:
            return (.noSpace, "the disk is full. Free some space; nothing was changed.")
        case .SQLITE_CORRUPT, .SQLITE_NOTADB:
            return (.corrupt, "the catalog is damaged. Restore 'catalog.sqlite' from a backup.")
        case .SQLITE_CANTOPEN:
            return (.ioFailure, "the catalog cannot be opened. Check that it exists and may be read.")
        default:
            // The statement and its arguments stay out of the message: they may hold what the user typed.
            let message = error.message ?? "an error"
            return (.ioFailure, "SQLite reports '\(message)' (\(error.extendedResultCode.rawValue)).")
        }
    }

    /// The registry's words for an error of one of its files.
    init(_ error: FileSystemError, _ verb: String, _ directory: String) {
        let code: Code =
            switch error.code {
            case .readOnly: .readOnly
            case .permissionDenied: .permissionDenied
            case .noSpace: .noSpace
            case .wrongKind: .wrongKind
            default: .ioFailure
            }
        self.init(code, "Unable to \(verb) '\(directory)': \(error.message)", cause: error)
    }

    /// The same error, where lacking a permission means that the registry is read-only for this user.
    var asWriting: RegistryError {
        var error = self
        if error.code == .permissionDenied { error.code = .readOnly }
        return error
    }
}

import FileSystem
import GRDB
import Testing

@testable import AdapterRegistry

@Suite struct RegistryErrorTests {
    @Test(arguments: [
        (ResultCode.SQLITE_BUSY, RegistryError.Code.locked), (.SQLITE_BUSY_RECOVERY, .locked),
        (.SQLITE_LOCKED, .locked), (.SQLITE_READONLY, .readOnly), (.SQLITE_READONLY_DBMOVED, .ioFailure),
        (.SQLITE_FULL, .noSpace), (.SQLITE_IOERR_SHMSIZE, .noSpace), (.SQLITE_CORRUPT, .corrupt),
        (.SQLITE_NOTADB, .corrupt), (.SQLITE_IOERR_SHORT_READ, .corrupt), (.SQLITE_IOERR_READ, .ioFailure),
        (.SQLITE_CANTOPEN, .ioFailure), (.SQLITE_ERROR, .ioFailure),
    ])
    func `SQLite's results have the registry's codes`(_ result: ResultCode, _ code: RegistryError.Code) {
        let error = #expect(throws: RegistryError.self) {
            try RegistryError.translating("list the registry", "/r") {
                throw DatabaseError(resultCode: result, sql: "SELECT secret")
            }
        }
        #expect(error?.code == code)
        #expect(error?.message.hasPrefix("Unable to list the registry '/r': ") == true)
        #expect(error?.message.contains("secret") == false)
    }

    @Test func `Errors of the registry's files are translated, those of others pass`() {
        let own = FileSystemError(.noSpace, "full", path: "/r/tmp/x")
        let foreign = FileSystemError(.noSpace, "full", path: "/elsewhere/x")
        let translated = #expect(throws: RegistryError.self) {
            try RegistryError.translating("push to the registry", "/r") { throw own }
        }
        #expect(translated?.code == .noSpace)
        #expect(throws: FileSystemError.self) {
            try RegistryError.translating("push to the registry", "/r") { throw foreign }
        }
    }
}

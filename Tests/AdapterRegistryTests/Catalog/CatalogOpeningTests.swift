import AdapterTesting
import FileSystem
import Foundation
import GRDB
import Integrity
import Testing

@testable import AdapterRegistry

@Suite struct CatalogOpeningTests {
    private func code(_ body: () throws -> Void) -> RegistryError.Code? {
        #expect(throws: RegistryError.self, performing: body)?.code
    }

    @Test func `A new registry has the settings that keep its promises`() throws {
        try withRegistry { registry in
            try registry.catalog.queue.read { database in
                #expect(try String.fetchOne(database, sql: "PRAGMA journal_mode") == "wal")
                #expect(try Int.fetchOne(database, sql: "PRAGMA synchronous") == 2)
                #expect(try Int.fetchOne(database, sql: "PRAGMA foreign_keys") == 1)
                #expect(try Int.fetchOne(database, sql: "PRAGMA busy_timeout") == 60_000)
                #expect(try Int.fetchOne(database, sql: "PRAGMA application_id") == 0x4144_5054)
                let lax = try String.fetchAll(
                    database,
                    sql: """
                        SELECT name FROM pragma_table_list
                        WHERE schema = 'main' AND type = 'table' AND strict = 0 AND name NOT LIKE 'sqlite_%'
                            AND name NOT LIKE 'adapterText%'
                        """)
                #expect(lax == ["grdb_migrations"])
                let tables = try Set(
                    String.fetchAll(database, sql: "SELECT name FROM pragma_table_list WHERE strict = 1"))
                #expect(
                    tables == [
                        "blob", "repository", "adapter", "adapterTarget", "label", "version", "tag", "lineage",
                        "auditEntry", "adapterType", "adapterDocument", "lease", "recipe", "document",
                        "facet", "facetVersion", "attachment", "ociReference", "ociBlob", "ociFile", "ociManifest",
                        "ociTag",
                    ])
            }
            #expect(try registry.list().isEmpty)
        }
    }

    @Test func `The write-ahead log stays, empty, so that others can read`() throws {
        try withTemporaryDirectory { directory in
            do {
                let registry = try Registry(opening: directory)
                _ = try registry.push(sample(1), as: reference("a"))
            }
            #expect(Directory.kind(of: "\(directory)/catalog.sqlite-shm") == .file)
            #expect(try InputFile(opening: "\(directory)/catalog.sqlite-wal").byteCount == 0)
        }
    }

    @Test func `Events can be added but neither changed nor removed`() throws {
        try withRegistry { registry in
            _ = try registry.push(sample(1), as: reference("a"))
            for statement in ["UPDATE auditEntry SET actor = 'x'", "DELETE FROM auditEntry"] {
                #expect(throws: DatabaseError.self) {
                    try registry.catalog.queue.write { try $0.execute(sql: statement) }
                }
            }
            #expect(try registry.history(reference("a").repository).map(\.actor) == ["tester"])
        }
    }

    @Test func `A newer schema is refused in both modes and left alone`() throws {
        try withTemporaryDirectory { directory in
            try Registry(opening: directory).catalog.queue.write { database in
                try database.execute(sql: "INSERT INTO grdb_migrations VALUES ('v999')")
            }
            #expect(code { _ = try Registry(opening: directory) } == .newerSchema)
            #expect(code { _ = try Registry(opening: directory, mode: .readOnly) } == .newerSchema)
        }
    }

    @Test func `Another program's database is refused and left alone`() throws {
        try withTemporaryDirectory { directory in
            do {
                let queue = try DatabaseQueue(path: "\(directory)/catalog.sqlite")
                try queue.write { try $0.execute(sql: "CREATE TABLE theirs (x)") }
            }
            #expect(code { _ = try Registry(opening: directory) } == .wrongKind)
            #expect(code { _ = try Registry(opening: directory, mode: .readOnly) } == .wrongKind)
            let queue = try DatabaseQueue(path: "\(directory)/catalog.sqlite")
            #expect(try queue.read { try String.fetchAll($0, sql: "SELECT name FROM sqlite_master") } == ["theirs"])
        }
    }

    @Test func `A file where the registry should be is refused`() throws {
        try withTemporaryDirectory { directory in
            try replace("\(directory)/file", with: [1])
            #expect(code { _ = try Registry(opening: "\(directory)/file", mode: .readOnly) } == .wrongKind)
            #expect(code { _ = try Registry(opening: "\(directory)/file") } == .wrongKind)
            #expect(code { _ = try Registry(opening: "\(directory)/file/below") } == .wrongKind)
        }
    }

    @Test func `A damaged catalog is named as such`() throws {
        try withTemporaryDirectory { directory in
            do { _ = try Registry(opening: directory).push(sample(1), as: reference("a")) }
            let path = "\(directory)/catalog.sqlite"
            let bytes = try InputFile.contents(of: path, limit: 1 << 24)
            for name in ["\(path)-wal", "\(path)-shm"] { try Directory.remove(name) }
            // Cut short, emptied, gone, overwritten from the start.
            for damaged in [Array(bytes.prefix(5000)), [], nil, [UInt8](repeating: 0x55, count: bytes.count)] {
                for name in [path, "\(path)-wal", "\(path)-shm"] { try Directory.remove(name) }
                if let damaged { try replace(path, with: damaged) }
                let found = code {
                    let registry = try Registry(opening: directory)
                    _ = try registry.resolve(reference("a"))
                }
                #expect(found == .corrupt, "\(damaged?.count ?? -1) bytes")
            }
        }
    }

    @Test func `A database that was made but never filled is filled`() throws {
        try withTemporaryDirectory { directory in
            // What a process leaves that ends between making the file and the first migration.
            try replace("\(directory)/catalog.sqlite", with: [])
            #expect(try Registry(opening: directory, mode: .readOnly).list().isEmpty)
            _ = try Registry(opening: directory).push(sample(1), as: reference("a"))
        }
    }

    @Test func `Many may create the same registry at once`() throws {
        for _ in 0..<5 {
            try withTemporaryDirectory { directory throws in
                let failures = Failures()
                DispatchQueue.concurrentPerform(iterations: 8) { worker in
                    failures.record {
                        let registry = try Registry(opening: "\(directory)/r")
                        _ = try registry.push(sample(UInt64(worker)), as: reference("a/\(worker)"))
                    }
                }
                #expect(failures.all.isEmpty)
                #expect(try Registry(opening: "\(directory)/r").list().count == 8)
            }
        }
    }

    @Test func `Reading needs no registry and makes none`() throws {
        try withTemporaryDirectory { directory in
            let path = "\(directory)/absent"
            let registry = try Registry(opening: path, mode: .readOnly)
            #expect(try registry.list().isEmpty)
            #expect(code { _ = try registry.resolve(reference("a")) } == .notFound)
            #expect(code { _ = try registry.push(sample(1), as: reference("a")) } == .readOnly)
            #expect(code { try registry.untag(reference("a")) } == .readOnly)
            #expect(code { try registry.remove(reference("a")) } == .readOnly)
            #expect(code { _ = try registry.tag(reference("a"), as: reference("b")) } == .readOnly)
            #expect(try registry.verifyAll().isEmpty)
            #expect(Directory.kind(of: path) == nil)
        }
    }

    @Test func `A folder whose name looks like a URI is a folder`() throws {
        try withTemporaryDirectory { directory in
            let path = "\(directory)/file:x?mode=memory#100%"
            do { _ = try Registry(opening: path).push(sample(1), as: reference("a")) }
            #expect(try Registry(opening: path + "//", mode: .readOnly).list().count == 1)
        }
    }
}

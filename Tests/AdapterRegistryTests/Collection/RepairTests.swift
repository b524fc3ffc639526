import AdapterTesting
import FileSystem
import GRDB
import Integrity
import Testing

@testable import AdapterRegistry

@Suite struct RepairTests {
    private func withBackup(_ body: (Registry, _ backup: String) throws -> Void) throws {
        try withTemporaryDirectory { folder throws in
            let registry = try Registry(opening: "\(folder)/r")
            _ = try registry.push(sample(1, message: "first"), as: reference("a:v1"))
            _ = try registry.push(sample(2), as: reference("b:v1"))
            _ = try registry.backUp(to: "\(folder)/backup")
            // Its own bytes: what is done to a linked file is done to both.
            for digest in try registry.blobs.digests() {
                let path = BlobStore(directory: "\(folder)/backup").path(of: digest)
                try replace(path, with: InputFile.contents(of: path, limit: 1 << 20))
            }
            try body(registry, "\(folder)/backup")
        }
    }

    @Test func `Missing and damaged files come back from a backup, and only with the right bytes`() throws {
        try withBackup { registry, backup throws in
            let (a, b) = (try registry.resolve(reference("a:v1")), try registry.resolve(reference("b:v1")))
            try Directory.remove(a.path)
            try flipByte(of: b.path, at: 100)
            #expect(try Set(registry.check().map(\.kind)) == [.missingFile, .damagedFile])
            // Without a source nothing is done, and nothing lost.
            #expect(try registry.repair().repairs.isEmpty)
            #expect(try registry.list().count == 2)
            let report = try registry.repair(from: ["/nonexistent", backup])
            #expect(report.repairs.count == 2)
            #expect(report.findings.isEmpty)
            #expect(try registry.log(limit: 2).map(\.action) == ["repair", "repair"])
            // A backup that is damaged itself is no source.
            try Directory.remove(a.path)
            try flipByte(of: BlobStore(directory: backup).path(of: a.digest), at: 50)
            #expect(try registry.repair(from: [backup]).findings.map(\.kind) == [.missingFile])
        }
    }

    @Test func `Rows of a file that is gone and that nothing needs are removed`() throws {
        try withBackup { registry, _ throws in
            let stored = try registry.resolve(reference("a:v1"))
            try registry.remove(reference("a:v1"))
            try Directory.remove(stored.path)
            #expect(try registry.check().map(\.kind) == [.missingFile])
            let report = try registry.repair()
            #expect(report.repairs.count == 1)
            #expect(report.findings.isEmpty)
        }
    }

    @Test(arguments: [
        "UPDATE adapter SET message = 'other'", "UPDATE adapter SET parameterCount = 1, rankMaximum = 9",
        "DELETE FROM adapterTarget", "UPDATE label SET value = 'x'",
        "INSERT INTO label SELECT digest, 'k', 'v' FROM adapter",
        "UPDATE adapter SET dtypes = 'q8'", "DELETE FROM adapterDocument",
        "INSERT INTO lineage SELECT digest, 0, digest, contentRoot, 'input', 1, 'merge' FROM adapter",
    ])
    func `Rows that do not say what the files say are written anew`(_ sql: String) throws {
        try withBackup { registry, _ throws in
            let before = try registry.list()
            try registry.catalog.write { try $0.execute(sql: sql) }
            let isLabel = sql.hasPrefix("UPDATE label")
            #expect(try registry.check().isEmpty == isLabel)
            let report = try registry.repair()
            #expect(report.findings.isEmpty, "\(report.findings)")
            #expect(try registry.list() == before)
            #expect(try registry.list(ListQuery(text: "first")).count == 1)
        }
    }

    @Test func `Adapters whose rows are gone come back from their files`() throws {
        try withBackup { registry, _ throws in
            let before = try registry.list()
            try registry.catalog.queue.writeWithoutTransaction { database throws in
                try database.execute(sql: "PRAGMA foreign_keys = OFF; DELETE FROM adapter; DELETE FROM blob")
            }
            #expect(try registry.check().contains { $0.kind == .danglingReference })
            let report = try registry.repair()
            #expect(report.findings.filter(\.isDamage).isEmpty, "\(report.findings)")
            #expect(try registry.list().map(\.digest) == before.map(\.digest))
        }
    }

    @Test(arguments: [
        "UPDATE adapterDocument SET description = 'tampered'",
        "INSERT INTO adapterText (adapterText) VALUES ('delete-all')",
    ])
    func `An index that does not hold the words is found and built anew`(_ sql: String) throws {
        try withBackup { registry, _ throws in
            try registry.catalog.write { try $0.execute(sql: sql) }
            #expect(try registry.check().map(\.kind) == [.damagedSearch])
            #expect(try registry.repair().findings.isEmpty)
            #expect(try registry.list(ListQuery(text: "first")).count == 1)
            #expect(try registry.list(ListQuery(text: "tampered")).isEmpty)
        }
    }

    @Test func `A damaged log stays damaged`() throws {
        try withBackup { registry, _ throws in
            try registry.catalog.write { database throws in
                try database.execute(
                    sql: "DROP TRIGGER auditEntryIsNeverChanged; UPDATE auditEntry SET actor = 'x' WHERE id = 1")
            }
            #expect(try registry.repair().findings.map(\.kind) == [.damagedLog])
        }
    }

    @Test func `A damaged page of the database is found, and nothing is done to the rest`() throws {
        try withTemporaryDirectory { folder throws in
            do {
                let registry = try Registry(opening: "\(folder)/r")
                for seed in 1...30 {
                    _ = try registry.push(sample(UInt64(seed), message: "m"), as: reference("a/\(seed)"))
                }
            }
            let path = "\(folder)/r/catalog.sqlite"
            var bytes = try InputFile.contents(of: path, limit: 1 << 24)
            // The page of the tags, in the middle of its cells.
            let root = try DatabaseQueue(path: path).read {
                try Int.fetchOne($0, sql: "SELECT rootpage FROM sqlite_master WHERE name = 'tag'") ?? 0
            }
            for offset in 0..<512 { bytes[(root - 1) * 4096 + 3000 + offset] ^= 0xFF }
            for name in ["-wal", "-shm"] { try Directory.remove(path + name) }
            try replace(path, with: bytes)
            let registry = try Registry(opening: "\(folder)/r", mode: .readOnly)
            #expect(try registry.check().contains { $0.kind == .damagedCatalog || $0.kind == .damagedLog })
        }
    }
}

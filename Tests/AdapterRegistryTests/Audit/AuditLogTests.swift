import AdapterTesting
import GRDB
import Integrity
import Testing

@testable import AdapterRegistry

@Suite struct AuditLogTests {
    private func fill(_ registry: Registry) throws {
        _ = try registry.push(sample(1), as: reference("a:v1"))
        _ = try registry.push(sample(2), as: reference("a:v2"))
        try registry.tag(reference("a:v1"), as: reference("a:best"), message: "ünïcode\u{1}")
        try registry.tag(reference("a:v2"), as: reference("a:best"))
        try registry.untag(reference("a:v2"))
        try registry.remove(reference("a:v1"))
    }

    /// Edits the log behind the triggers' back, as whoever can write the file can.
    private func tamper(_ registry: Registry, _ sql: String) throws {
        try registry.catalog.queue.write { database throws in
            try database.execute(
                sql: "DROP TRIGGER IF EXISTS auditEntryIsNeverChanged; DROP TRIGGER IF EXISTS auditEntryIsNeverRemoved;"
            )
            try database.execute(sql: sql)
        }
    }

    @Test func `Every change has an entry in its own transaction, chained to the one before`() throws {
        try withRegistry(actor: "alice") { registry throws in
            try fill(registry)
            let entries = try registry.log()
            #expect(entries.map(\.action) == ["remove", "untag", "tag", "tag", "push", "push"])
            #expect(entries.map(\.id) == [6, 5, 4, 3, 2, 1])
            #expect(Set(entries.map(\.actor)) == ["alice"])
            let found = try registry.verifyLog()
            #expect(found.faults.isEmpty)
            #expect(found.entryCount == 6)
            #expect(found.head == AuditHead(id: 6, hash: entries[0].hash))
            // A refused change leaves none.
            #expect(throws: RegistryError.self) {
                _ = try registry.push(sample(3), as: reference("a:best"), expected: .absent)
            }
            #expect(try registry.log().count == 6)
        }
    }

    @Test func `The hash is over every field, unambiguously`() throws {
        let record = AuditRecord(
            date: Timestamp(milliseconds: 5), actor: "a", action: "push", repository: "r", tag: "t",
            oldDigest: nil, newDigest: "n", generation: 1, message: nil, details: nil)
        var hashes = Set([record.hash(id: 1, after: nil), record.hash(id: 2, after: nil)])
        hashes.insert(record.hash(id: 1, after: record.hash(id: 0, after: nil)))
        let changes: [(inout AuditRecord) -> Void] = [
            { $0.date = Timestamp(milliseconds: 6) }, { $0.actor = "b" }, { $0.action = "tag" },
            { $0.repository = nil }, { $0.tag = nil }, { $0.oldDigest = "" }, { $0.newDigest = nil },
            { $0.generation = nil }, { $0.message = "" }, { $0.details = "{}" },
            { ($0.actor, $0.action) = ("ap", "ush") },
            { ($0.message, $0.details) = ("x", nil) }, { ($0.message, $0.details) = (nil, "x") },
        ]
        for change in changes {
            var changed = record
            change(&changed)
            hashes.insert(changed.hash(id: 1, after: nil))
        }
        #expect(hashes.count == 3 + changes.count)
    }

    @Test(arguments: [
        "UPDATE auditEntry SET actor = 'mallory' WHERE id = 3", "UPDATE auditEntry SET at = at + 1 WHERE id = 6",
        "UPDATE auditEntry SET message = NULL WHERE id = 3", "UPDATE auditEntry SET newDigest = oldDigest WHERE id = 4",
        "DELETE FROM auditEntry WHERE id = 1", "DELETE FROM auditEntry WHERE id = 4",
        "DELETE FROM auditEntry WHERE id = 6", "DELETE FROM auditEntry",
        "UPDATE auditEntry SET hash = (SELECT hash FROM auditEntry WHERE id = 1) WHERE id = 2",
        "UPDATE auditEntry SET id = 100 WHERE id = 6",
        "UPDATE tag SET digest = (SELECT digest FROM version WHERE digest <> tag.digest LIMIT 1)",
        "UPDATE tag SET generation = generation + 1",
    ])
    func `An entry that was edited or removed is found`(_ sql: String) throws {
        try withRegistry { registry throws in
            try fill(registry)
            _ = try registry.push(sample(5), as: reference("a:v5"))
            try registry.catalog.queue.writeWithoutTransaction { try $0.execute(sql: "PRAGMA foreign_keys = OFF") }
            try tamper(registry, sql)
            #expect(try !registry.verifyLog().faults.isEmpty)
            #expect(try registry.verifyAll().contains { $0.kind == .damagedLog || $0.kind == .damagedCatalog })
        }
    }

    @Test func `The last entry is missed, even when it was about no tag`() throws {
        try withRegistry { registry throws in
            _ = try registry.push(sample(1), as: reference("a:v1"))
            try registry.remove(reference("a:v1"))
            _ = try registry.collect(CollectionRules(grace: .zero))
            let last = try #require(try registry.log(limit: 1).first)
            #expect(last.action == "collect" && last.tag == nil)
            try tamper(registry, "DELETE FROM auditEntry WHERE id = \(last.id)")
            #expect(try registry.verifyLog().faults == ["Entry \(last.id) of the log is missing."])
        }
    }

    @Test func `A log that was rewritten as a whole is found by a head that was noted`() throws {
        try withRegistry { registry throws in
            try fill(registry)
            let head = try #require(try registry.verifyLog().head)
            _ = try registry.push(sample(9), as: reference("later"))
            #expect(try registry.verifyLog(expecting: head).faults.isEmpty)
            // Another history with a chain of its own.
            try tamper(registry, "DELETE FROM auditEntry; DELETE FROM sqlite_sequence")
            try registry.catalog.queue.write { database throws in
                for index in 0..<8 {
                    try Catalog.append(
                        AuditRecord(date: Timestamp(milliseconds: Int64(index)), actor: "x", action: "repair"),
                        in: database)
                }
                try database.execute(sql: "DELETE FROM tag")
            }
            #expect(try registry.verifyLog().faults.isEmpty)
            #expect(try registry.verifyLog(expecting: head).faults.count == 1)
        }
    }

    @Test func `Pages put together are the whole log, and filters keep to it`() throws {
        try withRegistry { registry throws in
            try fill(registry)
            var ids: [Int] = []
            while let last = try registry.log(after: ids.last, limit: 2).map(\.id) as [Int]?, !last.isEmpty {
                ids += last
            }
            #expect(ids == [6, 5, 4, 3, 2, 1])
            let name = try reference("a").repository
            #expect(try registry.log(name, tag: Tag(parsing: "best")).map(\.id) == [4, 3])
            #expect(try registry.log(RepositoryName(parsing: "b")).isEmpty)
        }
    }

    @Test func `A tag is rolled back to where it stood, and that is recorded`() throws {
        try withRegistry { registry throws in
            let digests = try (1...3).map { try registry.push(sample($0), as: reference("a:live")).digest }
            #expect(try registry.rollBack(reference("a:live"), message: "worse").digest == digests[1])
            #expect(try registry.rollBack(reference("a:live"), toGeneration: 1).digest == digests[0])
            let events = try registry.history(reference("a").repository)
            #expect(events.map(\.operation) == [.rollback, .rollback, .push, .push, .push])
            #expect(events[1].message == "worse")
            #expect(events.map(\.generation) == [5, 4, 3, 2, 1])
            func code(_ body: () throws -> Void) -> RegistryError.Code? {
                #expect(throws: RegistryError.self, performing: body)?.code
            }
            #expect(code { try registry.rollBack(reference("a:live"), toGeneration: 99) } == .notFound)
            #expect(code { try registry.rollBack(reference("a:none")) } == .notFound)
            _ = try registry.push(sample(7), as: reference("a:once"))
            #expect(code { try registry.rollBack(reference("a:once")) } == .notFound)
            #expect(code { try registry.rollBack(reference("a:live"), expected: .absent) } == .conflict)
            // A version that has left the repository cannot come back.
            try registry.remove(Reference(reference("a").repository, digest: digests[2]))
            #expect(code { try registry.rollBack(reference("a:live"), toGeneration: 3) } == .notFound)
            try registry.tag(reference("a:live"), as: reference("a:live"), immutable: true)
            #expect(code { try registry.rollBack(reference("a:live"), toGeneration: 2) } == .immutableTag)
            #expect(try registry.verifyLog().faults.isEmpty)
        }
    }
}

import AdapterTesting
import FileSystem
import Foundation
import GRDB
import Integrity
import Tensors
import Testing

@testable import AdapterRegistry

/// Registries as released versions left them, made by `fixtures/make_registry.sh`.
@Suite struct MigrationTests {
    private func withReleased<Result>(
        _ version: String = "v1", _ body: (String) throws -> Result
    ) throws -> Result {
        try withTemporaryDirectory { folder throws in
            let path = "\(folder)/registry"
            try FileManager.default.copyItem(atPath: "\(Fixtures.directory)/registries/\(version)", toPath: path)
            return try body(path)
        }
    }

    @Test func `A registry of version 1 keeps names, history, lineage and bytes`() throws {
        try withReleased { path throws in
            let before = try DatabaseQueue(path: "\(path)/catalog.sqlite").read { database throws in
                try Row.fetchAll(
                    database, sql: "SELECT id, repository, tag, oldDigest, newDigest, actor, at FROM tagEvent")
            }
            let registry = try Registry(opening: path)
            #expect(
                try registry.list().map(\.reference.description) == [
                    "team/assistant:production", "team/assistant:small", "team/assistant:v1", "team/support:v1",
                    "team/tone:v1", "team/tone:v2",
                ])
            #expect(try registry.check().isEmpty)
            let log = try registry.log().reversed()
            #expect(log.map(\.id) == before.map { $0["id"] })
            #expect(log.map(\.newDigest?.description) == before.map { $0["newDigest"] })
            #expect(log.map(\.date.milliseconds) == before.map { $0["at"] })
            #expect(try registry.verifyLog().entryCount == 12)
            #expect(try registry.resolve(reference("team/support:v1")).tag?.isImmutable == true)
            #expect(
                try registry.history(reference("team/assistant").repository, tag: Tag(parsing: "production")).count == 2
            )
            #expect(try registry.list(ListQuery(text: "tickets")).map(\.reference.description) == ["team/support:v1"])
            #expect(try registry.list(ListQuery(dtypes: [.q8])).count == 2)
            #expect(try registry.list(ListQuery(order: .size, limit: 1)).first?.reference.description == "team/tone:v1")
            #expect(
                try registry.impact(of: registry.resolve(reference("team/tone:v1")).contentRoot).map(\.description)
                    == ["team/assistant:production", "team/assistant:small", "team/assistant:v1"])
            // What was removed before the upgrade counts as unused since it was stored.
            #expect(try registry.previewCollection(CollectionRules(grace: .zero)).files.count == 1)
            // And it goes on from there.
            _ = try registry.push(sample(1), as: reference("team/new"))
            #expect(
                try registry.rollBack(reference("team/assistant:production")).digest
                    == registry.resolve(reference("team/assistant:v1")).digest)
            #expect(try registry.check().isEmpty)
        }
    }

    @Test func `A registry of version 2 is listed by facets, and its log goes on`() throws {
        try withReleased("v2") { path throws in
            let registry = try Registry(opening: path)
            #expect(try registry.check().isEmpty)
            #expect(try registry.verifyLog().entryCount == 12)
            func names(_ query: ListQuery) throws -> [String] { try registry.list(query).map(\.reference.description) }
            #expect(
                try names(ListQuery(labels: [.init(key: "task", value: "tone")])) == ["team/tone:v1", "team/tone:v2"])
            #expect(try names(ListQuery(labels: [.init(key: "lang")])) == ["team/support:v1"])
            #expect(try names(ListQuery(dtypes: [.q8])) == ["team/assistant:production", "team/assistant:small"])
            #expect(try names(ListQuery(operation: "merge")) == ["team/assistant:v1"])
            #expect(
                try names(ListQuery(ranks: 4...4, order: .created, isReversed: true, limit: 1)) == ["team/support:v1"])
            try registry.untag(reference("team/tone:v2"))
        }
    }

    @Test func `Versions of a registry of version 3 are in the order of its log`() throws {
        try withReleased("v3") { path throws in
            // Two untagged versions beside the tagged one; the clock was set back before the second.
            try DatabaseQueue(path: "\(path)/catalog.sqlite").write { database throws in
                try database.execute(
                    sql: """
                        DELETE FROM tag WHERE repository = 'team/tone' OR repository = 'team/assistant';
                        UPDATE version SET createdAt = createdAt - 1000000000 WHERE digest IN
                            (SELECT newDigest FROM auditEntry WHERE repository || ':' || tag
                                IN ('team/tone:v2', 'team/assistant:small'));
                        """)
            }
            let registry = try Registry(opening: path)
            for (name, first) in [("team/tone", "v1"), ("team/assistant", "v1")] {
                let name = try RepositoryName(parsing: name)
                let oldest = try registry.history(name, tag: Tag(parsing: first)).last?.newDigest
                let rules = CollectionRules(retention: .init(pattern: name.description, keepLast: 1))
                #expect(try registry.previewCollection(rules).retired.map(\.digest) == [oldest])
            }
            let stored = try registry.push(sample(1), as: reference("team/tone:v3"))
            let numbers = try registry.catalog.read { database throws in
                try Int.fetchAll(database, sql: "SELECT sequence FROM version ORDER BY sequence")
            }
            #expect(numbers.first == 1 && Set(numbers).count == numbers.count)
            #expect(try registry.log(limit: 1).first?.id == numbers.last)
            #expect(try registry.history(stored.reference.repository).first?.newDigest == stored.digest)
        }
    }

    @Test func `Reading does not migrate, and says how to`() throws {
        try withReleased { path throws in
            let error = #expect(throws: RegistryError.self) { try Registry(opening: path, mode: .readOnly) }
            #expect(error?.code == .olderSchema)
            _ = try Registry(opening: path)
            #expect(try Registry(opening: path, mode: .readOnly).list().count == 6)
        }
    }

    @Test func `A migration that is cut off changes nothing and is taken up again`() throws {
        try withReleased { path throws in
            try DatabaseQueue(path: "\(path)/catalog.sqlite").write { database throws in
                // Something in the way of the second migration.
                try database.execute(sql: "CREATE TABLE adapterType (x)")
            }
            #expect(throws: RegistryError.self) { try Registry(opening: path) }
            try DatabaseQueue(path: "\(path)/catalog.sqlite").write { database throws in
                let applied = try String.fetchAll(database, sql: "SELECT identifier FROM grdb_migrations ORDER BY 1")
                #expect(applied == ["v1", "v2-audit"])
                #expect(try Int.fetchOne(database, sql: "SELECT count(*) FROM pragma_table_info('tag')") == 6)
                try database.execute(sql: "DROP TABLE adapterType")
            }
            #expect(try Registry(opening: path).check().isEmpty)
        }
    }

    @Test func `Many may migrate at once`() throws {
        try withReleased { path throws in
            let failures = Failures()
            DispatchQueue.concurrentPerform(iterations: 6) { worker in
                failures.record {
                    _ = try Registry(opening: path).push(sample(UInt64(worker)), as: reference("new/\(worker)"))
                }
            }
            #expect(failures.all.isEmpty)
            let registry = try Registry(opening: path)
            #expect(try registry.list().count == 12)
            #expect(try registry.verifyLog().faults.isEmpty)
        }
    }
}

import AdapterTesting
import Adapters
import FileSystem
import Foundation
import GRDB
import Integrity
import Testing

@testable import AdapterRegistry

@Suite struct CollectionTests {
    private let now = CollectionRules(grace: .zero)

    private func exists(_ registry: Registry, _ digest: Digest) -> Bool {
        Directory.kind(of: registry.blobs.path(of: digest)) == .file
    }

    @Test func `What nothing needs goes, after the grace and not in a dry run`() throws {
        try withRegistry { registry throws in
            let kept = try registry.push(sample(1), as: reference("a:v1")).digest
            let removed = try registry.push(sample(2), as: reference("a:v2")).digest
            try registry.remove(reference("a:v2"))
            #expect(try registry.previewCollection().files.isEmpty)
            #expect(try registry.previewCollection().waitingCount == 1)
            #expect(try registry.collect().files.isEmpty)
            #expect(try registry.previewCollection(now).files.map(\.digest) == [removed])
            #expect(exists(registry, removed))
            let report = try registry.collect(now)
            #expect(report.files.map(\.digest) == [removed])
            #expect(report.byteCount > 0)
            #expect(!exists(registry, removed))
            #expect(exists(registry, kept))
            #expect(try registry.check().isEmpty)
            #expect(try registry.log(limit: 1).first?.action == "collect")
            #expect(try registry.verifyLog().faults.isEmpty)
            #expect(try registry.collect(now).files.isEmpty)
            // The same bytes may come back.
            #expect(try registry.push(sample(2), as: reference("a:v2")).digest == removed)
            #expect(try registry.check().isEmpty)
        }
    }

    @Test func `A clock that was set back makes nothing old`() throws {
        try withRegistry { registry throws in
            _ = try registry.push(sample(1), as: reference("a:v1"))
            try registry.remove(reference("a:v1"))
            try registry.catalog.write { try $0.execute(sql: "UPDATE blob SET unusedSince = unusedSince + 1000000") }
            #expect(try registry.collect(now).waitingCount == 1)
            #expect(try registry.check().isEmpty)
        }
    }

    @Test func `A version that is named again in time stays`() throws {
        try withRegistry { registry throws in
            let digest = try registry.push(sample(1), as: reference("a:v1")).digest
            try registry.tag(reference("a:v1"), as: reference("b:v1"))
            try registry.remove(reference("a:v1"))
            #expect(try registry.collect(now).files.isEmpty)
            try registry.remove(reference("b:v1"))
            _ = try registry.push(sample(1), as: reference("c:v1"))
            #expect(try registry.collect(now).files.isEmpty)
            #expect(exists(registry, digest))
        }
    }

    @Test func `Files that the catalog does not know go, those of living processes stay`() throws {
        try withRegistry { registry throws in
            let unknown = SHA256.hash([1, 2, 3])
            let file = try registry.blobs.makeTemporary()
            try file.write([1, 2, 3])
            try registry.blobs.commit(file, as: unknown)
            let living = try registry.blobs.makeTemporary()
            #expect(try registry.check().map(\.kind) == [.unknownFile])
            #expect(try registry.verifyAll().isEmpty)
            #expect(try registry.collect().files.isEmpty)
            #expect(try registry.collect(now).files.map(\.isUnknown) == [true])
            #expect(!exists(registry, unknown))
            #expect(Directory.kind(of: living.temporaryPath) == .file)
        }
    }

    @Test func `Parents of what is in use stay, unless they shall go`() throws {
        try withRegistry { registry throws in
            let parent = try registry.push(sample(1), as: reference("p:v1"))
            let child = try registry.push(
                sample(2), as: reference("c:v1"),
                provenance: {
                    Provenance(
                        operation: "merge", toolVersion: "1",
                        parents: [.init(digest: parent.digest, contentRoot: parent.contentRoot)], options: [:])
                })
            let grandchild = try registry.push(
                sample(3), as: reference("g:v1"),
                provenance: {
                    Provenance(
                        operation: "convert", toolVersion: "1",
                        parents: [.init(digest: child.digest, contentRoot: child.contentRoot)], options: [:])
                })
            try registry.remove(reference("p:v1"))
            try registry.remove(reference("c:v1"))
            #expect(try registry.collect(now).parentCount == 2)
            #expect(exists(registry, parent.digest) && exists(registry, child.digest))
            let rules = CollectionRules(grace: .zero, keepsParents: false)
            #expect(Set(try registry.collect(rules).files.map(\.digest)) == [parent.digest, child.digest])
            #expect(exists(registry, grandchild.digest))
            #expect(try registry.check().isEmpty)
        }
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `What is needed is what something in use was computed from, over any number of steps`(_ seed: UInt64) throws {
        try withRegistry { registry throws in
            var generator = SeededGenerator(seed: seed)
            var parents: [Digest: [Digest]] = [:]
            var all: [StoredAdapter] = []
            for index in 0..<24 {
                let chosen = all.filter { _ in generator.next() % 8 == 0 }
                let stored = try registry.push(
                    sample(UInt64(index)), as: reference("a:v\(index)"),
                    provenance: {
                        Provenance(
                            operation: "merge", toolVersion: "1",
                            parents: chosen.map { .init(digest: $0.digest, contentRoot: $0.contentRoot) }, options: [:])
                    })
                parents[stored.digest] = chosen.map(\.digest)
                all.append(stored)
            }
            let removed = all.filter { _ in generator.next() % 3 > 0 }
            for stored in removed { try registry.remove(stored.reference) }
            let unused = Set(removed.map(\.digest))
            try registry.withLease { lease in
                let leased = try #require(removed.first).digest
                try lease.protect([leased])
                var needed: Set<Digest> = []
                var waiting = all.map(\.digest).filter { !unused.contains($0) } + [leased]
                while let next = waiting.popLast() {
                    waiting += (parents[next] ?? []).filter { needed.insert($0).inserted }
                }
                let expected = needed.intersection(unused)
                #expect(!expected.isEmpty && expected != unused)
                for among in [nil] + removed.indices.map({ removed[$0...].prefix(5).map(\.digest) }) {
                    let found = try registry.catalog.read {
                        try Catalog.unusedFiles(among: among, keepsParents: true, in: $0)
                    }
                    let asked = among.map { Set($0) } ?? unused
                    #expect(Set(found.map(\.digest)) == asked)
                    #expect(Set(found.filter(\.isParent).map(\.digest)) == expected.intersection(asked))
                    #expect(found.filter(\.isLeased).map(\.digest) == (asked.contains(leased) ? [leased] : []))
                    let others = try registry.catalog.read {
                        try Catalog.unusedFiles(among: among, keepsParents: false, in: $0)
                    }
                    #expect(others.allSatisfy { !$0.isParent })
                }
            }
        }
    }

    @Test func `A lease keeps a file until it ends, and ends with its owner`() throws {
        try withRegistry { registry throws in
            let digest = try registry.push(sample(1), as: reference("a:v1")).digest
            try registry.withLease { lease in
                try lease.protect([digest])
                try registry.remove(reference("a:v1"))
                #expect(try registry.collect(now).leasedCount == 1)
                #expect(exists(registry, digest))
                #expect(throws: RegistryError.self) { try lease.protect([SHA256.hash([9])]) }
            }
            // A row that a killed process has left.
            try registry.catalog.write { database throws in
                try database.execute(
                    sql: "INSERT INTO lease (digest, owner) VALUES (?, '.1-dead.tmp')",
                    arguments: [digest.description])
            }
            #expect(try registry.collect(now).files.map(\.digest) == [digest])
        }
    }

    @Test func `What others have begun to need since it was looked for stays`() throws {
        try withRegistry { registry throws in
            let rules = CollectionRules(grace: .seconds(3600))
            let digests = try (1...6).map { (seed: UInt64) in
                let digest = try registry.push(sample(seed), as: reference("a:v\(seed)")).digest
                try registry.remove(reference("a:v\(seed)"))
                return digest
            }
            try registry.catalog.write { try $0.execute(sql: "UPDATE blob SET unusedSince = unusedSince - 7200000") }
            let found = try registry.catalog.read { try Catalog.unusedFiles(keepsParents: true, in: $0) }
            #expect(Set(found.map(\.digest)) == Set(digests))
            // Then others lease the first, name the second, compute from the third, and use the fourth for a moment.
            try registry.withLease { lease in
                try lease.protect([digests[0]])
                _ = try registry.push(sample(2), as: reference("b:v2"))
                let parent = try registry.push(sample(3), as: reference("b:v3"))
                _ = try registry.push(
                    sample(7), as: reference("b:v7"),
                    provenance: {
                        Provenance(
                            operation: "convert", toolVersion: "1",
                            parents: [.init(digest: parent.digest, contentRoot: parent.contentRoot)], options: [:])
                    })
                try registry.remove(reference("b:v3"))
                try registry.catalog.write { database throws in
                    try database.execute(
                        sql: "UPDATE blob SET unusedSince = unusedSince - 7200000 WHERE digest = ?",
                        arguments: [digests[2].description])
                }
                _ = try registry.push(sample(4), as: reference("b:v4"))
                try registry.remove(reference("b:v4"))
                let gone = try registry.catalog.write {
                    try registry.removeRows(of: found, rules, at: .now(), in: $0)
                }
                #expect(Set(gone.map(\.digest)) == Set(digests[4...]))
            }
            // The fifth comes back before its file goes.
            _ = try registry.push(sample(5), as: reference("b:v5"))
            #expect(try registry.discard(Array(digests[4...])) == [digests[5]])
            #expect(exists(registry, digests[4]) && !exists(registry, digests[5]))
            #expect(try registry.check().isEmpty)
        }
    }

    @Test func `A version that was tagged since it was to retire stays`() throws {
        try withRegistry { registry throws in
            let digests = try (1...3).map { try registry.push(sample($0), as: reference("a:live")).digest }
            let versions = try registry.catalog.read {
                try Catalog.retiredVersions(.init(keepLast: 0), at: .now(), in: $0)
            }
            #expect(Set(versions.compactMap(\.digest)) == Set(digests[..<2]))
            try registry.tag(Reference(reference("a").repository, digest: digests[0]), as: reference("a:again"))
            let retired = try registry.catalog.write { try registry.retire(versions[...], at: .now(), in: $0) }
            #expect(retired.map(\.digest) == [digests[1]])
            #expect(try registry.resolve(reference("a:again")).digest == digests[0])
        }
    }

    @Test func `Retention drops untagged versions that no part of the rule keeps`() throws {
        try withRegistry { registry throws in
            let digests = try (1...5).map { (seed: UInt64) in
                let digest = try registry.push(sample(seed), as: reference("a:live")).digest
                usleep(3000)
                return digest
            }
            try registry.tag(
                Reference(reference("a").repository, digest: digests[0]), as: reference("a:first"))
            _ = try registry.push(sample(9), as: reference("b:live"))
            _ = try registry.push(sample(10), as: reference("b:live"))
            func retired(_ rule: CollectionRules.Retention) throws -> [Digest?] {
                try registry.previewCollection(CollectionRules(retention: rule)).retired.map(\.digest)
            }
            #expect(try Set(retired(.init(pattern: "a", keepLast: 1))) == Set(digests[1...3]))
            #expect(try Set(retired(.init(pattern: "a", keepLast: 2))) == Set(digests[1...2]))
            #expect(try retired(.init(keepLast: 0)).count == 4)
            #expect(try retired(.init(keepLast: 0, keepYounger: .seconds(3600))).isEmpty)
            #expect(try retired(.init(pattern: "nothing*", keepLast: 0)).isEmpty)
            // A clock that was set back leaves versions of the future: they are young.
            try registry.catalog.write { database throws in
                try database.execute(
                    sql: "UPDATE version SET createdAt = createdAt + 1000000000 WHERE digest = ?",
                    arguments: [digests[1].description])
                try Catalog.rebuildFacets(in: database)
            }
            #expect(try !retired(.init(pattern: "a", keepLast: 1, keepYounger: .seconds(0))).contains(digests[1]))
            let report = try registry.collect(
                CollectionRules(grace: .zero, retention: .init(pattern: "a", keepLast: 2)))
            #expect(report.retired.count == 2)
            #expect(Set(report.files.map(\.digest)) == Set(report.retired.compactMap(\.digest)))
            #expect(try registry.resolve(reference("a:first")).digest == digests[0])
            #expect(try registry.check().isEmpty)
            #expect(try registry.verifyLog().faults.isEmpty)
        }
    }

    @Test func `The last versions are those that came last, also by a clock that was set back or stands still`() throws
    {
        try withRegistry { registry throws in
            let digests = try (1...6).map { try registry.push(sample($0), as: reference("a:live")).digest }
            // Away and back again: it is new then.
            try registry.remove(Reference(reference("a").repository, digest: digests[0]))
            try registry.tag(
                registry.push(sample(1), as: reference("b:x")).reference, as: reference("a:live"))
            func retired(_ count: Int) throws -> Set<Digest> {
                Set(
                    try registry.previewCollection(
                        CollectionRules(retention: .init(pattern: "a", keepLast: count))
                    ).retired.compactMap(\.digest))
            }
            for change in ["1000", "createdAt - 100000 * sequence"] {
                try registry.catalog.write { try $0.execute(sql: "UPDATE version SET createdAt = \(change)") }
                #expect(try retired(1) == Set(digests[1...5]))
                #expect(try retired(3) == Set(digests[1...3]))
                #expect(try retired(6).isEmpty)
            }
        }
    }

    @Test func `Pushes and collections at the same time lose nothing`() throws {
        try withTemporaryDirectory { folder throws in
            let failures = Failures()
            DispatchQueue.concurrentPerform(iterations: 6) { worker in
                failures.record {
                    let registry = try Registry(opening: "\(folder)/r")
                    for round in 0..<25 {
                        if worker < 2 {
                            _ = try registry.collect(now)
                        } else {
                            // The same few adapters come, go and come back.
                            let stored = try registry.push(
                                sample(UInt64(round % 3)), as: reference("w\(worker):v1"))
                            #expect(try registry.verify(stored.pinned).isEmpty)
                            if round % 2 == 0 { try registry.remove(reference("w\(worker):v1")) }
                        }
                    }
                    if worker >= 2 { _ = try registry.push(sample(1), as: reference("w\(worker):end")) }
                }
            }
            #expect(failures.all.isEmpty, "\(failures.all)")
            let registry = try Registry(opening: "\(folder)/r")
            #expect(try registry.list(ListQuery(tag: "end")).count == 4)
            #expect(try registry.check().filter(\.isDamage).isEmpty)
            #expect(try Directory.names(in: "\(folder)/r/tmp").isEmpty)
        }
    }
}

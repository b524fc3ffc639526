import AdapterFormat
import AdapterTesting
import Adapters
import FileSystem
import Foundation
import Integrity
import Tensors
import Testing

@testable import AdapterRegistry

@Suite struct RegistryPushTests {
    @Test func `What is pushed comes back value for value`() throws {
        try withRegistry { registry in
            let adapter = try SampleAdapters.everything(seed: 1)
            let stored = try registry.push(adapter, as: reference("team/all:v1"))
            let resolved = try registry.resolve(reference("team/all:v1"))
            #expect(resolved == stored)
            #expect(try registry.resolve(stored.pinned).digest == stored.digest)
            #expect(try InputFile(opening: stored.path).byteCount == stored.byteCount)
            #expect(stored.summary == AdapterSummary(adapter))
            #expect(stored.summary.labels == ["team": "search"])
            let back = try registry.open(reference("team/all:v1"))
            #expect(back.contentRoot == stored.contentRoot)
            #expect(back.adapter.modules.map(\.name) == adapter.modules.map(\.name))
            for (first, second) in zip(back.adapter.modules, adapter.modules) {
                #expect(try first.tensors.map { try $0.tensor.bytes() } == second.tensors.map { try $0.tensor.bytes() })
            }
            #expect(try registry.verify(reference("team/all:v1")).isEmpty)
        }
    }

    @Test func `The same file pushed again changes nothing`() throws {
        try withRegistry { registry in
            let first = try registry.push(sample(1), as: reference("a:v1"))
            let second = try registry.push(sample(1), as: reference("a:v1"))
            #expect(first == second)
            #expect(try registry.history(reference("a").repository).count == 1)
        }
    }

    @Test func `Another codec is another file of the same identity and moves the tag`() throws {
        try withRegistry { registry in
            let first = try registry.push(sample(1), as: reference("a:v1"), codec: .raw)
            let second = try registry.push(sample(1, message: "again"), as: reference("a:v1"), codec: .raw)
            #expect(first.digest != second.digest)
            #expect(first.contentRoot == second.contentRoot)
            #expect(second.tag?.generation == 2)
            #expect(try registry.resolve(first.pinned).digest == first.digest)
        }
    }

    @Test func `A push to a digest is refused before anything is written`() throws {
        try withRegistry { registry in
            let pinned = Reference(try RepositoryName(parsing: "a"), digest: SHA256.hash([1]))
            let error = #expect(throws: RegistryError.self) { try registry.push(sample(1), as: pinned) }
            #expect(error?.code == .wrongKind)
            #expect(try files(below: registry.directory + "/blobs").isEmpty)
        }
    }

    @Test func `Provenance that is known last becomes lineage`() throws {
        try withRegistry { registry in
            let parent = try registry.push(sample(1), as: reference("parent:v1"))
            var order: [String] = []
            let absent = SHA256.hash([9])
            let child = try registry.push(
                sample(2), as: reference("child:v1"),
                provenance: {
                    order.append("provenance")
                    return Provenance(
                        operation: "merge", toolVersion: "1",
                        parents: [
                            .init(digest: parent.digest, contentRoot: parent.contentRoot, weight: 0.7),
                            .init(digest: absent, contentRoot: absent, role: "base", weight: nil),
                        ], options: [:])
                }, progress: { _ in order.append("bytes") })
            #expect(order.last == "provenance" && order.first == "bytes")
            #expect(child.summary.operation == "merge")
            let parents = try registry.parents(of: child.digest)
            #expect(parents.map(\.digest) == [parent.digest, absent])
            #expect(parents.map(\.weight) == [0.7, nil])
            #expect(parents.map(\.role) == ["input", "base"])
            #expect(parents.map(\.isStored) == [true, false])
            #expect(parents.map(\.references) == [[try reference("parent:v1")], []])
            let children = try registry.children(of: parent.digest)
            #expect(children.map(\.digest) == [child.digest])
            #expect(children.first?.contentRoot == child.contentRoot)
            #expect(children.first?.operation == "merge")
            #expect(try registry.children(of: absent).map(\.digest) == [child.digest])
            #expect(try registry.parents(of: parent.digest).isEmpty)
            #expect(try registry.verifyAll().isEmpty)
        }
    }

    @Test func `An error while writing leaves no trace`() throws {
        struct Interrupted: Error {}
        try withRegistry { registry throws in
            #expect(throws: Interrupted.self) {
                try registry.push(sample(1), as: reference("a")) { throw Interrupted() }
            }
            #expect(try registry.list().isEmpty)
            #expect(try files(below: registry.directory + "/blobs").isEmpty)
            #expect(try files(below: registry.directory + "/tmp").isEmpty)
        }
    }

    @Test func `A file is stored byte for byte after it was verified`() throws {
        try withRegistry { registry in
            let path = "\(registry.directory)/../given.adpt"
            let written = try AdapterFileWriter.write(sample(5), toPath: path, codec: .raw)
            let stored = try registry.push(contentsOf: path, as: reference("a"))
            #expect(try stored.digest == AdapterFile(opening: path).digest())
            #expect(
                try InputFile.contents(of: stored.path, limit: 1 << 20) == InputFile.contents(of: path, limit: 1 << 20))
            for offset in stride(from: 0, to: written.byteCount, by: 97) {
                try flipByte(of: path, at: offset)
                #expect(throws: FormatError.self) { try registry.push(contentsOf: path, as: reference("b")) }
                try flipByte(of: path, at: offset)
            }
            #expect(try registry.list().count == 1)
            #expect(try files(below: registry.directory + "/tmp").isEmpty)
        }
    }

    @Test func `Cut off between file and transaction, the registry is as it was`() throws {
        try withRegistry { registry in
            _ = try registry.push(sample(1), as: reference("a:v1"))
            let output = try registry.blobs.makeTemporary()
            _ = try AdapterFileWriter.write(sample(2), to: output)
            let digest = try AdapterFile(opening: output.temporaryPath).digest()
            try registry.blobs.commit(output, as: digest)
            // Here the process ends. The next one finds an unknown file, which is no damage.
            let next = try Registry(opening: registry.directory)
            #expect(try next.verifyAll().isEmpty)
            #expect(try next.list().count == 1)
            #expect(try next.push(sample(2), as: reference("a:v2")).digest == digest)
        }
    }

    @Test func `Several connections push in parallel without losing anything`() throws {
        try withTemporaryDirectory { directory in
            let failures = Failures()
            DispatchQueue.concurrentPerform(iterations: 6) { worker in
                failures.record {
                    for round in 0..<15 {
                        let registry = try Registry(opening: directory, actor: "worker \(worker)")
                        let adapter = try sample(UInt64(worker * 100 + round))
                        _ = try registry.push(adapter, as: reference("own/\(worker):v\(round)"))
                        _ = try registry.push(adapter, as: reference("shared:latest"))
                        #expect(try registry.list(ListQuery(pattern: "own/\(worker)")).count == round + 1)
                    }
                }
            }
            #expect(failures.all.isEmpty)
            let registry = try Registry(opening: directory)
            #expect(try registry.list().count == 6 * 15 + 1)
            let events = try registry.history(RepositoryName(parsing: "shared"))
            #expect(events.map(\.generation) == Array((1...90).reversed()))
            // Each event begins where the one before ended.
            for (newer, older) in zip(events, events.dropFirst()) { #expect(newer.oldDigest == older.newDigest) }
            #expect(try registry.resolve(reference("shared")).digest == events.first?.newDigest)
            #expect(try registry.verifyAll().isEmpty)
        }
    }

    @Test func `Compare and swap lets exactly one of several win each round`() throws {
        try withTemporaryDirectory { directory in
            let first = try Registry(opening: directory).push(sample(0), as: reference("a"))
            let failures = Failures()
            DispatchQueue.concurrentPerform(iterations: 6) { worker in
                failures.record {
                    let registry = try Registry(opening: directory)
                    _ = try registry.push(
                        sample(UInt64(worker + 1)), as: reference("a"), expected: .digest(first.digest))
                }
            }
            #expect(failures.all.count == 5)
            #expect(failures.all.allSatisfy { $0.contains("Unable to move 'a:latest'") })
            #expect(try Registry(opening: directory).history(reference("a").repository).count == 2)
        }
    }
}

import AdapterFormat
import AdapterTesting
import Adapters
import FileSystem
import Foundation
import Integrity
import Testing

@testable import AdapterRegistry

/// Files that belong to adapters, as the checkpoints of a training run have them.
@Suite struct AttachmentTests {
    /// Pushes an adapter with an attached file.
    private func push(
        _ registry: Registry, _ name: String, _ seed: UInt64, keeping count: Int = 1, expected: ExpectedTag = .any
    ) throws -> StoredAdapter {
        let draft = try registry.makeAttachment { try $0.write(bytes(seed)) }
        return try registry.push(
            sample(seed), as: reference(name), expected: expected,
            attaching: AttachmentChange("state", draft: draft, keptCount: count))
    }

    private func bytes(_ seed: UInt64) -> [UInt8] { [UInt8](repeating: UInt8(truncatingIfNeeded: seed), count: 1000) }

    private func state(_ registry: Registry, _ stored: StoredAdapter) throws -> [UInt8]? {
        try registry.attachment("state", of: stored.digest).map { try InputFile.contents(of: $0.path, limit: 1 << 20) }
    }

    @Test func `An attached file is stored with its adapter, checked and backed up`() throws {
        try withTemporaryDirectory { folder throws in
            let registry = try Registry(opening: "\(folder)/r")
            let stored = try push(registry, "run:v1", 7)
            #expect(try state(registry, stored) == bytes(7))
            #expect(try registry.check().isEmpty)
            #expect(try registry.attachment("other", of: stored.digest) == nil)
            let attachment = try #require(try registry.attachment("state", of: stored.digest))
            #expect(attachment.digest == SHA256.hash(bytes(7)))
            #expect(attachment.byteCount == 1000)
            #expect(try registry.backUp(to: "\(folder)/b").fileCount == 2)
            let copy = try Registry(opening: "\(folder)/b")
            #expect(try copy.check().isEmpty)
            #expect(try state(copy, stored) == bytes(7))

            try flipByte(of: attachment.path, at: 500)
            #expect(try registry.verifyAll().map(\.kind) == [.damagedFile])
            // The backup shares the file unless it was replaced, as here.
            let report = try registry.repair(from: ["\(folder)/b"])
            #expect(report.findings.isEmpty, "\(report)")
            #expect(try state(registry, stored) == bytes(7))
            try Directory.remove(attachment.path)
            #expect(try registry.check().map(\.kind) == [.missingFile])
            #expect(try registry.repair(from: ["\(folder)/b"]).findings.isEmpty)
            #expect(try registry.check().isEmpty)
        }
    }

    @Test func `Attached files end with what they are kept for`() throws {
        try withRegistry { registry throws in
            let first = try push(registry, "run:v1", 1)
            let second = try push(registry, "run:v1", 2)
            // One of the tag's versions keeps its own: the file of the other is gone at once.
            #expect(try state(registry, first) == nil)
            #expect(try state(registry, second) == bytes(2))
            #expect(try registry.blobs.digests().count == 3)
            // What a tag stands at keeps its own in any case.
            try registry.tag(reference("run:v1"), as: reference("run:kept"))
            let third = try push(registry, "run:v1", 3)
            #expect(try state(registry, second) == bytes(2))
            let fourth = try push(registry, "run:v1", 4, keeping: 2)
            #expect(try [second, third, fourth].map { try state(registry, $0) } == [bytes(2), bytes(3), bytes(4)])
            // The end of a run needs none.
            _ = try registry.push(
                sample(5), as: reference("run:v1"), attaching: AttachmentChange("state", draft: nil, keptCount: 0))
            #expect(try [second, third, fourth].map { try state(registry, $0) } == [bytes(2), nil, nil])
            // Another tag's are another's.
            let other = try push(registry, "other:v1", 6)
            _ = try push(registry, "run:v1", 7)
            #expect(try state(registry, other) == bytes(6))
            #expect(try registry.check().isEmpty)
        }
    }

    @Test func `A push that is refused attaches nothing`() throws {
        try withRegistry { registry throws in
            let stored = try push(registry, "run:v1", 1)
            let error = #expect(throws: RegistryError.self) { try push(registry, "run:v1", 2, expected: .absent) }
            #expect(error?.code == .conflict)
            #expect(try state(registry, stored) == bytes(1))
            #expect(try registry.check().isEmpty)
            #expect(try files(below: "\(registry.directory)/tmp").isEmpty)
        }
    }

    @Test func `Collection leaves attached files while their adapters are needed, and takes both`() throws {
        try withRegistry { registry throws in
            let stored = try push(registry, "run:v1", 1)
            // The same bytes belong to two.
            let draft = try registry.makeAttachment { try $0.write(bytes(1)) }
            let twin = try registry.push(
                sample(2), as: reference("twin:v1"), attaching: AttachmentChange("state", draft: draft, keptCount: 1))
            let rules = CollectionRules(grace: .zero, retention: .init(keepLast: 0))
            #expect(try registry.collect(rules).files.isEmpty)
            try registry.remove(reference("run:v1"))
            #expect(try registry.previewCollection(rules).files.map(\.digest) == [stored.digest])
            #expect(try registry.collect(rules).files.map(\.digest) == [stored.digest])
            #expect(try state(registry, twin) == bytes(1))
            try registry.remove(reference("twin:v1"))
            let going = [twin.digest, SHA256.hash(bytes(1))]
            #expect(try registry.previewCollection(rules).files.map(\.digest) == going)
            #expect(try registry.collect(rules).files.map(\.digest) == going)
            #expect(try registry.blobs.digests().isEmpty)
            #expect(try registry.check().isEmpty)
        }
    }

    @Test func `An adapter may itself be attached to another`() throws {
        try withRegistry { registry throws in
            let adapter = try registry.push(sample(1), as: reference("a:v1"))
            let copy = try InputFile.contents(of: adapter.path, limit: 1 << 20)
            let draft = try registry.makeAttachment { try $0.write(copy) }
            let owner = try registry.push(
                sample(2), as: reference("b:v1"), attaching: AttachmentChange("state", draft: draft, keptCount: 1))
            #expect(try registry.attachment("state", of: owner.digest)?.digest == adapter.digest)
            try registry.remove(reference("b:v1"))
            #expect(try registry.collect(CollectionRules(grace: .zero)).files.map(\.digest) == [owner.digest])
            #expect(try registry.check().isEmpty)
            #expect(try registry.open(reference("a:v1")).contentRoot == adapter.contentRoot)
        }
    }
}

import AdapterFormat
import AdapterTesting
import Adapters
import FileSystem
import Integrity
import Testing

@testable import AdapterRegistry

@Suite struct RegistrySigningTests {
    private func sign(
        _ registry: Registry, _ text: String, _ key: SigningKey, expected: ExpectedTag = .any, message: String? = nil
    ) throws -> StoredAdapter {
        try registry.sign(reference(text), expected: expected, message: message) { contentRoot, existing in
            try key.addSignature(to: existing, of: contentRoot)
        }
    }

    private func expectCode(_ code: RegistryError.Code, _ body: () throws -> Void) {
        let error = #expect(throws: RegistryError.self, performing: body)
        #expect(error?.code == code)
    }

    @Test func `signing moves the tag, and keeps identity, notes, provenance and lineage`() throws {
        try withRegistry { registry in
            let parent = try registry.push(sample(1), as: reference("parent:v1"))
            let provenance = Provenance(
                operation: "merge", toolVersion: "1",
                parents: [.init(digest: parent.digest, contentRoot: parent.contentRoot, weight: 0.5)], options: [:])
            let before = try registry.push(
                sample(2, message: "hello", labels: ["a": "b"]), as: reference("team/x:v1"),
                provenance: { provenance })
            try registry.tag(reference("team/x:v1"), as: reference("team/x:old"))
            let key = try SigningKey(generating: .ed25519)
            let after = try sign(registry, "team/x:v1", key, message: "because")
            #expect(after.digest != before.digest)
            #expect(after.contentRoot == before.contentRoot)
            #expect(after.summary == before.summary)
            let file = try registry.open(reference("team/x:v1"))
            #expect(try file.provenance() == provenance)
            #expect(try file.signatures().map { $0.isValid(for: file.contentRoot, by: key.publicKey) } == [true])
            #expect(try registry.resolve(reference("team/x:old")).digest == before.digest)
            #expect(try registry.parents(of: after.digest).map(\.digest) == [parent.digest])
            let event = try #require(registry.history(reference("team/x").repository, tag: Tag(parsing: "v1")).first)
            #expect(event.operation == .sign)
            #expect(event.oldDigest == before.digest)
            #expect(event.newDigest == after.digest)
            #expect(event.message == "because")
            #expect(event.actor == "tester")
            #expect(try registry.verifyAll().isEmpty)
            #expect(try Directory.names(in: registry.directory + "/tmp").isEmpty)
        }
    }

    @Test func `a second key joins the first, and signing again changes nothing`() throws {
        try withRegistry { registry in
            _ = try registry.push(sample(1), as: reference("a:v1"))
            let keys = try [SigningKey(generating: .ed25519), SigningKey(generating: .p256)]
            let once = try sign(registry, "a:v1", keys[0])
            #expect(try sign(registry, "a:v1", keys[0]) == once)
            let twice = try sign(registry, "a:v1", keys[1])
            #expect(twice.digest != once.digest)
            #expect(try sign(registry, "a:v1", keys[1]) == twice)
            let signatures = try registry.open(twice).signatures()
            #expect(signatures.map(\.keyID) == keys.map(\.publicKey.id).sorted())
            #expect(try registry.history(reference("a").repository).map(\.operation) == [.sign, .sign, .push])
        }
    }

    @Test func `the same adapter signed by the same Ed25519 key is the same file anywhere`() throws {
        let key = try SigningKey(generating: .ed25519)
        let digests = try (0..<2).map { _ in
            try withRegistry { registry in
                _ = try registry.push(sample(1), as: reference("a:v1"))
                return try sign(registry, "a:v1", key).digest
            }
        }
        #expect(digests[0] == digests[1])
    }

    @Test func `what cannot be signed stays as it is`() throws {
        try withRegistry { registry in
            let stored = try registry.push(sample(1), as: reference("a:v1"))
            try registry.tag(reference("a:v1"), as: reference("a:fixed"), immutable: true)
            let other = try registry.push(sample(2), as: reference("b:v1"))
            let key = try SigningKey(generating: .ed25519)
            expectCode(.notFound) { _ = try sign(registry, "a:v2", key) }
            expectCode(.wrongKind) { _ = try sign(registry, "a@\(stored.digest)", key) }
            expectCode(.immutableTag) { _ = try sign(registry, "a:fixed", key) }
            expectCode(.conflict) { _ = try sign(registry, "a:v1", key, expected: .digest(other.digest)) }
            expectCode(.conflict) { _ = try sign(registry, "a:v1", key, expected: .absent) }
            let reader = try Registry(opening: registry.directory, mode: .readOnly)
            expectCode(.readOnly) { _ = try sign(reader, "a:v1", key) }
            #expect(try registry.resolve(reference("a:v1")).digest == stored.digest)
            #expect(try registry.resolve(reference("a:fixed")).digest == stored.digest)
            #expect(try registry.history(reference("a").repository).count == 2)
        }
    }

    @Test func `a tag that moves meanwhile is not overwritten`() throws {
        try withRegistry { registry in
            _ = try registry.push(sample(1), as: reference("a:v1"))
            let key = try SigningKey(generating: .ed25519)
            expectCode(.conflict) {
                _ = try registry.sign(reference("a:v1")) { contentRoot, existing in
                    // Somebody else pushes between the reading and the move.
                    _ = try registry.push(sample(2), as: reference("a:v1"))
                    return try key.addSignature(to: existing, of: contentRoot)
                }
            }
            let file = try registry.open(reference("a:v1"))
            #expect(try file.signatures().isEmpty)
            #expect(try registry.verifyAll().isEmpty)
        }
    }

    @Test func `a damaged file is not signed`() throws {
        try withRegistry { registry in
            let stored = try registry.push(sample(1), as: reference("a:v1"), codec: .raw)
            try flipByte(of: stored.path, at: stored.byteCount - 1)
            let key = try SigningKey(generating: .ed25519)
            let error = #expect(throws: FormatError.self) { try sign(registry, "a:v1", key) }
            #expect(error?.code == .digestMismatch)
            #expect(try registry.resolve(reference("a:v1")).digest == stored.digest)
            #expect(try Directory.names(in: registry.directory + "/tmp").isEmpty)
        }
    }

    @Test func `signatures are kept by a push that keeps the content root, and only then`() throws {
        try withRegistry { registry in
            _ = try registry.push(sample(1), as: reference("a:v1"))
            let key = try SigningKey(generating: .ed25519)
            let signed = try registry.open(sign(registry, "a:v1", key))
            var adapter = signed.adapter
            adapter.notes.message = "another message"
            let renoted = try registry.push(adapter, as: reference("a:v2"), codec: .raw, signedAs: signed)
            #expect(renoted.contentRoot == signed.contentRoot)
            #expect(try registry.open(renoted).signatures() == signed.signatures())
            adapter.base = BaseModel(name: "another/base")
            let rebased = try registry.push(adapter, as: reference("a:v3"), signedAs: signed)
            #expect(rebased.contentRoot != signed.contentRoot)
            #expect(try registry.open(rebased).signatures().isEmpty)
            #expect(try registry.verifyAll().isEmpty)
        }
    }
}

import AdapterFormat
import AdapterTesting
import Adapters
import FileSystem
import Integrity
import Testing

@testable import AdapterRegistry

@Suite struct StackTests {
    private func members(_ registry: Registry) throws -> [StackDocument.Member] {
        try [("a", 1), ("b", 2)].map { name, seed in
            let stored = try registry.push(sample(UInt64(seed)), as: reference(name))
            return StackDocument.Member(
                name: name, digest: stored.digest, contentRoot: stored.contentRoot, weight: Double(seed) / 2)
        }
    }

    @Test func `A stack has one digest, is listed, verified and kept with its members`() throws {
        try withRegistry { registry throws in
            let members = try members(registry)
            let stack = try StackDocument(members: members, base: BaseModel(name: "test/base"), message: "both")
            let stored = try registry.push(stack, as: reference("served:v1"))
            #expect(stored.kind == .stack)
            #expect(stored.digest == SHA256.hash(Array(stack.text.utf8)))
            #expect(try registry.stack(stored) == stack)
            #expect(try registry.push(stack, as: reference("served:v2")).digest == stored.digest)
            #expect(try registry.list(ListQuery(pattern: "served")).map(\.kind) == [.stack, .stack])
            #expect(try registry.check().isEmpty)
            let error = #expect(throws: RegistryError.self) { try registry.open(stored) }
            #expect(error?.code == .wrongKind)
            for name in ["a", "b"] { try registry.remove(reference(name)) }
            _ = try registry.collect(CollectionRules(grace: .zero, keepsParents: false))
            #expect(try registry.check().isEmpty)
            #expect(try registry.stored(members[0].digest, as: stored.reference).digest == members[0].digest)
            #expect(try registry.impact(of: members[0].contentRoot).map(\.description) == ["served:v1", "served:v2"])
            let lock = try registry.lock(["served:v1"])
            let entry = try #require(lock.entries.values.first)
            var checked: [Digest] = []
            let fault = try registry.fault(of: entry) { file in
                checked.append(file.contentRoot)
                return nil
            }
            #expect(fault == nil && checked == members.map(\.contentRoot))
            var other = entry
            other.contentRoot = SHA256.hash([7])
            #expect(try registry.fault(of: other) { _ in nil }?.kind == .changed)
            #expect(try registry.verify(reference("served:v1")).isEmpty)
            let path = registry.blobs.path(of: members[1].digest)
            let bytes = try InputFile.contents(of: path, limit: 1 << 20)
            try flipByte(of: path, at: 300)
            #expect(try registry.fault(of: entry) { _ in nil }?.kind == .damaged)
            #expect(try registry.verify(reference("served:v1")).map(\.kind) == [.damagedFile])
            try replace(path, with: bytes)
            try replace(stored.path, with: Array(stack.text.replacing("0.5", with: "0.6").utf8))
            #expect(try registry.check().map(\.kind) == [.damagedFile])
            #expect(throws: RegistryError.self) { try registry.stack(stored) }
        }
    }

    @Test func `A stack of what cannot be is refused`() throws {
        try withRegistry { registry throws in
            let members = try members(registry)
            func refused(_ change: (inout [StackDocument.Member]) -> Void) -> RegistryError.Code? {
                var changed = members
                change(&changed)
                return #expect(throws: RegistryError.self) { try StackDocument(members: changed, base: BaseModel()) }?
                    .code
            }
            #expect(refused { $0 = [] } == .invalidRecipe)
            #expect(refused { $0[1].name = "a" } == .invalidRecipe)
            #expect(refused { $0[1].name = "../x" } == .invalidRecipe)
            #expect(refused { $0[1].name = "" } == .invalidRecipe)
            #expect(refused { $0[0].weight = .infinity } == .invalidRecipe)
            var missing = members
            missing[0].digest = SHA256.hash([1])
            let stack = try StackDocument(members: missing, base: BaseModel())
            let error = #expect(throws: RegistryError.self) { try registry.push(stack, as: reference("s")) }
            #expect(error?.code == .notFound)
            #expect(try registry.list().count == 2)
        }
    }
}

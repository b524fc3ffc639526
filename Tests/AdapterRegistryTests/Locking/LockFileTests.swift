import AdapterTesting
import FileSystem
import GRDB
import Integrity
import Testing

@testable import AdapterRegistry

@Suite struct LockFileTests {
    private func withLock(_ body: (Registry, LockFile) throws -> Void) throws {
        try withRegistry { registry throws in
            for (seed, name) in ["team/a:v1", "team/b:v1", "other:v1"].enumerated() {
                _ = try registry.push(sample(UInt64(seed)), as: reference(name))
            }
            try body(registry, registry.lock(["team/*"]))
        }
    }

    private func faults(_ registry: Registry, _ lock: LockFile) throws -> [LockFault.Kind?] {
        try lock.entries.values.sorted { $0.reference.description < $1.reference.description }
            .map { try registry.fault(of: $0) { _ in nil }?.kind }
    }

    @Test func `A lock is text that reads back, and changes with what it says alone`() throws {
        try withLock { registry, lock throws in
            #expect(lock.entries.count == 2)
            #expect(try LockFile(parsing: Array(lock.text.utf8), named: "x") == lock)
            #expect(try registry.lock(["team/*"]).text == lock.text)
            #expect(try registry.lock(["team/b", "team/a:v1"]).entries == lock.entries)
            #expect(try faults(registry, lock) == [nil, nil])
            #expect(try registry.unlisted(by: lock).isEmpty)
            let lines = lock.text.split(separator: "\n")
            for entry in lock.entries.values {
                #expect(lines[lock.line(of: entry) - 1].contains(entry.reference.description))
            }
            #expect(throws: RegistryError.self) { try registry.lock(["nothing/*"]) }
            #expect(throws: RegistryError.self) { try registry.lock(["a b"]) }
        }
    }

    @Test func `Every edited, removed, repeated or swapped line is found`() throws {
        try withLock { _, lock throws in
            let lines = lock.text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
            var texts: [String] = []
            for index in 0..<(lines.count - 1) {
                var changed = lines
                changed.remove(at: index)
                texts.append(changed.joined(separator: "\n"))
                changed = lines
                changed.insert(lines[index], at: index)
                texts.append(changed.joined(separator: "\n"))
                for offset in lines[index].utf8.indices {
                    var bytes = Array(lines[index].utf8)
                    bytes[lines[index].utf8.distance(from: lines[index].startIndex, to: offset)] ^= 1
                    changed = lines
                    changed[index] = String(decoding: bytes, as: UTF8.self)
                    texts.append(changed.joined(separator: "\n"))
                }
            }
            texts += [lock.text + "\n", lock.text + "x", String(lock.text.dropLast()), "", "\n\n\n"]
            for text in texts {
                let error = #expect(throws: RegistryError.self, "\(text)") {
                    try LockFile(parsing: Array(text.utf8), named: "adapters.lock")
                }
                #expect(error?.code == .corrupt || error?.code == .invalidReference)
            }
        }
    }

    @Test func `Missing, moved, damaged and unlisted adapters are told apart, from the bytes on disk`() throws {
        try withLock { registry, lock throws in
            let a = try registry.resolve(reference("team/a:v1"))
            try flipByte(of: a.path, at: 200)
            #expect(try faults(registry, lock) == [.damaged, nil])
            try Directory.remove(a.path)
            #expect(try faults(registry, lock) == [.missing, nil])
            _ = try registry.push(sample(77), as: reference("team/b:v1"))
            #expect(try faults(registry, lock) == [.missing, .changed])
            try registry.untag(reference("team/a:v1"))
            #expect(try faults(registry, lock) == [.missing, .changed])
            try registry.tag(reference("team/b:v1"), as: reference("team/b:v2"))
            #expect(try registry.unlisted(by: lock).map(\.description) == ["team/b:v2"])
            let moved = try registry.resolve(reference("team/b:v1"))
            #expect(throws: RegistryError.self) { try lock.check(moved) }
            #expect(throws: RegistryError.self) { try lock.check(registry.resolve(reference("other:v1"))) }
        }
    }

    @Test func `What a lock says of the content is compared with the file, not with the catalog`() throws {
        try withLock { registry, lock throws in
            for entry in lock.entries.values {
                var other = entry
                other.contentRoot = SHA256.hash([7])
                #expect(try registry.fault(of: entry) { _ in nil } == nil)
                #expect(try registry.fault(of: other) { _ in nil }?.kind == .changed)
                #expect(try registry.fault(of: entry) { _ in LockFault(.unsigned, "so it is") }?.kind == .unsigned)
            }
        }
    }

    @Test func `A catalog that lies does not hide changed bytes`() throws {
        try withLock { registry, lock throws in
            let a = try registry.resolve(reference("team/a:v1"))
            let b = try registry.resolve(reference("team/b:v1"))
            try replace(a.path, with: InputFile.contents(of: b.path, limit: 1 << 20))
            try registry.catalog.write { database throws in
                try database.execute(
                    sql: "UPDATE adapter SET contentRoot = ? WHERE digest = ?",
                    arguments: [b.contentRoot.description, a.digest.description])
            }
            #expect(try faults(registry, lock) == [.damaged, nil])
        }
    }
}

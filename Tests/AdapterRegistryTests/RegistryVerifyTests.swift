import AdapterFormat
import AdapterTesting
import Adapters
import FileSystem
import GRDB
import Integrity
import Testing

@testable import AdapterRegistry

@Suite struct RegistryVerifyTests {
    @Test func `Every flipped byte of a stored file is found`() throws {
        try withRegistry { registry in
            let stored = try registry.push(sample(1), as: reference("a"), codec: .raw)
            for offset in stride(from: 0, to: stored.byteCount, by: 61) {
                try flipByte(of: stored.path, at: offset)
                let findings = try registry.verify(reference("a"))
                #expect(findings.map(\.kind) == [.damagedFile], "byte \(offset)")
                #expect(findings.first?.digest == stored.digest)
                try flipByte(of: stored.path, at: offset)
            }
            #expect(try registry.verify(reference("a")).isEmpty)
        }
    }

    @Test func `All damage is reported, not only the first`() throws {
        try withRegistry { registry in
            let missing = try registry.push(sample(1), as: reference("a:missing"))
            let short = try registry.push(sample(2), as: reference("a:short"))
            let swapped = try registry.push(sample(3), as: reference("a:swapped"))
            let fine = try registry.push(sample(4), as: reference("a:fine"))
            try Directory.remove(missing.path)
            try replace(short.path, with: Array(InputFile.contents(of: short.path, limit: 1 << 20).dropLast()))
            try replace(swapped.path, with: InputFile.contents(of: fine.path, limit: 1 << 20))
            var progress: [Int] = []
            let findings = try registry.verifyAll { verified, total in
                progress.append(verified)
                #expect(total == 4)
            }
            #expect(progress == [1, 2, 3, 4])
            let kinds = Dictionary(grouping: findings, by: \.digest).mapValues { $0.map(\.kind) }
            #expect(
                kinds == [missing.digest: [.missingFile], short.digest: [.damagedFile], swapped.digest: [.damagedFile]])
            #expect(findings.flatMap(\.references).count == 3)
            #expect(findings.allSatisfy { $0.message.contains("a:") })

            for reference in ["a:missing", "a:short", "a:swapped"] {
                let error = #expect(throws: RegistryError.self) { try registry.open(Reference(parsing: reference)) }
                #expect(error?.code == .damagedBlob)
            }
            // Pushing the same again heals.
            for seed in 1...3 { _ = try registry.push(sample(UInt64(seed)), as: reference("healed")) }
            #expect(try registry.verifyAll().isEmpty)
        }
    }

    @Test func `A whole file that is no adapter file is found`() throws {
        try withRegistry { registry in
            let bytes = Array("not an adapter".utf8)
            let digest = SHA256.hash(bytes)
            let output = try registry.blobs.makeTemporary()
            try output.write(bytes)
            let record = AdapterRecord(
                digest: digest, contentRoot: digest, byteCount: bytes.count, summary: AdapterSummary(try sample(1)))
            _ = try registry.store(output, record, as: reference("a"))
            #expect(try registry.verify(reference("a")).map(\.kind) == [.malformedFile])
        }
    }

    @Test(arguments: [
        "UPDATE adapter SET rankMaximum = 99",
        "UPDATE adapter SET contentRoot = 'sha256:' || substr(contentRoot, 9) || substr(contentRoot, 8, 1)",
        "UPDATE adapter SET baseName = 'other'", "UPDATE blob SET byteCount = byteCount + 1",
        "UPDATE lineage SET weight = 2.0", "DELETE FROM lineage", "DELETE FROM label", "UPDATE label SET value = 'x'",
        "DELETE FROM adapterTarget", "UPDATE adapter SET dtypes = 'bf16'",
    ])
    func `Rows that do not say what the file says are found`(_ statement: String) throws {
        try withRegistry { registry in
            let parent = SHA256.hash([1])
            _ = try registry.push(sample(1, labels: ["k": "v"]), as: reference("a")) {
                .init(
                    operation: "scale", toolVersion: "1",
                    parents: [.init(digest: parent, contentRoot: parent, weight: 0.5)], options: [:])
            }
            #expect(try registry.verifyAll().isEmpty)
            try registry.catalog.queue.write { try $0.execute(sql: statement) }
            #expect(try registry.verifyAll().map(\.kind) == [.catalogMismatch])
        }
    }

    @Test func `Tags that stand at nothing are found`() throws {
        try withRegistry { registry in
            let stored = try registry.push(sample(1), as: reference("a:v1"))
            try registry.catalog.queue.writeWithoutTransaction { database in
                try database.execute(sql: "PRAGMA foreign_keys = OFF")
                try database.execute(sql: "DELETE FROM adapter; PRAGMA foreign_keys = ON")
            }
            let findings = try registry.verifyAll()
            let kinds = Set(findings.map(\.kind))
            #expect(kinds == [.danglingReference, .damagedCatalog, .catalogMismatch])
            #expect(findings.contains { $0.kind == .danglingReference && $0.message.contains("'a:v1'") })
            #expect(findings.contains { $0.kind == .danglingReference && $0.digest == stored.digest })
        }
    }

    @Test func `A damaged page of the catalog is a finding, not an error`() throws {
        try withTemporaryDirectory { directory in
            do {
                let registry = try Registry(opening: directory)
                for seed in 0..<20 { _ = try registry.push(sample(UInt64(seed)), as: reference("a:v\(seed)")) }
            }
            let path = "\(directory)/catalog.sqlite"
            let whole = try InputFile.contents(of: path, limit: 1 << 24)
            let pageCount = whole.count / 4096
            #expect(pageCount > 20)
            for page in 1..<pageCount {
                var bytes = whole
                for index in 0..<4096 { bytes[page * 4096 + index] = 0xA5 }
                for name in ["\(path)-wal", "\(path)-shm"] { try Directory.remove(name) }
                try replace(path, with: bytes)
                do {
                    let findings = try Registry(opening: directory).verifyAll()
                    #expect(!findings.isEmpty, "page \(page)")
                    #expect(findings.allSatisfy { $0.kind != .damagedFile })
                } catch let error as RegistryError {
                    // The page is needed to open the catalog at all.
                    #expect(error.code == .corrupt, "page \(page): \(error.message)")
                }
            }
        }
    }
}

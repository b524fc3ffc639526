import AdapterFormat
import AdapterTesting
import Adapters
import FileSystem
import Glibc
import Testing

@testable import AdapterRegistry

/// Full and write-protected file systems; needs the right to mount one, and is skipped without it.
@Suite(.serialized, .enabled(if: MemoryFileSystem.isAvailable, "needs permission to mount a file system"))
struct FileSystemLimitsTests {
    @Test func `A registry on a read-only file system can be read but not written`() throws {
        try MemoryFileSystem.with(options: "size=16m") { mounted in
            let directory = "\(mounted.path)/registry"
            let adapter = try sample(1)
            do { _ = try Registry(opening: directory).push(adapter, as: reference("a:v1")) }
            try mounted.makeReadOnly()
            let error = #expect(throws: RegistryError.self) { try Registry(opening: directory) }
            #expect(error?.code == .readOnly)
            let registry = try Registry(opening: directory, mode: .readOnly)
            #expect(try registry.list().count == 1)
            #expect(try registry.verifyAll().isEmpty)
            #expect(try registry.open(reference("a:v1")).adapter.modules.count == 1)
            let refused = #expect(throws: RegistryError.self) { try registry.push(adapter, as: reference("b")) }
            #expect(refused?.code == .readOnly)
        }
    }

    @Test(arguments: [["-wal", "-shm"], ["-shm"], ["-wal"]])
    func `A read-only copy of the catalog without its companions can be read`(_ missing: [String]) throws {
        try MemoryFileSystem.with(options: "size=16m") { mounted in
            let directory = "\(mounted.path)/registry"
            do { _ = try Registry(opening: directory).push(sample(1), as: reference("a:v1")) }
            for suffix in missing { try Directory.remove("\(directory)/catalog.sqlite\(suffix)") }
            try mounted.makeReadOnly()
            let registry = try Registry(opening: directory, mode: .readOnly)
            #expect(try registry.list().count == 1)
        }
    }

    @Test func `Pages that wait in the log are seen on a read-only file system`() throws {
        try MemoryFileSystem.with(options: "size=16m") { mounted in
            let directory = "\(mounted.path)/registry"
            let copy = "\(mounted.path)/copy"
            try Directory.create(copy)
            do {
                let registry = try Registry(opening: directory)
                _ = try registry.push(sample(1), as: reference("a:v1"))
                // A copy taken while the registry is open, as a killed process leaves it.
                for name in ["catalog.sqlite", "catalog.sqlite-wal", "catalog.sqlite-shm"] {
                    let bytes = try InputFile.contents(of: "\(directory)/\(name)", limit: 1 << 24)
                    try replace("\(copy)/\(name)", with: bytes)
                }
            }
            #expect(try InputFile(opening: "\(copy)/catalog.sqlite-wal").byteCount > 0)
            try mounted.makeReadOnly()
            #expect(try Registry(opening: copy, mode: .readOnly).list().count == 1)
        }
    }

    @Test(arguments: [16, 64, 128, 160, 192, 256, 320, 448])
    func `A full disk is reported as one and leaves the registry as it was`(_ freeKibibytes: Int) throws {
        try MemoryFileSystem.with(options: "size=2m") { mounted in
            let directory = "\(mounted.path)/registry"
            do { _ = try Registry(opening: directory).push(sample(1), as: reference("a:v1")) }
            try mounted.fill(leaving: freeKibibytes * 1024)
            // A hundred pushes of 32 KiB each cannot fit.
            var pushed = 1
            let error = #expect(throws: RegistryError.self) {
                for seed in 2..<100 {
                    let registry = try Registry(opening: directory)
                    let large = try SampleAdapters.plain(seed: UInt64(seed), moduleCount: 1, size: 1000, rank: 4)
                    _ = try registry.push(large, as: reference("b:v\(seed)"))
                    pushed += 1
                }
            }
            #expect(error?.code == .noSpace, "\(error?.message ?? "")")
            try mounted.makeRoom()
            let registry = try Registry(opening: directory)
            #expect(try registry.list().count == pushed)
            #expect(try registry.verifyAll().isEmpty)
            #expect(try Directory.names(in: "\(directory)/tmp").isEmpty)
            _ = try registry.push(sample(3), as: reference("c"))
        }
    }
}

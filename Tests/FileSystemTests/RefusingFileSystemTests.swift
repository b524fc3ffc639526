import AdapterTesting
import FileSystem
import Foundation
import Glibc
import Testing

/// The ways in which a file system refuses, each in a process of its own: limits, users and mounts belong to a process.
struct RefusingFileSystemTests {
    @Test func `the limit of a file's size ends in noSpace and leaves nothing behind`() async throws {
        await #expect(processExitsWith: .success) {
            signal(SIGXFSZ, SIG_IGN)
            try withTemporaryDirectory { folder in
                var limit = rlimit(rlim_cur: 100_000, rlim_max: 100_000)
                try #require(setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) == 0)
                do {
                    let file = try OutputFile(in: folder)
                    try file.write([UInt8](repeating: 1, count: 99_999))
                    // Half of this fits, so the first call writes less than it was given.
                    let error = #expect(throws: FileSystemError.self) { try file.write([1, 2]) }
                    #expect(error?.code == .noSpace)
                }
                #expect(try Directory.names(in: folder) == [])
            }
        }
    }

    @Test(.enabled(if: RefusingFileSystemTests.canMount, "needs the right to mount a small tmpfs"))
    func `a full disk ends in noSpace and leaves nothing behind`() async throws {
        await #expect(processExitsWith: .success) {
            try RefusingFileSystemTests.enterDisk(flags: 0)
            try write([7], to: "result")
            do {
                let file = try OutputFile(beside: "result")
                let error = #expect(throws: FileSystemError.self) {
                    for _ in 0..<64 { try file.write([UInt8](repeating: 1, count: 4096)) }
                }
                #expect(error?.code == .noSpace)
                #expect(file.offset > 0)
            }
            #expect(try Directory.names(in: ".") == ["result"])
            #expect(try InputFile.contents(of: "result", limit: 1) == [7])
            // What was freed can be used again.
            try write([UInt8](repeating: 2, count: 8192), to: "result")
        }
    }

    @Test(.enabled(if: RefusingFileSystemTests.canMount, "needs the right to mount a small tmpfs"))
    func `a read-only disk ends in readOnly`() async throws {
        await #expect(processExitsWith: .success) {
            try RefusingFileSystemTests.enterDisk(flags: UInt(MS_RDONLY))
            for attempt in [
                { _ = try OutputFile(in: ".") }, { try Directory.create("new") },
                { _ = try OutputDirectory(creating: "new") }, { _ = try FileLock(waitingFor: "new") },
            ] as [() throws -> Void] {
                let error = #expect(throws: FileSystemError.self) { try attempt() }
                #expect(error?.code == .readOnly)
            }
            #expect(try Directory.names(in: ".") == [])
        }
    }

    @Test(.enabled(if: getuid() == 0, "only root can become another user"))
    func `another user's files end in permissionDenied`() async throws {
        let folder = NSTemporaryDirectory() + "/adapterctl-\(UUID().uuidString)"
        try Directory.create("\(folder)/closed")
        defer { try? Directory.remove(folder) }
        try write([1], to: "\(folder)/file")
        try #require(chmod("\(folder)/file", 0o600) == 0)
        try #require(chmod("\(folder)/closed", 0o700) == 0)
        try #require(chmod(folder, 0o755) == 0)
        await #expect(processExitsWith: .success) { [folder = folder as String] in
            try #require(setuid(65_534) == 0)
            let attempts: [() throws -> Void] = [
                { _ = try InputFile(opening: "\(folder)/file") }, { _ = try OutputFile(beside: "\(folder)/new") },
                { _ = try OutputFile(in: "\(folder)/closed") }, { try Directory.create("\(folder)/new") },
                { _ = try Directory.names(in: "\(folder)/closed") }, { try Directory.remove("\(folder)/file") },
                { _ = try OutputDirectory(creating: "\(folder)/new") },
                { _ = try OutputDirectory(creating: "\(folder)/closed") },
                { _ = try FileLock(waitingFor: "\(folder)/file") },
                { _ = try FileLock.isAbandoned("\(folder)/file") },
            ]
            for (index, attempt) in attempts.enumerated() {
                let error = #expect(throws: FileSystemError.self, "attempt \(index)") { try attempt() }
                #expect(error?.code == .permissionDenied, "attempt \(index)")
            }
        }
        #expect(try Directory.names(in: folder) == ["closed", "file"])
    }

    private static let canMount: Bool = {
        guard getuid() == 0 else { return false }
        return
            (try? withTemporaryDirectory { folder in
                mount("none", folder, "tmpfs", 0, "size=64k") == 0 && umount(folder) == 0
            }) == true
    }()

    /// Makes an empty disk of 64 KiB this process's current folder; it ends with the process.
    private static func enterDisk(flags: UInt) throws {
        try withTemporaryDirectory { folder in
            try #require(mount("none", folder, "tmpfs", flags, "size=64k") == 0)
            let entered = chdir(folder)
            // Taken out of the tree at once, so that nothing is left whatever happens.
            try #require(umount2(folder, Int32(MNT_DETACH)) == 0)
            try #require(entered == 0)
        }
    }
}

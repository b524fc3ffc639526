import AdapterTesting
import FileSystem
import Glibc

/// A small file system in memory, mounted for the time of a test.
struct MemoryFileSystem {
    let path: String

    static let isAvailable: Bool = {
        do {
            return try with(options: "size=64k") { Directory.kind(of: $0.path) == .directory }
        } catch {
            return false
        }
    }()

    static func with<Result>(options: String, _ body: (MemoryFileSystem) throws -> Result) throws -> Result {
        try withTemporaryDirectory { directory in
            let path = "\(directory)/mounted"
            try Directory.create(path)
            guard mount("none", path, "tmpfs", 0, options) == 0 else {
                throw FileSystemError(.permissionDenied, "Unable to mount '\(path)': errno \(errno).", path: path)
            }
            defer { umount2(path, Int32(MNT_DETACH)) }
            return try body(MemoryFileSystem(path: path))
        }
    }

    func makeReadOnly() throws {
        // A process that another test is just starting holds our files for a moment, until it executes its program.
        var attempts = 0
        while mount("none", path, "tmpfs", UInt(MS_REMOUNT) | UInt(MS_RDONLY), nil) != 0 {
            attempts += 1
            if errno == EBUSY, attempts < 500 {
                usleep(10_000)
                continue
            }
            throw FileSystemError(.ioFailure, "Unable to remount '\(path)': errno \(errno).", path: path)
        }
    }

    /// Fills the file system with one file until `byteCount` bytes are free.
    func fill(leaving byteCount: Int) throws {
        var status = statvfs()
        guard statvfs(path, &status) == 0 else { return }
        let free = Int(status.f_bavail) * Int(status.f_bsize) - byteCount
        try replace("\(path)/ballast", with: [UInt8](repeating: 1, count: max(0, free)))
    }

    func makeRoom() throws { try Directory.remove("\(path)/ballast") }
}

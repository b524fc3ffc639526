import Glibc

/// A file that grows over several openings, and over the end of the process that began it.
///
/// Whoever has it open holds its lock, so there is one writer at a time. What was written is there for the next opening;
/// what a power failure keeps of it is known only after ``synchronize()``.
package final class ResumableFile {
    private let descriptor: FileDescriptor
    /// The file's path.
    package let path: String
    /// How many bytes it has.
    package private(set) var byteCount: Int

    /// Opens a file, or creates it.
    ///
    /// - Throws: ``FileSystemError`` with code `locked` when somebody else has it open, `notFound`, `alreadyExists`.
    package init(at path: String, creating: Bool) throws {
        self.path = path
        descriptor = try FileDescriptor(
            opening: path, flags: creating ? O_RDWR | O_CREAT | O_EXCL : O_RDWR, mode: 0o600,
            verb: creating ? "create" : "open")
        guard try descriptor.lock(wait: false) else {
            throw FileSystemError(
                .locked, "Unable to continue '\(path)': somebody else is writing it. Wait for the other to finish.",
                path: path)
        }
        byteCount = Int(try descriptor.status().st_size)
    }

    /// Appends bytes; after a failure the file has some of them, and ``byteCount`` says how many.
    package func append(_ bytes: [UInt8]) throws {
        defer { byteCount = (try? descriptor.status()).map { Int($0.st_size) } ?? byteCount }
        try PositionedOutput(descriptor: descriptor, path: path).write(bytes, at: byteCount)
    }

    /// Copies bytes that were written.
    package func read(at offset: Int, count: Int) throws -> [UInt8] {
        try descriptor.read(at: offset, count: min(count, max(0, byteCount - offset)))
    }

    /// Makes everything written so far durable and the file readable for everybody.
    package func synchronize() throws {
        guard fchmod(descriptor.rawValue, 0o444) == 0 else { throw FileSystemError.systemCall("set the mode of", path) }
        try descriptor.synchronize()
    }
}

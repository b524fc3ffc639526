import Glibc

/// A regular file opened for reading by position.
///
/// Bytes are copied out with `pread(2)`: whoever verifies them owns them, so a file that is changed or cut short by
/// another process can end in an error but not in a fault or in unverified bytes. Only ``map(_:)`` gives that up.
public struct InputFile: Sendable {
    private let descriptor: FileDescriptor
    private let version: Version
    /// The file's length when it was opened, in bytes.
    public let byteCount: Int
    /// The file's permission bits when it was opened.
    public let mode: UInt32

    /// The path the file was opened with.
    public var path: String { descriptor.path }

    /// Opens a regular file.
    ///
    /// - Throws: ``FileSystemError`` with code `notFound`, `permissionDenied` or `wrongKind`.
    public init(opening path: String) throws {
        // O_NONBLOCK: opening a named pipe must not hang before its kind is known.
        descriptor = try FileDescriptor(opening: path, flags: O_RDONLY | O_NONBLOCK, verb: "open")
        let status = try descriptor.status()
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw FileSystemError(
                .wrongKind, "Unable to open '\(path)': it is not a regular file. Name a file.", path: path)
        }
        byteCount = Int(status.st_size)
        mode = UInt32(status.st_mode & 0o777)
        version = Version(status)
    }

    /// What changes when a file's content does. Not the time of its inode's change, which a new link or mode changes too.
    private struct Version: Hashable {
        let device: UInt64
        let inode: UInt64
        let byteCount: Int64
        let seconds: Int
        let nanoseconds: Int

        init(_ status: stat) {
            device = UInt64(status.st_dev)
            inode = UInt64(status.st_ino)
            byteCount = Int64(status.st_size)
            seconds = status.st_mtim.tv_sec
            nanoseconds = status.st_mtim.tv_nsec
        }
    }

    /// Checks that nobody has written to the file since it was opened: what was read from it in pieces is one content.
    ///
    /// - Throws: ``FileSystemError`` with code `changed`.
    public func checkUnchanged() throws {
        guard Version(try descriptor.status()) == version else { throw changed }
    }

    /// As ``checkUnchanged()``, and that the path still leads to the file.
    public func checkUnchangedAtPath() throws {
        try checkUnchanged()
        guard try InputFile(opening: path).version == version else { throw changed }
    }

    private var changed: FileSystemError {
        FileSystemError(
            .changed,
            "Unable to read '\(path)': it was changed while it was read. Wait until whoever writes it is done, and try "
                + "again.", path: path)
    }

    /// Copies `count` bytes from `offset` on.
    ///
    /// - Throws: ``FileSystemError`` with code `truncated` when the file ends earlier.
    public func read(at offset: Int, count: Int) throws -> [UInt8] {
        guard offset >= 0, count >= 0, offset <= byteCount, count <= byteCount - offset else {
            throw truncated("\(count) bytes from byte \(offset) on")
        }
        return try descriptor.read(at: offset, count: count)
    }

    /// Hands over a range of the file in order, in pieces of at most one mebibyte.
    ///
    /// - Throws: ``FileSystemError`` with code `truncated` when the file ends earlier, and what `body` throws.
    public func forEachPiece(in range: Range<Int>, _ body: ([UInt8]) throws -> Void) throws {
        guard range.lowerBound >= 0, range.upperBound <= byteCount else { throw truncated("bytes \(range)") }
        for start in stride(from: range.lowerBound, to: range.upperBound, by: 1 << 20) {
            try body(read(at: start, count: min(1 << 20, range.upperBound - start)))
        }
    }

    /// Maps a range of the file into memory instead of copying it, see ``MappedRegion``.
    ///
    /// - Throws: ``FileSystemError`` with code `truncated` when the file is shorter than the range.
    public func map(_ range: Range<Int>) throws -> MappedRegion {
        // The length now, not when the file was opened: touching a page beyond it would end the process.
        let byteCount = Int(try descriptor.status().st_size)
        guard range.lowerBound >= 0, range.upperBound <= byteCount else { throw truncated("bytes \(range)") }
        return try MappedRegion(mapping: descriptor, at: range.lowerBound, count: range.count)
    }

    /// The whole content of a small file.
    ///
    /// - Throws: ``FileSystemError`` with code `noSpace` when the file is larger than `limit` bytes.
    public static func contents(of path: String, limit: Int) throws -> [UInt8] {
        let file = try InputFile(opening: path)
        guard file.byteCount <= limit else {
            throw FileSystemError(
                .noSpace, "Unable to read '\(path)': it has \(file.byteCount) bytes, at most \(limit) are accepted.",
                path: path)
        }
        return try file.read(at: 0, count: file.byteCount)
    }

    private func truncated(_ expected: String) -> FileSystemError {
        FileSystemError(
            .truncated,
            "Unable to read '\(path)': \(expected) expected, the file has \(byteCount) bytes or fewer. "
                + "Fetch or write the file again.", path: path)
    }
}

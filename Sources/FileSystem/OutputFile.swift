import Glibc

/// A file under construction: it appears under its name complete and durable, or not at all.
///
/// Bytes go to a temporary file first. ``commit(as:mode:replacing:)`` flushes it, renames it and flushes the folder. A
/// file that is not committed is removed when it is released.
public final class OutputFile {
    private let descriptor: FileDescriptor
    private var isCommitted = false
    private var isDurable = false
    private let isKept: Bool
    /// Where the bytes are until the commit.
    public let temporaryPath: String
    /// How many bytes ``write(_:)`` has appended, gaps made by ``seek(to:)`` included.
    public private(set) var offset = 0

    /// Creates the temporary file in a folder of the file system on which the finished file will stand.
    public init(in folder: String) throws {
        isKept = false
        temporaryPath = "\(folder)/.\(uniqueSuffix())"
        // Nobody else may read what is not finished: it may become a private key.
        descriptor = try FileDescriptor(
            opening: temporaryPath, flags: O_RDWR | O_CREAT | O_EXCL, mode: 0o600, verb: "create")
        // The lock tells others that this temporary file has a living owner. Somebody who is just examining the file
        // holds it for a moment, so this waits.
        _ = try descriptor.lock(wait: true)
    }

    /// Goes on with a file that an earlier process has begun, or begins it. Unless it is committed or discarded it is
    /// kept, for the next process to go on with.
    ///
    /// - Throws: ``FileSystemError`` with code `locked` while another process works on it.
    public init(resuming path: String) throws {
        isKept = true
        temporaryPath = path
        descriptor = try FileDescriptor(
            opening: path, flags: O_RDWR | O_CREAT | O_NOFOLLOW, mode: 0o600, verb: "create")
        guard try descriptor.lock(wait: false) else {
            throw FileSystemError(
                .locked, "Unable to write '\(path)': another process is writing it. Wait for its end.", path: path)
        }
    }

    /// Creates the temporary file beside `path`.
    public convenience init(beside path: String) throws {
        try self.init(in: split(path).folder)
    }

    deinit {
        if !isCommitted, !isKept { unsafe unlink(temporaryPath) }
    }

    /// Appends bytes at the current offset.
    public func write(_ bytes: [UInt8]) throws {
        try write(bytes, at: offset)
        offset += bytes.count
    }

    /// Moves the offset of the next ``write(_:)``; bytes skipped read as zero.
    public func seek(to offset: Int) {
        self.offset = offset
    }

    /// Writes bytes at a position of their own without moving the offset.
    public func write(_ bytes: [UInt8], at position: Int) throws {
        try positioned.write(bytes, at: position)
    }

    /// The file for threads that each write bytes at positions of their own.
    public var positioned: PositionedOutput {
        isDurable = false
        return PositionedOutput(descriptor: descriptor, path: temporaryPath)
    }

    /// How many bytes the file has now.
    public func byteCount() throws -> Int { Int(try descriptor.status().st_size) }

    /// Makes the file that long; bytes that are added read as zero.
    public func resize(to byteCount: Int) throws {
        while ftruncate(descriptor.rawValue, off_t(byteCount)) != 0 {
            if errno != EINTR { throw FileSystemError.systemCall("resize", temporaryPath) }
        }
        isDurable = false
    }

    /// Removes the file, also one that would be kept.
    public func discard() { unsafe unlink(temporaryPath) }

    /// Copies bytes written earlier.
    ///
    /// - Throws: ``FileSystemError`` with code `truncated` when the file ends earlier.
    public func read(at position: Int, count: Int) throws -> [UInt8] {
        let byteCount = Int(try descriptor.status().st_size)
        guard position >= 0, count >= 0, position <= byteCount, count <= byteCount - position else {
            throw FileSystemError(
                .truncated,
                "Unable to read '\(temporaryPath)': \(count) bytes from byte \(position) on expected, \(byteCount) are "
                    + "written.", path: temporaryPath)
        }
        return try descriptor.read(at: position, count: count)
    }

    /// Makes everything written so far durable, so that a commit that follows takes no time.
    ///
    /// - Parameter mode: the permission bits of the finished file.
    public func makeDurable(mode: UInt32 = 0o644) throws {
        guard !isDurable else { return }
        guard fchmod(descriptor.rawValue, mode_t(mode)) == 0 else {
            throw FileSystemError.systemCall("set the mode of", temporaryPath)
        }
        try descriptor.synchronize()
        isDurable = true
    }

    /// Makes the file durable and lets it appear under `path`.
    ///
    /// - Parameters:
    ///   - mode: the permission bits of the finished file, unless ``makeDurable(mode:)`` has set them.
    ///   - replacing: whether it takes the place of what stands at `path`.
    /// - Throws: ``FileSystemError`` with code `alreadyExists` when it may not replace what stands there.
    public func commit(as path: String, mode: UInt32 = 0o644, replacing: Bool = true) throws {
        try makeDurable(mode: mode)
        if replacing {
            guard unsafe rename(temporaryPath, path) == 0 else { throw FileSystemError.systemCall("write", path) }
        } else {
            // A second name, which is refused where one exists; then the first goes.
            guard unsafe link(temporaryPath, path) == 0 else { throw FileSystemError.systemCall("write", path) }
            unsafe unlink(temporaryPath)
        }
        isCommitted = true
        try Directory.synchronize(split(path).folder)
    }
}

/// Writes to a file under construction from any thread; the ``OutputFile`` outlives it.
public struct PositionedOutput: Sendable {
    let descriptor: FileDescriptor
    let path: String

    /// Copies bytes written earlier.
    ///
    /// - Throws: ``FileSystemError`` with code `truncated` when the file ends earlier.
    public func read(at position: Int, count: Int) throws -> [UInt8] {
        try descriptor.read(at: position, count: count)
    }

    /// Writes bytes at a position.
    public func write(_ bytes: [UInt8], at position: Int) throws {
        var written = 0
        while written < bytes.count {
            let count = unsafe bytes.withUnsafeBytes { buffer in
                unsafe pwrite(
                    descriptor.rawValue, buffer.baseAddress?.advanced(by: written), buffer.count - written,
                    off_t(position + written))
            }
            if count >= 0 {
                written += count
            } else if errno != EINTR {
                throw FileSystemError.systemCall("write", path)
            }
        }
    }
}

/// The folder of a path and the name in it.
package func split(_ path: String) -> (folder: String, name: String) {
    // Bytes, not characters: a slash and a combining mark that a name starts with would be one character.
    let slash = UInt8(ascii: "/")
    var trimmed = Substring(path).utf8
    while trimmed.count > 1, trimmed.last == slash { trimmed.removeLast() }
    guard let last = trimmed.lastIndex(of: slash) else { return (".", String(Substring(trimmed))) }
    let folder = String(Substring(trimmed[..<last]))
    return (folder.isEmpty ? "/" : folder, String(Substring(trimmed[trimmed.index(after: last)...])))
}

/// A suffix that no other temporary file has: process and 64 random bits.
func uniqueSuffix() -> String {
    var generator = SystemRandomNumberGenerator()
    return "\(getpid())-\(String(generator.next() as UInt64, radix: 16)).tmp"
}

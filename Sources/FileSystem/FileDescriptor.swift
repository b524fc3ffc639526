import Glibc

/// An open file; closing it is the owner's `deinit`.
final class FileDescriptor: Sendable {
    let rawValue: Int32
    let path: String

    /// Opens a path with `open(2)`; interrupted calls are repeated.
    init(opening path: String, flags: Int32, mode: mode_t = 0o644, verb: String) throws {
        while true {
            let descriptor = unsafe open(path, flags | O_CLOEXEC, mode)
            if descriptor >= 0 {
                rawValue = descriptor
                self.path = path
                return
            }
            if errno != EINTR { throw FileSystemError.systemCall(verb, path) }
        }
    }

    deinit { close(rawValue) }

    /// What `fstat(2)` says of the file.
    func status() throws -> stat {
        var status = stat()
        guard unsafe fstat(rawValue, &status) == 0 else { throw FileSystemError.systemCall("examine", path) }
        return status
    }

    /// Makes everything written so far durable.
    func synchronize() throws {
        while fsync(rawValue) != 0 {
            if errno != EINTR { throw FileSystemError.systemCall("flush", path) }
        }
    }

    /// Takes the advisory lock of the whole file; false when another process holds it and `wait` is false.
    func lock(exclusive: Bool = true, wait: Bool) throws -> Bool {
        while flock(rawValue, (exclusive ? LOCK_EX : LOCK_SH) | (wait ? 0 : LOCK_NB)) != 0 {
            if errno == EWOULDBLOCK { return false }
            if errno != EINTR { throw FileSystemError.systemCall("lock", path) }
        }
        return true
    }

    /// Copies `count` bytes from `offset` on with `pread(2)`.
    ///
    /// - Throws: ``FileSystemError`` with code `truncated` when the file ends earlier.
    func read(at offset: Int, count: Int) throws -> [UInt8] {
        try unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            while initialized < count {
                let target = unsafe UnsafeMutableRawPointer(buffer.baseAddress)?.advanced(by: initialized)
                let read = unsafe pread(rawValue, target, count - initialized, off_t(offset + initialized))
                if read > 0 {
                    initialized += read
                } else if read == 0 {
                    throw FileSystemError(
                        .truncated,
                        "Unable to read '\(path)': it ended before byte \(offset + count). Fetch or write it again.",
                        path: path)
                } else if errno != EINTR {
                    throw FileSystemError.systemCall("read", path)
                }
            }
        }
    }
}

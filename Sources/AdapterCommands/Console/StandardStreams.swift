internal import FileSystem
internal import Glibc
internal import Synchronization

/// Buffered standard output whose failures are errors: a full disk must not look like success.
enum StandardOutput {
    private static let buffer = Mutex<[UInt8]>([])

    /// The columns of the terminal that it goes to, or what COLUMNS says; nil when it goes elsewhere.
    static let width: Int? = {
        if let columns = GlobalOptions.environment("COLUMNS").flatMap({ Int($0) }), columns > 0 { return columns }
        var size = winsize()
        guard isatty(STDOUT_FILENO) == 1, unsafe ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0
        else { return nil }
        return Int(size.ws_col)
    }()

    static func write(_ text: String) throws {
        let isFull = buffer.withLock { buffer in
            buffer += text.utf8
            return buffer.count >= 1 << 16
        }
        if isFull { try flush() }
    }

    static func flush() throws {
        let bytes = buffer.withLock { buffer in
            defer { buffer.removeAll() }
            return buffer
        }
        guard writeAll(bytes, to: STDOUT_FILENO) else {
            throw FileSystemError(
                errno == ENOSPC ? .noSpace : .ioFailure, "Unable to write to standard output (errno \(errno)).",
                path: "standard output")
        }
    }
}

/// Standard error, for everything that is not the answer.
enum StandardError {
    static var isTerminal: Bool { isatty(STDERR_FILENO) == 1 }

    static func write(_ text: String) {
        // Where standard error cannot be written there is nobody left to tell.
        _ = writeAll(Array(text.utf8), to: STDERR_FILENO)
    }
}

private func writeAll(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
    var written = 0
    while written < bytes.count {
        let count = unsafe bytes.withUnsafeBytes { buffer in
            unsafe Glibc.write(descriptor, buffer.baseAddress?.advanced(by: written), buffer.count - written)
        }
        if count >= 0 {
            written += count
        } else if errno != EINTR {
            return false
        }
    }
    return true
}

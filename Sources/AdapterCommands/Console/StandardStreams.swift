internal import FileSystem
internal import Glibc
internal import Synchronization

/// Buffered standard output whose failures are errors: a full disk must not look like success.
enum StandardOutput {
    private static let buffer = Mutex<[UInt8]>([])

    /// The columns of the terminal that it goes to, or what COLUMNS says; nil when it goes elsewhere.
    static let width: Int? = {
        if let columns = GlobalOptions.environment("COLUMNS").flatMap({ Int($0) }), columns > 0 { return columns }
        return terminalWidth(STDOUT_FILENO)
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
    /// Whether it goes to a terminal on which a line can be drawn again.
    static let canMoveCursor = isatty(STDERR_FILENO) == 1 && GlobalOptions.environment("TERM") != "dumb"

    /// The columns of the terminal now; people resize windows while they wait.
    static var width: Int? { terminalWidth(STDERR_FILENO) }

    /// Writes a sentence, broken at spaces on a terminal.
    static func say(_ text: String) { write(Wrapping.wrapped(text, width: width) + "\n") }

    static func write(_ text: String) {
        // Where standard error cannot be written there is nobody left to tell.
        _ = writeAll(Array(text.utf8), to: STDERR_FILENO)
    }
}

/// The columns of the terminal; nil when there is none or it does not tell.
private func terminalWidth(_ descriptor: Int32) -> Int? {
    var size = winsize()
    guard isatty(descriptor) == 1, unsafe ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else {
        return nil
    }
    return Int(size.ws_col)
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

import Glibc

/// An advisory lock on a file, held until it is released; the file is made when missing and never removed.
///
/// The kernel drops the lock when the process ends, however it ends.
public final class FileLock: Sendable {
    private let descriptor: FileDescriptor

    /// Takes the lock, waiting for other processes.
    public init(waitingFor path: String, exclusive: Bool = true) throws {
        descriptor = try FileDescriptor(opening: path, flags: O_RDWR | O_CREAT, verb: "lock")
        _ = try descriptor.lock(exclusive: exclusive, wait: true)
    }

    /// Whether nobody holds the lock of an existing file, so that its owner is gone.
    public static func isAbandoned(_ path: String) throws -> Bool {
        try FileDescriptor(opening: path, flags: O_RDWR, verb: "examine").lock(wait: false)
    }
}

import Glibc

/// Why a file or folder could not be read or written: one operation, one path, the system's reason.
public struct FileSystemError: Error, Sendable, CustomStringConvertible {
    /// What kind of fault it was; compare this, not the message.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        /// The code's stable name.
        public let description: String

        /// Nothing exists at the path.
        public static let notFound = Code(description: "notFound")
        /// Something exists at the path already.
        public static let alreadyExists = Code(description: "alreadyExists")
        /// The user may not do this.
        public static let permissionDenied = Code(description: "permissionDenied")
        /// The file system is mounted read-only.
        public static let readOnly = Code(description: "readOnly")
        /// The disk, the quota or the file size limit is exhausted.
        public static let noSpace = Code(description: "noSpace")
        /// The path is not the kind of thing that was expected (a folder, a regular file).
        public static let wrongKind = Code(description: "wrongKind")
        /// The file ended before the requested bytes: it is shorter than it was when it was opened.
        public static let truncated = Code(description: "truncated")
        /// Another process changed the file while it was read.
        public static let changed = Code(description: "changed")
        /// Another process holds the lock.
        public static let locked = Code(description: "locked")
        /// Any other failure of the system call.
        public static let ioFailure = Code(description: "ioFailure")
    }

    /// What kind of fault it was.
    public var code: Code
    /// The full sentence for a person.
    public var message: String
    /// The path that the operation was about.
    public var path: String

    /// Creates an error.
    public init(_ code: Code, _ message: String, path: String) {
        self.code = code
        self.message = message
        self.path = path
    }

    /// The message.
    public var description: String { message }

    /// The error of a system call that has just failed; reads `errno` unless it is given.
    package static func systemCall(_ verb: String, _ path: String, number: Int32 = errno) -> FileSystemError {
        func error(_ code: Code, _ reason: String) -> FileSystemError {
            FileSystemError(code, "Unable to \(verb) '\(path)': \(reason)", path: path)
        }
        switch number {
        case ENOENT: return error(.notFound, "no such file or folder. Check the path.")
        case ENOTDIR: return error(.wrongKind, "a part of the path is not a folder. Check the path.")
        case EISDIR: return error(.wrongKind, "it is a folder, a file is expected.")
        case EEXIST, ENOTEMPTY: return error(.alreadyExists, "it exists already. Remove it or choose another path.")
        case EACCES, EPERM:
            return error(.permissionDenied, "permission denied. Check the owner and the mode of the path.")
        case EROFS: return error(.readOnly, "the file system is read-only. Choose a path that can be written.")
        case ENOSPC, EDQUOT, EFBIG:
            return error(
                .noSpace, "\(systemText(number)). Free some space or choose another disk; nothing was changed.")
        default: return error(.ioFailure, "\(systemText(number)) (errno \(number)).")
        }
    }

    private static func systemText(_ number: Int32) -> String {
        var buffer = [CChar](repeating: 0, count: 256)
        guard unsafe strerror_r(number, &buffer, buffer.count) == 0 else { return "system error" }
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

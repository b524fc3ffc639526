import FileSystem
import Integrity
import Synchronization

/// A file that an OCI client is sending, over any number of requests.
///
/// The bytes stand in the registry's folder as they come, so that the upload goes on after the server was killed. One
/// at a time may have it open.
public final class BlobUpload: Sendable {
    private struct State: ~Copyable {
        let file: ResumableFile
        /// Over the bytes so far, unless they came before this opening.
        var hasher = SHA256()
        var hashedCount = 0
    }

    /// The upload's name, a random UUID.
    public let id: String
    /// Where the blob shall be.
    public let repository: RepositoryName
    private let state: Mutex<State>
    let path: String

    init(id: String, repository: RepositoryName, path: String, creating: Bool) throws {
        self.id = id
        self.repository = repository
        self.path = path
        let file = try ResumableFile(at: path, creating: creating)
        state = Mutex(State(file: file))
    }

    /// How many bytes have come.
    public var byteCount: Int { state.withLock { $0.file.byteCount } }

    /// Appends bytes.
    ///
    /// - Throws: `FileSystemError` with code `noSpace` or `ioFailure`; some of the bytes may have been kept.
    public func append(_ bytes: [UInt8]) throws {
        try state.withLock { state in
            let isHashed = state.hashedCount == state.file.byteCount
            try state.file.append(bytes)
            guard isHashed else { return }
            state.hasher.update(bytes)
            state.hashedCount += bytes.count
        }
    }

    /// Makes the bytes durable and returns their digest.
    ///
    /// - Complexity: reads the file when a part of it came before this opening.
    func finish() throws -> (digest: Digest, byteCount: Int) {
        try state.withLock { state in
            try state.file.synchronize()
            let byteCount = state.file.byteCount
            if state.hashedCount == byteCount {
                var hasher = SHA256()
                swap(&hasher, &state.hasher)
                state.hashedCount = 0
                return (hasher.finalize(), byteCount)
            }
            var hasher = SHA256()
            for start in stride(from: 0, to: byteCount, by: 1 << 20) {
                hasher.update(try state.file.read(at: start, count: 1 << 20))
            }
            return (hasher.finalize(), byteCount)
        }
    }

    /// The SHA-512 of the bytes as OCI spells it.
    ///
    /// - Complexity: reads the file.
    func sha512() throws -> String {
        try state.withLock { state in
            var hasher = SHA512()
            for start in stride(from: 0, to: state.file.byteCount, by: 1 << 20) {
                hasher.update(try state.file.read(at: start, count: 1 << 20))
            }
            let digits = Array("0123456789abcdef".utf8)
            let text = hasher.finalize().flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
            return "sha512:" + String(decoding: text, as: UTF8.self)
        }
    }
}

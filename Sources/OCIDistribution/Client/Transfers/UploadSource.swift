internal import FileSystem
internal import Synchronization

/// The bytes of a blob as an upload reads them: hashed on the way, so that no upload is completed with other bytes than
/// it was announced with, and nothing waits until they have been hashed.
final class UploadSource: Sendable {
    private struct Hashing: ~Copyable {
        var hasher: ContentHasher
        var byteCount = 0
        /// The digest of all bytes, once it is known.
        var digest: ContentDigest?
    }

    private static let pieceByteCount = 1 << 20

    let content: BlobContent
    private let digest: ContentDigest
    private let hashing: Mutex<Hashing>

    init(_ content: BlobContent, _ digest: ContentDigest) {
        self.content = content
        self.digest = digest
        hashing = Mutex(Hashing(hasher: ContentHasher(digest.algorithm)))
    }

    /// The bytes from `offset` on.
    func read(at offset: Int, count: Int) throws -> [UInt8] {
        let piece = try content.read(at: offset, count: count)
        hashing.withLock { hashing in
            // What is sent again after a break has been hashed.
            guard offset <= hashing.byteCount, hashing.byteCount < offset + count else { return }
            hashing.hasher.update(piece[(hashing.byteCount - offset)...])
            hashing.byteCount = offset + count
        }
        return piece
    }

    /// Hashes what is not going to be sent: an earlier process has.
    func hash(upTo end: Int) throws {
        while true {
            let start = hashing.withLock { $0.byteCount }
            guard start < end else { return }
            _ = try read(at: start, count: min(UploadSource.pieceByteCount, end - start))
        }
    }

    /// Checks that the bytes have the digest that they are announced with.
    ///
    /// - Throws: ``OCIError`` with code `digestMismatch`; `FileSystemError`.
    func verify() throws {
        try hash(upTo: content.byteCount)
        // Some may have been read twice; what was hashed must be what was sent.
        if case .file(let file) = content { try file.checkUnchanged() }
        let actual = hashing.withLock { hashing in
            if let known = hashing.digest { return known }
            var finished = ContentHasher()
            swap(&finished, &hashing.hasher)
            let actual = finished.finalize()
            hashing.digest = actual
            return actual
        }
        guard actual == digest else {
            throw OCIError(
                .digestMismatch,
                "Unable to upload \(digest): \(content.name) has the digest \(actual), so nothing is stored. It was changed "
                    + "or damaged; push or pull the adapter again, which replaces it.")
        }
    }
}

import FileSystem
import Integrity

/// Files named after the SHA-256 of their bytes: `blobs/sha256/ab/<64 hexadecimal digits>`.
///
/// A file is written under `tmp/` and moved to its name when it is complete and durable, so a name never stands for
/// half a file, and a crash leaves at most a temporary file or a blob that the catalog does not know.
struct BlobStore: Sendable {
    /// The registry's folder.
    let directory: String

    private var blobFolder: String { "\(directory)/blobs/sha256" }
    private var temporaryFolder: String { "\(directory)/tmp" }
    private var lockPath: String { "\(directory)/lock" }

    /// Where the blob of a digest is or would be.
    func path(of digest: Digest) -> String {
        let name = digest.hexadecimal
        return "\(blobFolder)/\(name.prefix(2))/\(name)"
    }

    /// Makes the folders.
    func create() throws {
        try Directory.create(blobFolder)
        try Directory.create(temporaryFolder)
    }

    /// Whether any blob has ever been stored.
    func isEmpty() throws -> Bool {
        guard Directory.kind(of: blobFolder) != nil else { return true }
        return try Directory.names(in: blobFolder).isEmpty
    }

    /// A new temporary file; its lock tells others that its owner lives.
    func makeTemporary() throws -> OutputFile {
        // Between creating and locking the file it looks abandoned. Nobody looks while this lock is held.
        let lock = try FileLock(waitingFor: lockPath, exclusive: false)
        return try withExtendedLifetime(lock) { try OutputFile(in: temporaryFolder) }
    }

    /// Makes a file durable and moves it to its digest's name. A blob that is there already is replaced by the same
    /// bytes, which heals one that was damaged.
    func commit(_ file: OutputFile, as digest: Digest) throws {
        let path = path(of: digest)
        try Directory.create("\(blobFolder)/\(digest.hexadecimal.prefix(2))")
        try file.commit(as: path, mode: 0o444)
    }

    /// Removes temporary files whose owners ended without removing them.
    func removeAbandonedTemporaries() throws {
        guard try !Directory.names(in: temporaryFolder).isEmpty else { return }
        // Whoever creates a file holds this lock until the file's own is taken: a file whose lock is free is abandoned.
        let lock = try FileLock(waitingFor: lockPath, exclusive: true)
        try withExtendedLifetime(lock) {
            for name in try Directory.names(in: temporaryFolder) {
                let path = "\(temporaryFolder)/\(name)"
                do {
                    if try FileLock.isAbandoned(path) { try Directory.remove(path) }
                } catch let error as FileSystemError where [.notFound, .permissionDenied].contains(error.code) {
                    // Committed or removed in the meantime, or another user's.
                    continue
                }
            }
        }
    }

    /// The SHA-256 of the bytes that are stored under a digest's name.
    ///
    /// - Complexity: reads the whole file.
    func digestOfBytes(storedAs digest: Digest) throws -> Digest {
        let file = try InputFile(opening: path(of: digest))
        var hasher = SHA256()
        try file.forEachPiece(in: 0..<file.byteCount) { hasher.update($0) }
        return hasher.finalize()
    }
}

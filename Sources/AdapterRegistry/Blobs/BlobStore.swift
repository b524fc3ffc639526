import AdapterFormat
import FileSystem
import Integrity
import Tensors

/// Files named after the SHA-256 of their bytes: `blobs/sha256/ab/<64 hexadecimal digits>`.
///
/// A file is written under `tmp/` and moved to its name when it is complete and durable, so a name never stands for
/// half a file, and a crash leaves at most a temporary file or a blob that the catalog does not know.
///
/// Blobs come and go only inside a write transaction of the catalog. So the collection of unused files never meets a
/// push half way: what it finds without a row has none, and gets none until it has gone.
struct BlobStore: Sendable {
    /// The registry's folder.
    let directory: String

    var blobFolder: String { "\(directory)/blobs/sha256" }
    private var temporaryFolder: String { "\(directory)/tmp" }
    private var trashFolder: String { "\(directory)/trash" }
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
        guard try Directory.examine(blobFolder) != nil else { return true }
        return try Directory.names(in: blobFolder).isEmpty
    }

    /// A new temporary file; its lock tells others that its owner lives.
    func makeTemporary() throws -> OutputFile {
        // Between creating and locking the file it looks abandoned. Nobody looks while this lock is held.
        let lock = try FileLock(waitingFor: lockPath, exclusive: false)
        return try withExtendedLifetime(lock) { try OutputFile(in: temporaryFolder) }
    }

    /// The digest of a complete file, computed while the disk makes it durable.
    func digest(_ file: AdapterFile, of output: OutputFile) throws -> Digest {
        try Concurrent.both {
            try file.digest()
        } _: {
            try output.makeDurable(mode: 0o444)
        }.0
    }

    /// Makes a file durable, so that ``commit(_:as:)`` has little left to do.
    func prepare(_ file: OutputFile, as digest: Digest) throws {
        try Directory.create("\(blobFolder)/\(digest.hexadecimal.prefix(2))")
        try file.makeDurable(mode: 0o444)
    }

    /// Moves a file, made durable first, to its digest's name. A blob that is there already is replaced by the same bytes, which
    /// heals one that was damaged. To be called inside a write transaction of the catalog.
    func commit(_ file: OutputFile, as digest: Digest) throws {
        try Directory.create(split(path(of: digest)).folder)
        try file.commit(as: path(of: digest), mode: 0o444)
    }

    /// Every blob that is there, ascending, whatever the catalog says; other files under `blobs/` are left out.
    func digests() throws -> [Digest] {
        guard try Directory.examine(blobFolder) != nil else { return [] }
        var digests: [Digest] = []
        for folder in try Directory.names(in: blobFolder) where folder.utf8.count == 2 {
            for name in try Directory.names(in: "\(blobFolder)/\(folder)") where name.hasPrefix(folder) {
                if let digest = Digest(hexadecimal: name) { digests.append(digest) }
            }
        }
        return digests
    }

    /// Takes a blob away: it is moved to `trash/`, and gone for good with ``emptyTrash()``. To be called inside a
    /// write transaction of the catalog; false when there is no such blob.
    func discard(_ digest: Digest) throws -> Bool {
        try Directory.create(trashFolder)
        return try Directory.move(path(of: digest), to: "\(trashFolder)/\(digest.hexadecimal)")
    }

    /// Removes discarded files.
    func emptyTrash() throws {
        guard try Directory.examine(trashFolder) != nil else { return }
        for name in try Directory.names(in: trashFolder) { try Directory.remove("\(trashFolder)/\(name)") }
    }

    /// Whether the process that made a temporary file still holds it.
    func isOwned(temporary name: String) throws -> Bool {
        do {
            return try !FileLock.isAbandoned("\(temporaryFolder)/\(name)")
        } catch let error as FileSystemError where error.code == .notFound {
            return false
        } catch let error as FileSystemError where error.code == .permissionDenied {
            // Another user's: what cannot be told is left alone.
            return true
        }
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

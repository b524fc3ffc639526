import FileSystem
import GRDB
public import Integrity

/// What a backup holds.
public struct BackupReport: Hashable, Sendable {
    /// Where it is.
    public let path: String
    /// How many stored files it holds.
    public let fileCount: Int
    /// Their length in bytes.
    public let byteCount: Int
    /// Files that the catalog knows and the registry lacks, so that the backup lacks them too.
    public let missing: [Digest]
}

extension Registry {
    /// Copies the registry to a folder, which is itself a registry; others may go on working meanwhile.
    ///
    /// The catalog is copied by SQLite, as of one moment; stored files, which never change, are linked, or copied where
    /// the folder is on another file system. The folder appears complete or not at all. What a killed backup leaves,
    /// `PATH.partial`, the next one to the same place removes.
    ///
    /// - Parameter progress: told how many files of how many are there.
    /// - Throws: ``RegistryError`` with code `conflict` when something stands at the path, or when another backup is
    ///   writing there; `noSpace`, `readOnly`, `ioFailure`.
    public func backUp(to path: String, progress: ((_ done: Int, _ total: Int) -> Void)? = nil) throws -> BackupReport {
        var path = path
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        let partial = path + ".partial"
        do {
            guard try Directory.kind(of: path) == nil || Directory.names(in: path).isEmpty else {
                throw RegistryError(
                    .conflict,
                    "Unable to back up to '\(path)': something stands there. Name a folder that does not exist.")
            }
            let lock = try claim(partial)
            return try withExtendedLifetime(lock) {
                do {
                    let report = try fill(partial, for: path, progress)
                    guard try Directory.move(partial, to: path) else {
                        throw FileSystemError.systemCall("write", path)
                    }
                    try Directory.synchronize(split(path).folder)
                    return report
                } catch {
                    // The first error is the one to tell of.
                    try? Directory.remove(partial)
                    throw error
                }
            }
        } catch let error as FileSystemError {
            throw RegistryError(error, "back up to", path)
        }
    }

    /// Makes the folder for a backup, in place of one that a killed backup has left.
    private func claim(_ partial: String) throws -> FileLock {
        let lockPath = partial + "/lock"
        if Directory.kind(of: partial) != nil {
            guard try Directory.kind(of: lockPath) == nil || FileLock.isAbandoned(lockPath) else {
                throw RegistryError(
                    .conflict,
                    "Unable to back up to '\(partial)': another backup is writing there. Wait for it or name another "
                        + "folder.")
            }
            try Directory.remove(partial)
        }
        try Directory.create(partial)
        return try FileLock(waitingFor: lockPath, exclusive: true)
    }

    private func fill(
        _ partial: String, for path: String, _ progress: ((Int, Int) -> Void)?
    ) throws -> BackupReport {
        // No collection may take files away between the copy of the catalog and the last link.
        let collection =
            mode == .readWrite ? try FileLock(waitingFor: collectionLockPath, exclusive: false) : nil
        return try withExtendedLifetime(collection) {
            let copy = "\(partial)/catalog.sqlite"
            let digests = try RegistryError.translating("back up", directory) { () throws -> [Digest] in
                let target = try DatabaseQueue(path: copy.hasPrefix("/") ? copy : "./" + copy)
                try catalog.queue.backup(to: target)
                let digests = try target.write { database in
                    // Leases are of processes that know nothing of the copy.
                    try database.execute(sql: "DELETE FROM lease")
                    return try Catalog.blobDigests(in: database)
                }
                try target.close()
                return digests
            }
            let store = BlobStore(directory: partial)
            try store.create()
            var byteCount = 0
            var missing: [Digest] = []
            for (index, digest) in digests.enumerated() {
                let source = blobs.path(of: digest)
                let target = store.path(of: digest)
                if let status = try Directory.examine(source) {
                    try Directory.create(split(target).folder)
                    try Directory.link(source, to: target)
                    byteCount += status.byteCount
                } else {
                    missing.append(digest)
                }
                progress?(index + 1, digests.count)
            }
            try linkPackageFiles(into: partial)
            for folder in try Directory.names(in: store.blobFolder) {
                try Directory.synchronize("\(store.blobFolder)/\(folder)")
            }
            try Directory.synchronizeFile(copy)
            try Directory.synchronize(partial)
            return BackupReport(
                path: path, fileCount: digests.count - missing.count, byteCount: byteCount, missing: missing)
        }
    }
}

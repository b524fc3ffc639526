public import AdapterFormat
public import FileSystem
import GRDB
public import Integrity
import Tensors

// Adapters that come from other registries.
extension Registry {
    /// Unfinished transfers are forgotten after this time.
    private static let transferMilliseconds: Int64 = 7 * 86_400_000

    /// The folder for unfinished transfers: what is there when a process ends early is what the next goes on with.
    ///
    /// What nobody has gone on with for a week is removed.
    public func transferFolder() throws -> String {
        try writing("receive in the registry") {
            let folder = "\(directory)/transfers"
            try Directory.create(folder)
            let oldest = Timestamp.now().milliseconds - Registry.transferMilliseconds
            for name in try Directory.names(in: folder) {
                let path = "\(folder)/\(name)"
                guard let changed = Directory.modificationMilliseconds(of: path), changed < oldest,
                    try Directory.kind(of: path) == .directory || FileLock.isAbandoned(path)
                else { continue }
                try Directory.remove(path)
            }
            return folder
        }
    }

    /// Sets a tag to a file that is stored already, whichever repository has it; nil when it is not stored.
    ///
    /// - Throws: ``RegistryError`` as a push.
    public func adopt(
        _ digest: Digest, as reference: Reference, expected: ExpectedTag = .any, message: String? = nil
    ) throws -> StoredAdapter? {
        let tag = try tag(of: reference, verb: "pull to")
        let change = Catalog.Change(operation: .push, actor: actor, message: message)
        return try catalog.write { database in
            guard let stored = try Catalog.stored(digest, as: reference, blobs: blobs, in: database),
                (try? InputFile(opening: stored.path))?.byteCount == stored.byteCount
            else { return nil }
            let repository = try Catalog.addVersion(reference.repository, digest, at: change.date, in: database)
            try Catalog.move(
                reference, tag, to: digest, repository: repository, expected: expected, makeImmutable: false, change,
                in: database)
            return try Catalog.resolve(reference, blobs: blobs, in: database)
        }
    }

    /// Stores an adapter file that has arrived, after verifying it, and sets a tag to it.
    ///
    /// - Parameters:
    ///   - output: the file, in ``transferFolder()``.
    ///   - digest: the SHA-256 of its bytes, which the caller has computed.
    ///   - verification: what was verified while the file arrived, and is not read again.
    ///   - progress: called with the number of bytes examined since the last call; their sum is the file's length.
    /// - Throws: ``RegistryError`` as a push; `FormatError` when the file is not a valid adapter file.
    /// - Complexity: reads and decodes what is not verified yet.
    public func receive(
        _ output: OutputFile, digest: Digest, verification: PartVerification? = nil, as reference: Reference,
        expected: ExpectedTag = .any,
        message: String? = nil, progress: ((Int) -> Void)? = nil
    ) throws -> StoredAdapter {
        try writing("receive in the registry") {
            let file = try AdapterFile(opening: output.temporaryPath, limits: limits)
            _ = try Concurrent.both {
                try file.verifyContent(arrived: verification, progress)
            } _: {
                try output.makeDurable(mode: 0o444)
            }
            return try store(
                output, try AdapterRecord(file, digest: digest), as: reference, expected: expected, message: message)
        }
    }
}

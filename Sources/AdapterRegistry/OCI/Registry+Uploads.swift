import FileSystem
import GRDB
import Integrity

// Blobs that OCI clients send. Nothing is stored under a digest before the bytes have it.
extension Registry {
    /// The files of packages; adapters' own files are in ``blobs``.
    var packageStore: BlobStore { BlobStore(directory: "\(directory)/oci") }

    var uploadFolder: String { "\(directory)/oci/uploads" }

    /// Where an upload's bytes come together: its repository is in the path, so no other can go on with it, and no row
    /// is needed. No part of a repository's name begins like the file's.
    private func path(ofUpload id: String, to repository: RepositoryName) -> String {
        "\(uploadFolder)/\(repository)/_\(id)"
    }

    /// The same registry on behalf of somebody else, for the history.
    public func acting(as actor: String) -> Registry { Registry(self, actor: actor) }

    private init(_ other: Registry, actor: String) {
        directory = other.directory
        mode = other.mode
        limits = other.limits
        blobs = other.blobs
        catalog = other.catalog
        self.actor = actor
    }

    /// Begins an upload.
    ///
    /// - Parameter id: its name, a UUID that nobody has used.
    /// - Throws: ``RegistryError`` with code `readOnly`, `noSpace` or `ioFailure`.
    public func startUpload(_ id: String, to repository: RepositoryName) throws -> BlobUpload {
        try writing("upload to the registry") {
            let path = path(ofUpload: id, to: repository)
            try Directory.create(split(path).folder)
            return try BlobUpload(id: id, repository: repository, path: path, creating: true)
        }
    }

    /// Opens an upload that was begun earlier, perhaps by a server that has ended; nil when there is none in the
    /// repository.
    ///
    /// - Parameter id: a UUID, which becomes a part of a path.
    /// - Throws: ``RegistryError`` with code `conflict` when somebody else has it open.
    public func upload(_ id: String, to repository: RepositoryName) throws -> BlobUpload? {
        do {
            return try BlobUpload(
                id: id, repository: repository, path: path(ofUpload: id, to: repository), creating: false)
        } catch let error as FileSystemError where error.code == .notFound {
            return nil
        } catch let error as FileSystemError where error.code == .locked {
            throw RegistryError(
                .conflict, "Unable to continue the upload \(id): another request is writing to it. Wait and ask again.",
                cause: error)
        }
    }

    /// Gives an upload up; nothing of it stays.
    public func cancel(_ upload: BlobUpload) throws {
        try writing("cancel an upload to the registry") {
            try Directory.remove(upload.path)
        }
    }

    /// Stores bytes that are in memory as a blob of a repository.
    ///
    /// - Parameters:
    ///   - digest: what they have; SHA-256 or SHA-512.
    ///   - id: a UUID that nobody has used.
    public func storePackageBlob(
        _ bytes: [UInt8], as digest: String, in repository: RepositoryName, upload id: String
    ) throws {
        let upload = try startUpload(id, to: repository)
        try upload.append(bytes)
        try finish(upload, as: digest)
    }

    /// Stores an upload's bytes under their digest and makes them a blob of the upload's repository.
    ///
    /// - Parameter digest: what the client says they have; SHA-256 or SHA-512.
    /// - Throws: ``RegistryError`` with code `damagedBlob` when they have another; the upload is given up then.
    public func finish(_ upload: BlobUpload, as digest: String) throws {
        try writing("upload to the registry") {
            let (actual, byteCount) = try upload.finish()
            let isSHA256 = digest.hasPrefix("sha256:")
            let found = isSHA256 ? actual.description : try upload.sha512()
            guard found == digest else {
                try cancel(upload)
                throw RegistryError(
                    .damagedBlob,
                    "Unable to store the upload \(upload.id): its \(byteCount) bytes have the digest \(found), \(digest) "
                        + "was announced. Send it again.")
            }
            let store = packageStore
            let path = store.path(of: actual)
            try Directory.create(split(path).folder)
            let now = Timestamp.now()
            try catalog.write { database in
                // The bytes replace equal ones, which heals a file that was damaged.
                guard try Directory.move(upload.path, to: path) else {
                    throw FileSystemError.systemCall("store", upload.path)
                }
                try Directory.synchronize(split(path).folder)
                try Catalog.addPackageFile(actual, byteCount: byteCount, at: now, in: database)
                try Catalog.addPackageBlob(digest, actual, to: upload.repository, at: now, in: database)
            }
        }
    }
}

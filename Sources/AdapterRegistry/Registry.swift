public import AdapterFormat
import FileSystem
import Glibc

/// A folder of adapters with names: stored files, and a catalog that says what they are called.
///
/// ```
/// <registry>/catalog.sqlite       names, tags, history, lineage, what can be searched
/// <registry>/blobs/sha256/ab/…    files named after the SHA-256 of their bytes
/// <registry>/tmp/                 files under construction
/// <registry>/trash/               files that have been collected, until they are removed
/// <registry>/lock                 held while the catalog is made and while abandoned files are removed
/// <registry>/collection.lock      held while unused files are collected
/// ```
///
/// Any number of processes may use a registry at the same time. A change happens entirely or not at all: the file is
/// made durable first, then one transaction names it. Whoever reads sees one state.
public struct Registry: Sendable {
    /// What a registry is opened for.
    public enum Mode: Hashable, Sendable {
        /// Reading and writing; the registry is created when it does not exist.
        case readWrite
        /// Reading only; nothing is created, changed or locked, so that a write-protected registry can be read. One that
        /// does not exist reads as empty.
        case readOnly
    }

    /// The registry's folder.
    public let directory: String
    /// What it was opened for.
    public let mode: Mode
    /// Who changes it, for the history.
    public let actor: String
    /// How much a stored file may ask for.
    public let limits: ReadLimits
    let blobs: BlobStore
    let catalog: Catalog

    /// Opens a registry.
    ///
    /// - Parameters:
    ///   - directory: the registry's folder.
    ///   - mode: what it is opened for.
    ///   - actor: who changes it; the name of the process's user when it is nil.
    ///   - limits: how much a stored file may ask for.
    ///   - isOnNetworkAllowed: whether it may be written on a network file system, where only one machine may use it.
    /// - Throws: ``RegistryError`` with code `readOnly`, `permissionDenied`, `noSpace`, `newerSchema`, `corrupt`,
    ///   `wrongKind`, `locked`, `olderSchema` or `networkFileSystem`.
    public init(
        opening directory: String, mode: Mode = .readWrite, actor: String? = nil, limits: ReadLimits = ReadLimits(),
        isOnNetworkAllowed: Bool = false
    ) throws {
        var directory = directory
        while directory.count > 1, directory.hasSuffix("/") { directory.removeLast() }
        self.directory = directory
        self.mode = mode
        self.limits = limits
        self.actor = actor ?? Registry.userName
        let blobs = BlobStore(directory: directory)
        self.blobs = blobs
        switch mode {
        case .readOnly:
            if let kind = Directory.kind(of: directory), kind != .directory {
                throw RegistryError(
                    .wrongKind, "Unable to open the registry '\(directory)': it is not a folder. Choose another path.")
            }
            catalog = try Catalog.openForReading(directory)
        case .readWrite:
            if !isOnNetworkAllowed, let name = NetworkFileSystem.name(at: directory) {
                throw Registry.networkError(directory, name)
            }
            do {
                try blobs.create()
                catalog = try Catalog.openForWriting(directory, blobs: blobs)
                try blobs.removeAbandonedTemporaries()
                try blobs.emptyTrash()
            } catch let error as FileSystemError {
                throw RegistryError(error, "open the registry", directory).asWriting
            }
        }
    }

    static func networkError(_ directory: String, _ name: String) -> RegistryError {
        RegistryError(
            .networkFileSystem,
            "Unable to write to the registry '\(directory)': it is on a network file system (\(name)), where SQLite's "
                + "locks and shared memory do not reach other machines, and the catalog would be damaged. Put it on a "
                + "local disk. If only this machine ever uses it, add --allow-network-registry.")
    }

    /// The name of the user whom the process acts for, or the number when it has no name.
    public static var userName: String {
        guard let entry = unsafe getpwuid(geteuid()), let name = unsafe entry.pointee.pw_name else {
            return "uid \(geteuid())"
        }
        return unsafe String(cString: name)
    }

    /// Runs something that writes files and rows.
    func writing<Result>(_ verb: String, _ body: () throws -> Result) throws -> Result {
        try catalog.requireWritable(verb)
        do {
            return try RegistryError.translating(verb, directory, body)
        } catch let error as RegistryError {
            throw error.asWriting
        }
    }
}

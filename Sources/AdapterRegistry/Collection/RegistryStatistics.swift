import FileSystem
import GRDB

/// How much a registry holds.
public struct RegistryStatistics: Hashable, Sendable {
    /// Names.
    public let repositoryCount: Int
    /// Tags.
    public let tagCount: Int
    /// Versions: a file that two repositories have counts twice.
    public let versionCount: Int
    /// Stored files.
    public let fileCount: Int
    /// Their length in bytes.
    public let byteCount: Int
    /// The size in bytes of the tensors in them, uncompressed.
    public let tensorByteCount: Int
    /// Different adapters: several files may hold the same one.
    public let adapterCount: Int
    /// Files that no name has, and their length in bytes.
    public let unusedFileCount: Int
    /// The length of those files in bytes.
    public let unusedByteCount: Int
    /// What versions would take if repositories did not share files, in bytes.
    public let unsharedByteCount: Int
    /// Entries of the audit log.
    public let auditEntryCount: Int
    /// Attached documents.
    public let documentCount: Int
    /// The catalog's length in bytes.
    public let catalogByteCount: Int
}

extension Registry {
    /// Counts what the registry holds.
    ///
    /// - Complexity: reads the indexes of the whole catalog.
    public func statistics() throws -> RegistryStatistics {
        try catalog.read { database in
            func count(_ sql: String) throws -> Int { try Int.fetchOne(database, sql: sql) ?? 0 }
            let unused = "FROM blob WHERE unusedSince IS NOT NULL"
            return RegistryStatistics(
                repositoryCount: try count("SELECT count(*) FROM repository"),
                tagCount: try count("SELECT count(*) FROM tag"),
                versionCount: try count("SELECT count(*) FROM version"),
                fileCount: try count("SELECT count(*) FROM blob"),
                byteCount: try count("SELECT ifnull(sum(byteCount), 0) FROM blob"),
                tensorByteCount: try count("SELECT ifnull(sum(tensorByteCount), 0) FROM adapter"),
                adapterCount: try count("SELECT count(DISTINCT contentRoot) FROM adapter"),
                unusedFileCount: try count("SELECT count(*) \(unused)"),
                unusedByteCount: try count("SELECT ifnull(sum(byteCount), 0) \(unused)"),
                unsharedByteCount: try count(
                    "SELECT ifnull(sum(b.byteCount), 0) FROM version AS v JOIN blob AS b ON b.digest = v.digest"),
                auditEntryCount: try count("SELECT ifnull(max(id), 0) FROM auditEntry"),
                documentCount: try count("SELECT count(*) FROM document"),
                catalogByteCount: ["", "-wal"].reduce(0) {
                    $0 + (Directory.status(of: "\(directory)/catalog.sqlite\($1)")?.byteCount ?? 0)
                })
        }
    }
}

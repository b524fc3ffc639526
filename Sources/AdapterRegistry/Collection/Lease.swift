import FileSystem
import GRDB
public import Integrity

/// Keeps stored files from being collected while this process works with them.
///
/// A lease lasts until it is released or until its process ends, however it ends: the lock on its file under `tmp/` is
/// what counts, not a clock.
public final class Lease {
    private let catalog: Catalog
    private let file: OutputFile
    private var owner: String { split(file.temporaryPath).name }

    init(_ catalog: Catalog, _ blobs: BlobStore) throws {
        self.catalog = catalog
        file = try blobs.makeTemporary()
    }

    /// Protects a file, stored or about to be stored.
    func add(_ digest: Digest, in database: Database) throws {
        try database.execute(
            sql: "INSERT INTO lease (digest, owner) VALUES (?, ?) ON CONFLICT DO NOTHING",
            arguments: [digest.description, owner])
    }

    /// Protects files that are stored.
    ///
    /// - Throws: ``RegistryError`` with code `notFound` when one of them is not.
    public func protect(_ digests: [Digest]) throws {
        try catalog.write { database in
            for digest in digests {
                guard try Catalog.isStored(digest, in: database) else {
                    throw RegistryError(
                        .notFound,
                        "Unable to work with \(digest): it is not stored, or no longer. Push it again.", digest: digest)
                }
                try add(digest, in: database)
            }
        }
    }

    /// Ends the lease.
    func release() throws {
        try catalog.write { database in
            try database.execute(sql: "DELETE FROM lease WHERE owner = ?", arguments: [owner])
        }
    }
}

extension Registry {
    /// Runs something with a lease, which ends with it.
    public func withLease<Result>(_ body: (Lease) throws -> Result) throws -> Result {
        try writing("work in the registry") {
            let lease = try Lease(catalog, blobs)
            let result: Result
            do {
                result = try body(lease)
            } catch {
                // The first error is the one to tell of; rows that stay count no longer, as their owner goes.
                try? lease.release()
                throw error
            }
            try lease.release()
            return result
        }
    }
}

extension Catalog {
    static func isStored(_ digest: Digest, in database: Database) throws -> Bool {
        try Bool.fetchOne(
            database, sql: "SELECT EXISTS (SELECT 1 FROM blob WHERE digest = ?)", arguments: [digest.description])
            ?? false
    }

    /// Removes the leases of processes that have ended.
    static func removeDeadLeases(_ blobs: BlobStore, in database: Database) throws {
        for owner in try String.fetchAll(database, sql: "SELECT DISTINCT owner FROM lease")
        where try !blobs.isOwned(temporary: owner) {
            try database.execute(sql: "DELETE FROM lease WHERE owner = ?", arguments: [owner])
        }
    }
}

import FileSystem
import Foundation
import GRDB
import Integrity

// Collection, backup and check of what OCI clients push.
extension Registry {
    private static let unneededBlobs = """
        FROM ociBlob AS b WHERE b.createdAt <= ? AND NOT EXISTS (
            SELECT 1 FROM ociReference AS r WHERE r.repository = b.repository AND r.digest = b.digest)
        """

    /// Files that a collection would take: those that only blobs without a manifest name, and abandoned uploads.
    func unusedPackageFiles(grace: Duration, at now: Timestamp) throws -> [CollectionReport.File] {
        let limit = now.milliseconds - grace.milliseconds
        let unused = try catalog.read { database in
            try Row.fetchAll(
                database,
                sql: """
                    SELECT f.digest, f.byteCount FROM ociFile AS f WHERE f.createdAt <= ?1 AND NOT EXISTS (
                        SELECT 1 FROM ociBlob AS k WHERE k.file = f.digest AND NOT EXISTS (
                            SELECT 1 \(Registry.unneededBlobs.replacing("?", with: "?1"))
                            AND b.repository = k.repository AND b.digest = k.digest))
                    ORDER BY f.digest
                    """, arguments: [limit]
            ).map {
                CollectionReport.File(
                    digest: try $0.digest("digest"), byteCount: try $0.value("byteCount"), isUnknown: false)
            }
        }
        return unused + (try unknownPackageFiles(before: limit))
    }

    /// Takes them.
    func collectPackageFiles(grace: Duration, at now: Timestamp) throws -> [CollectionReport.File] {
        let limit = now.milliseconds - grace.milliseconds
        let store = packageStore
        let gone = try catalog.write { database in
            try database.execute(
                sql: """
                    DELETE FROM ociBlob WHERE (repository, digest) IN
                        (SELECT b.repository, b.digest \(Registry.unneededBlobs))
                    """, arguments: [limit])
            let files = try Row.fetchAll(
                database,
                sql: """
                    SELECT digest, byteCount FROM ociFile AS f WHERE createdAt <= ?
                        AND NOT EXISTS (SELECT 1 FROM ociBlob WHERE file = f.digest) ORDER BY digest
                    """, arguments: [limit]
            ).map {
                CollectionReport.File(
                    digest: try $0.digest("digest"), byteCount: try $0.value("byteCount"), isUnknown: false)
            }
            for file in files {
                try database.execute(sql: "DELETE FROM ociFile WHERE digest = ?", arguments: [file.digest.description])
            }
            return files
        }
        let rowless = Set(gone.map(\.digest))
        let unknown = try unknownPackageFiles(before: limit).filter { !rowless.contains($0.digest) }
        for file in gone + unknown {
            // A file goes in a transaction that finds it without a row: a push may have stored it again.
            try catalog.write { database in
                let isKnown = try Catalog.isPackageFile(file.digest, in: database)
                if !isKnown { _ = try store.discard(file.digest) }
            }
        }
        try store.emptyTrash()
        try removeAbandonedUploads(before: limit)
        return gone + unknown
    }

    private func unknownPackageFiles(before limit: Int64) throws -> [CollectionReport.File] {
        let store = packageStore
        let present = try store.digests()
        return try catalog.read { database in
            try present.filter { try !Catalog.isPackageFile($0, in: database) }.compactMap { digest in
                guard let status = Directory.status(of: store.path(of: digest)), status.modifiedMilliseconds <= limit
                else { return nil }
                return CollectionReport.File(digest: digest, byteCount: status.byteCount, isUnknown: true)
            }
        }
    }

    /// Removes uploads that nobody has gone on with; one that is open at this moment has its lock held.
    private func removeAbandonedUploads(before limit: Int64) throws {
        guard Directory.kind(of: uploadFolder) != nil else { return }
        for name in try Directory.files(below: uploadFolder) {
            let path = "\(uploadFolder)/\(name)"
            guard let status = Directory.status(of: path), status.modifiedMilliseconds <= limit else { continue }
            do {
                if try FileLock.isAbandoned(path) { try Directory.remove(path) }
            } catch let error as FileSystemError where error.code == .notFound || error.code == .permissionDenied {
                continue
            }
        }
    }

    /// Gives a backup's folder the files of packages; to be called while no collection may run.
    func linkPackageFiles(into folder: String) throws {
        let store = BlobStore(directory: "\(folder)/oci")
        let digests = try catalog.read { database in
            try Row.fetchAll(database, sql: "SELECT digest FROM ociFile ORDER BY digest").map {
                try $0.digest("digest")
            }
        }
        guard !digests.isEmpty else { return }
        try store.create()
        for digest in digests {
            let target = store.path(of: digest)
            // One that is missing is a finding of the check, here and in the backup.
            guard try Directory.examine(packageStore.path(of: digest)) != nil else { continue }
            try Directory.create(split(target).folder)
            try Directory.link(packageStore.path(of: digest), to: target)
            try Directory.synchronize(split(target).folder)
        }
    }

    /// What is wrong with the files and manifests of packages.
    ///
    /// - Complexity: reads every byte.
    func packageFindings() throws -> [Finding] {
        func finding(_ kind: Finding.Kind, _ digest: Digest?, _ message: String) -> Finding {
            Finding(kind: kind, digest: digest, references: [], message: message)
        }
        var findings: [Finding] = []
        let store = packageStore
        let digests = try catalog.read { database in
            try Row.fetchAll(database, sql: "SELECT digest FROM ociFile ORDER BY digest").map {
                try $0.digest("digest")
            }
        }
        for digest in digests {
            do {
                guard try store.digestOfBytes(storedAs: digest) != digest else { continue }
                findings.append(
                    finding(
                        .damagedFile, digest,
                        "The stored file \(digest) of a package does not hold the bytes that were stored. Push it again, "
                            + "which replaces it."))
            } catch let error as FileSystemError where error.code == .notFound {
                // A collection may have taken it since the list was read.
                let isKnown = try catalog.read { try Catalog.isPackageFile(digest, in: $0) }
                guard isKnown else { continue }
                findings.append(
                    finding(.missingFile, digest, "The stored file \(digest) of a package is missing. Push it again."))
            }
        }
        let damaged = try catalog.read { database in
            let rows = try Row.fetchCursor(database, sql: "SELECT repository, digest, bytes FROM ociManifest")
            var damaged: [String] = []
            while let row = try rows.next() {
                let digest: String = try row.value("digest")
                let bytes = Array(try row.value("bytes") as Data)
                let actual = digest.hasPrefix("sha512:") ? SHA512.text(of: bytes) : SHA256.hash(bytes).description
                if actual != digest {
                    damaged.append("\(try row.value("repository") as String)@\(digest)")
                }
            }
            return damaged
        }
        findings += damaged.map { finding(.damagedDocument, nil, "The manifest '\($0)' is damaged. Push it again.") }
        let (lost, gaps) = try catalog.read {
            (try Catalog.lostManifests(in: $0), try Catalog.packageGaps(in: $0))
        }
        findings += lost.map { finding(.missingDocument, nil, "The manifest '\($0)' is missing. Push it again.") }
        findings += gaps.map { manifest, digest in
            finding(
                .danglingReference, nil,
                "The manifest '\(manifest)' needs \(digest), which its repository has no longer. Push that again.")
        }
        return findings
    }
}

extension SHA512 {
    /// The digest of bytes as OCI spells it.
    fileprivate static func text(of bytes: [UInt8]) -> String {
        var hasher = SHA512()
        hasher.update(bytes)
        return "sha512:"
            + hasher.finalize().map { byte in
                String(byte >> 4, radix: 16) + String(byte & 15, radix: 16)
            }.joined()
    }
}

extension Catalog {
    /// Manifests that were pushed and not removed, as the log has it, and are not there.
    static func lostManifests(in database: Database) throws -> [String] {
        try String.fetchAll(
            database,
            sql: """
                WITH entry AS (
                        SELECT id, action, repository, coalesce(newDigest, oldDigest, json_extract(
                            CASE WHEN json_valid(details) THEN details END, '$.manifest')) AS digest
                        FROM auditEntry WHERE action IN ('push-manifest', 'remove-manifest')),
                    last AS (SELECT max(id), action, repository, digest FROM entry GROUP BY repository, digest)
                SELECT repository || '@' || digest FROM last AS l
                WHERE action = 'push-manifest' AND digest IS NOT NULL AND NOT EXISTS (
                    SELECT 1 FROM ociManifest AS m WHERE m.repository = l.repository AND m.digest = l.digest)
                ORDER BY 1
                """)
    }

    /// What manifests need and their repositories lack, although nobody has removed it there.
    static func packageGaps(in database: Database) throws -> [(manifest: String, digest: String)] {
        try Row.fetchAll(
            database,
            sql: """
                SELECT f.repository || '@' || f.manifest AS manifest, f.digest FROM ociReference AS f
                WHERE NOT EXISTS (SELECT 1 FROM ociBlob AS b WHERE b.repository = f.repository AND b.digest = f.digest)
                    AND NOT EXISTS (
                        SELECT 1 FROM ociManifest AS m WHERE m.repository = f.repository AND m.digest = f.digest)
                    AND NOT EXISTS (
                        SELECT 1 FROM repository AS r JOIN version AS v ON v.repositoryId = r.id
                        WHERE r.name = f.repository AND v.digest = f.digest)
                    AND NOT EXISTS (
                        SELECT 1 FROM auditEntry AS e WHERE e.repository = f.repository AND (e.oldDigest = f.digest
                            OR json_extract(CASE WHEN json_valid(e.details) THEN e.details END, '$.manifest')
                                = f.digest AND e.action = 'remove-manifest'))
                ORDER BY 1, 2
                """
        ).map { (try $0.value("manifest"), try $0.value("digest")) }
    }

    /// Whether a file of packages is known.
    static func isPackageFile(_ digest: Digest, in database: Database) throws -> Bool {
        try Bool.fetchOne(
            database, sql: "SELECT EXISTS (SELECT 1 FROM ociFile WHERE digest = ?)", arguments: [digest.description])
            ?? false
    }
}

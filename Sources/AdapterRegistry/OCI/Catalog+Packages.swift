import ByteCoding
import Foundation
import GRDB
import Integrity

// Rows of what OCI clients push.
extension Catalog {
    /// Makes a stored file known.
    static func addPackageFile(
        _ digest: Digest, byteCount: Int, at now: Timestamp, in database: Database
    ) throws {
        try database.execute(
            sql: "INSERT INTO ociFile (digest, byteCount, createdAt) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            arguments: [digest.description, byteCount, now.milliseconds])
    }

    /// Makes a stored file a blob of a repository; one that it is already counts as new for the collection.
    static func addPackageBlob(
        _ digest: String, _ file: Digest, to repository: RepositoryName, at now: Timestamp, in database: Database
    ) throws {
        try database.execute(
            sql: """
                INSERT INTO ociBlob (repository, digest, file, createdAt) VALUES (?, ?, ?, ?)
                ON CONFLICT DO UPDATE SET createdAt = excluded.createdAt
                """, arguments: [repository.description, digest, file.description, now.milliseconds])
    }

    /// The stored file that a repository has under a digest.
    static func packageFile(
        _ digest: String, in repository: RepositoryName, in database: Database
    ) throws -> (file: Digest, byteCount: Int)? {
        try Row.fetchOne(
            database,
            sql: """
                SELECT f.digest, f.byteCount FROM ociBlob AS b JOIN ociFile AS f ON f.digest = b.file
                WHERE b.repository = ? AND b.digest = ?
                """, arguments: [repository.description, digest]
        ).map { (try $0.digest("digest"), try $0.value("byteCount")) }
    }

    /// The adapter file that a repository has as a version.
    static func adapterFile(
        _ digest: String, in repository: RepositoryName, in database: Database
    ) throws -> (file: Digest, byteCount: Int)? {
        try Row.fetchOne(
            database,
            sql: """
                SELECT b.digest, b.byteCount FROM repository AS r JOIN version AS v ON v.repositoryId = r.id
                    JOIN blob AS b ON b.digest = v.digest
                WHERE r.name = ? AND v.digest = ?
                """, arguments: [repository.description, digest]
        ).map { (try $0.digest("digest"), try $0.value("byteCount")) }
    }

    private static let manifestColumns =
        "digest, mediaType, artifactType, subject, annotations, adapter, bytes"

    /// A manifest of a repository.
    static func packageManifest(
        _ digest: String, in repository: RepositoryName, in database: Database
    ) throws -> PackageManifest? {
        try Row.fetchOne(
            database, sql: "SELECT \(manifestColumns) FROM ociManifest WHERE repository = ? AND digest = ?",
            arguments: [repository.description, digest]
        ).map(manifest)
    }

    private static func manifest(_ row: Row) throws -> PackageManifest {
        PackageManifest(
            digest: try row.value("digest"), mediaType: try row.value("mediaType"),
            artifactType: try row.optional("artifactType"), subject: try row.optional("subject"),
            annotations: try annotations(row), adapter: try row.optionalDigest("adapter"),
            bytes: Array(try row.value("bytes") as Data))
    }

    static func annotations(_ row: Row) throws -> [String: String] {
        let text: String = try row.value("annotations")
        return (try JSON.parse(Array(text.utf8)).map ?? [:]).compactMapValues(\.string)
    }

    /// Adds a manifest, what it needs, and the adapter it holds.
    static func insert(
        _ manifest: PackageManifest, needing digests: [String], into repository: RepositoryName, at now: Timestamp,
        in database: Database
    ) throws {
        let name = repository.description
        try database.execute(
            sql: """
                INSERT INTO ociManifest (repository, digest, mediaType, artifactType, subject, annotations, adapter,
                    bytes, createdAt) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
                ON CONFLICT DO UPDATE SET mediaType = excluded.mediaType, adapter = excluded.adapter
                """,
            arguments: [
                name, manifest.digest, manifest.mediaType, manifest.artifactType, manifest.subject,
                JSON.text(.map(manifest.annotations.mapValues { .string($0) })), manifest.adapter?.description,
                Data(manifest.bytes), now.milliseconds,
            ])
        for digest in digests {
            try database.execute(
                sql: """
                    INSERT INTO ociReference (repository, manifest, digest) VALUES (?, ?, ?) ON CONFLICT DO NOTHING
                    """, arguments: [name, manifest.digest, digest])
        }
    }

    /// Where a tag of packages stands.
    static func packageTag(
        _ tag: Tag, in repository: RepositoryName, in database: Database
    ) throws -> (manifest: String, adapter: Digest?)? {
        try Row.fetchOne(
            database, sql: "SELECT manifest, adapter FROM ociTag WHERE repository = ? AND name = ?",
            arguments: [repository.description, tag.description]
        ).map { (try $0.value("manifest"), try $0.optionalDigest("adapter")) }
    }

    static func setPackageTag(
        _ tag: Tag, in repository: RepositoryName, to manifest: PackageManifest, at now: Timestamp,
        in database: Database
    ) throws {
        try database.execute(
            sql: """
                INSERT INTO ociTag (repository, name, manifest, adapter, updatedAt) VALUES (?, ?, ?, ?, ?)
                ON CONFLICT DO UPDATE SET manifest = excluded.manifest, adapter = excluded.adapter,
                    updatedAt = excluded.updatedAt
                """,
            arguments: [
                repository.description, tag.description, manifest.digest, manifest.adapter?.description,
                now.milliseconds,
            ])
    }

    static func removePackageTag(_ tag: Tag, in repository: RepositoryName, in database: Database) throws {
        try database.execute(
            sql: "DELETE FROM ociTag WHERE repository = ? AND name = ?",
            arguments: [repository.description, tag.description])
    }

    /// Whether a repository has or had anything.
    static func hasRepository(_ repository: RepositoryName, in database: Database) throws -> Bool {
        try Bool.fetchOne(
            database,
            sql: """
                SELECT EXISTS (SELECT 1 FROM repository WHERE name = ?1)
                    OR EXISTS (SELECT 1 FROM ociManifest WHERE repository = ?1)
                    OR EXISTS (SELECT 1 FROM ociBlob WHERE repository = ?1)
                """, arguments: [repository.description]) ?? false
    }
}

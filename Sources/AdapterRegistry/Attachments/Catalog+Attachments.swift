import GRDB
import Integrity

// Files that belong to adapters.
extension Catalog {
    /// The digest and the length of what is attached to an adapter under a name.
    static func attachment(
        _ name: String, of subject: Digest, in database: Database
    ) throws -> (digest: Digest, byteCount: Int)? {
        try Row.fetchOne(
            database,
            sql: """
                SELECT x.digest, b.byteCount FROM attachment AS x JOIN blob AS b ON b.digest = x.digest
                WHERE x.subject = ? AND x.name = ?
                """, arguments: [subject.description, name]
        ).map { (try $0.digest("digest"), try $0.value("byteCount")) }
    }

    /// Whether a file is attached to an adapter.
    static func isAttached(_ digest: Digest, in database: Database) throws -> Bool {
        try Bool.fetchOne(
            database, sql: "SELECT EXISTS (SELECT 1 FROM attachment WHERE digest = ?)",
            arguments: [digest.description]) ?? false
    }

    /// Attaches the draft of a change to a version that a tag has just been set to, and ends what the change does not
    /// keep.
    ///
    /// - Returns: files without rows now, for the caller to remove when the transaction is over.
    static func attach(
        _ change: AttachmentChange, to subject: Digest, _ reference: Reference, at now: Timestamp,
        in database: Database
    ) throws -> [Digest] {
        if let draft = change.draft {
            let digest = draft.digest.description
            try database.execute(
                sql: "INSERT INTO blob (digest, byteCount, createdAt) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                arguments: [digest, draft.byteCount, now.milliseconds])
            try database.execute(
                sql: """
                    INSERT INTO attachment (subject, name, digest) VALUES (?, ?, ?)
                    ON CONFLICT (subject, name) DO UPDATE SET digest = excluded.digest
                    """, arguments: [subject.description, change.name, digest])
        }
        let ended = try Row.fetchAll(
            database,
            sql: """
                SELECT subject, digest FROM (
                    SELECT x.subject, x.digest FROM attachment AS x JOIN (
                        SELECT newDigest, max(id) AS last FROM auditEntry WHERE repository = ? AND tag = ?
                        GROUP BY newDigest) AS e ON e.newDigest = x.subject
                    WHERE x.name = ? ORDER BY e.last DESC LIMIT -1 OFFSET ?) AS old
                WHERE NOT EXISTS (SELECT 1 FROM tag WHERE digest = old.subject)
                """,
            arguments: [reference.repository.description, reference.tag?.description, change.name, change.keptCount])
        var orphans: [Digest] = []
        for row in ended {
            try database.execute(
                sql: "DELETE FROM attachment WHERE subject = ? AND name = ?",
                arguments: [try row.digest("subject").description, change.name])
            let digest = try row.digest("digest")
            if try removeOrphan(digest, in: database) { orphans.append(digest) }
        }
        return orphans
    }

    /// The files that are attached to adapters, and to no other.
    static func attachments(only subjects: Set<Digest>, in database: Database) throws -> [(
        digest: Digest, byteCount: Int
    )] {
        let rows = try Row.fetchAll(
            database,
            sql: """
                SELECT x.subject, x.digest, b.byteCount FROM attachment AS x JOIN blob AS b ON b.digest = x.digest
                ORDER BY x.digest
                """)
        var kept: Set<Digest> = []
        var found: [(digest: Digest, byteCount: Int)] = []
        for row in rows {
            let digest = try row.digest("digest")
            if try !subjects.contains(row.digest("subject")) { kept.insert(digest) }
            if found.last?.digest != digest { found.append((digest, try row.value("byteCount"))) }
        }
        return found.filter { !kept.contains($0.digest) }
    }

    /// Removes the row of a file that belonged to an adapter and now to none; false when another has it.
    static func removeOrphan(_ digest: Digest, in database: Database) throws -> Bool {
        try database.cachedStatement(
            sql: """
                DELETE FROM blob WHERE digest = ?1
                    AND NOT EXISTS (SELECT 1 FROM attachment WHERE digest = ?1)
                    AND NOT EXISTS (SELECT 1 FROM adapter WHERE digest = ?1)
                """
        ).execute(arguments: [digest.description])
        return database.changesCount > 0
    }
}

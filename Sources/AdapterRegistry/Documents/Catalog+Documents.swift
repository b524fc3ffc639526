import ByteCoding
import GRDB
import Integrity

// Documents about adapters.
extension Catalog {
    /// Attaches a document; the same bytes again change nothing.
    ///
    /// - Returns: its digest, and whether it is new.
    @discardableResult
    static func attach(
        _ document: DocumentDraft, to subject: Digest, actor: String, at now: Timestamp, in database: Database
    ) throws -> (digest: Digest, isNew: Bool) {
        let digest = SHA256.hash(Array(document.text.utf8))
        try database.execute(
            sql: """
                INSERT INTO document (subject, digest, kind, name, createdAt, actor, text)
                VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
                """,
            arguments: [
                subject.description, digest.description, document.kind.rawValue, document.name.withoutNull,
                now.milliseconds, actor.withoutNull, document.text,
            ])
        return (digest, database.changesCount > 0)
    }

    /// Attaches the documents that a new file has from the beginning, and logs that it has them.
    static func attach(
        _ documents: [DocumentDraft], toNew subject: Digest, actor: String, at now: Timestamp, in database: Database
    ) throws {
        guard !documents.isEmpty else { return }
        let details = try documents.map { document in
            let (digest, _) = try attach(document, to: subject, actor: actor, at: now, in: database)
            return MetadataValue.map(document.details(digest))
        }
        try append(
            AuditRecord(
                date: now, actor: actor.withoutNull, action: "attach", newDigest: subject.description,
                details: JSON.text(["documents": .array(details)])), in: database)
    }

    /// The documents about an adapter, in the order of their names.
    static func documents(of subject: Digest, in database: Database) throws -> [AttachedDocument] {
        try Row.fetchAll(
            database,
            sql: """
                SELECT subject, digest, kind, name, createdAt, actor, length(CAST(text AS BLOB)) AS byteCount FROM document
                WHERE subject = ? ORDER BY name, digest
                """, arguments: [subject.description]
        ).map { row in
            AttachedDocument(
                subject: try row.digest("subject"), digest: try row.digest("digest"),
                kind: AttachedDocument.Kind(rawValue: try row.value("kind")) ?? .other, name: try row.value("name"),
                createdAt: try row.timestamp("createdAt"), actor: try row.value("actor"),
                byteCount: try row.value("byteCount"))
        }
    }

    /// The text of a document; nil when it is not there.
    static func text(of document: Digest, about subject: Digest, in database: Database) throws -> String? {
        try String.fetchOne(
            database, sql: "SELECT text FROM document WHERE subject = ? AND digest = ?",
            arguments: [subject.description, document.description])
    }

    /// Documents whose text does not have the digest that they are stored under.
    static func damagedDocuments(in database: Database) throws -> [DocumentRow] {
        var damaged: [DocumentRow] = []
        let rows = try Row.fetchCursor(
            database, sql: "SELECT subject, digest, kind, name, createdAt AS at, actor, text FROM document")
        while let row = try rows.next() {
            let text: String = try row.value("text")
            if SHA256.hash(Array(text.utf8)) != (try row.digest("digest")) { damaged.append(try DocumentRow(row)) }
        }
        return damaged
    }

    /// Documents that were attached, as the log has it, and are not there, or not as they were attached.
    ///
    /// Documents go with their adapter: what was attached before that was collected is not missed. Registries have logged
    /// the documents that adapters have from the beginning only since these could be missed.
    static func lostDocuments(in database: Database) throws -> [(document: DocumentRow, isThere: Bool)] {
        try Row.fetchAll(
            database,
            sql: """
                WITH attached (entry, at, actor, subject, details) AS (
                        SELECT id, at, actor, newDigest, CASE WHEN json_valid(details) THEN details END
                        FROM auditEntry WHERE action = 'attach'),
                    single (entry, at, actor, subject, document) AS (
                        SELECT entry, at, actor, subject, details FROM attached
                        UNION ALL SELECT a.entry, a.at, a.actor, a.subject, d.value
                            FROM attached AS a CROSS JOIN json_each(a.details, '$.documents') AS d
                            WHERE d.type = 'object'),
                    logged AS (
                        SELECT max(entry) AS entry, at, actor, subject, json_extract(document, '$.document') AS digest,
                            CAST(json_extract(document, '$.name') AS TEXT) AS name,
                            CAST(json_extract(document, '$.kind') AS TEXT) AS kind
                        FROM single WHERE json_extract(document, '$.document') IS NOT NULL GROUP BY subject, digest),
                    gone AS MATERIALIZED (
                        SELECT oldDigest AS subject, max(id) AS entry FROM auditEntry
                        WHERE action IN ('collect', 'repair') AND oldDigest IS NOT NULL GROUP BY oldDigest)
                SELECT l.subject, l.digest, l.kind, l.name, l.at, l.actor, d.digest IS NOT NULL AS isThere
                FROM logged AS l JOIN adapter AS a ON a.digest = l.subject
                    LEFT JOIN document AS d ON d.subject = l.subject AND d.digest = l.digest
                    LEFT JOIN gone AS g ON g.subject = l.subject
                WHERE ifnull(g.entry, 0) < l.entry
                    AND (d.digest IS NULL OR d.kind <> l.kind OR d.name <> l.name OR d.createdAt <> l.at
                        OR d.actor <> l.actor)
                ORDER BY l.subject, l.name, l.digest
                """
        ).map { (try DocumentRow($0), try $0.value("isThere")) }
    }

    /// Writes a document's row anew.
    static func replace(_ document: DocumentRow, text: String, in database: Database) throws {
        try database.execute(
            sql: """
                INSERT INTO document (subject, digest, kind, name, createdAt, actor, text)
                VALUES (?, ?, ?, ?, ?, ?, ?)
                ON CONFLICT DO UPDATE SET kind = excluded.kind, name = excluded.name, createdAt = excluded.createdAt,
                    actor = excluded.actor, text = excluded.text
                """,
            arguments: [
                document.subject.description, document.digest.description, document.kind, document.name,
                document.date.milliseconds, document.actor, text,
            ])
    }
}

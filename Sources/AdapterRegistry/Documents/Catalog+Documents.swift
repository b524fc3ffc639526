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
    static func damagedDocuments(in database: Database) throws -> [(subject: Digest, name: String)] {
        var damaged: [(Digest, String)] = []
        let rows = try Row.fetchCursor(database, sql: "SELECT subject, digest, name, text FROM document")
        while let row = try rows.next() {
            let text: String = try row.value("text")
            if SHA256.hash(Array(text.utf8)) != (try row.digest("digest")) {
                damaged.append((try row.digest("subject"), try row.value("name")))
            }
        }
        return damaged
    }
}

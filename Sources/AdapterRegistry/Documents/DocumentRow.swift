import GRDB
import Integrity

/// What the catalog says of a document, but for its text.
struct DocumentRow: Hashable, Sendable {
    /// The adapter that it is about.
    let subject: Digest
    /// SHA-256 of the text.
    let digest: Digest
    /// ``AttachedDocument/Kind``, as the row has it.
    let kind: String
    /// Its file name.
    let name: String
    /// When it was attached.
    let date: Timestamp
    /// Who attached it.
    let actor: String

    init(_ row: Row) throws {
        subject = try row.digest("subject")
        digest = try row.digest("digest")
        kind = try row.value("kind")
        name = try row.value("name")
        date = try row.timestamp("at")
        actor = try row.value("actor")
    }
}

import AdapterFormat
import Adapters
import ByteCoding
import GRDB
public import Integrity

extension Registry {
    /// The longest document in bytes.
    public static let maximumDocumentByteCount = 16 << 20

    /// The documents about a stored adapter, in the order of their names.
    public func documents(of stored: StoredAdapter) throws -> [AttachedDocument] {
        try catalog.read { try Catalog.documents(of: stored.digest, in: $0) }
    }

    /// The text of a document.
    ///
    /// - Throws: ``RegistryError`` with code `damagedBlob` when it is not what was attached, or `notFound`.
    public func text(of document: AttachedDocument) throws -> String {
        let text = try catalog.read { try Catalog.text(of: document.digest, about: document.subject, in: $0) }
        guard let text else {
            throw RegistryError(
                .notFound, "Unable to read the document '\(document.name)': it is not there any more.",
                digest: document.subject)
        }
        guard SHA256.hash(Array(text.utf8)) == document.digest else {
            throw RegistryError(
                .damagedBlob,
                "Unable to read the document '\(document.name)': it does not have the digest \(document.digest). "
                    + "Attach it again.", digest: document.subject)
        }
        return text
    }

    /// Attaches a document to what a reference stands for; the same document again changes nothing.
    ///
    /// - Parameters:
    ///   - text: the document.
    ///   - name: its file name.
    ///   - kind: what it is; nil to find out.
    /// - Throws: ``RegistryError`` with code `wrongKind` when it is too long, holds null characters or is about another
    ///   adapter; `notFound` or `readOnly`.
    @discardableResult
    public func attach(
        _ text: String, named name: String, kind: AttachedDocument.Kind? = nil, to reference: Reference
    ) throws -> AttachedDocument {
        let stored = try resolve(reference)
        func refused(_ reason: String) -> RegistryError {
            RegistryError(
                .wrongKind, "Unable to attach '\(name.prefix(80))' to '\(reference)': \(reason)",
                reference: reference.description)
        }
        guard text.utf8.count <= Registry.maximumDocumentByteCount, !text.utf8.contains(0) else {
            throw refused("it has more than \(Registry.maximumDocumentByteCount) bytes, or null characters.")
        }
        do throws(RegistryError) {
            // So that it can be exported under its name.
            _ = try Tag(parsing: name)
        } catch {
            throw refused("a name has letters, digits, '.', '_' and '-', and begins with a letter, a digit or '_'.")
        }
        let kind = kind ?? DocumentCheck.kind(of: text)
        let provenance = stored.kind == .adapter ? try open(stored).provenance() : nil
        if let fault = DocumentCheck.fault(in: text, kind: kind, about: stored.digest, provenance) {
            throw refused(fault)
        }
        let now = Timestamp.now()
        return try catalog.write { database in
            let draft = DocumentDraft(kind: kind, name: name, text: text)
            let (digest, isNew) = try Catalog.attach(draft, to: stored.digest, actor: actor, at: now, in: database)
            if isNew {
                let details = JSON.text(.map(draft.details(digest)))
                try Catalog.append(
                    AuditRecord(
                        date: now, actor: actor.withoutNull, action: "attach",
                        repository: reference.repository.description, newDigest: stored.digest.description,
                        details: details), in: database)
            }
            guard
                let document = try Catalog.documents(of: stored.digest, in: database).first(where: {
                    $0.digest == digest
                })
            else { throw refused("it cannot be read back. Run 'fsck'.") }
            return document
        }
    }

    /// What is wrong with a document, as a sentence; nil when it is whole and about its adapter.
    ///
    /// - Parameter exported: the digests of the files that the adapter is exported as, by name; asked for the signatures
    ///   of OpenSSF model signing only.
    /// - Throws: what `exported` throws, and ``RegistryError`` when the adapter cannot be read.
    public func fault(
        in document: AttachedDocument, of stored: StoredAdapter, exported: () throws -> [String: Digest]
    ) throws -> String? {
        let text: String
        do {
            text = try self.text(of: document)
        } catch let error as RegistryError where error.code == .damagedBlob {
            return error.message
        }
        let provenance = stored.kind == .adapter ? try open(stored).provenance() : nil
        if let fault = DocumentCheck.fault(in: text, kind: document.kind, about: stored.digest, provenance) {
            return fault
        }
        guard document.kind == .modelSigning else { return nil }
        return DocumentCheck.fault(inFilesOf: text, exported: try exported())
    }
}

import AdapterFormat
import FileSystem
import GRDB
import Integrity

extension Registry {
    /// Writes the lost and damaged documents about an adapter anew, from its file or from another registry.
    ///
    /// - Returns: what was done, or nil when nothing could be.
    func repairDocuments(of subject: Digest, from sources: [String]) throws -> String? {
        let faulty = try catalog.read { database in
            try Catalog.damagedDocuments(in: database) + Catalog.lostDocuments(in: database).map(\.document)
        }.filter { $0.subject == subject }
        guard !faulty.isEmpty else { return nil }
        let own = ownDocuments(of: subject)
        var repaired: [String] = []
        // What the log says of a document comes behind what a row says that was tampered with.
        for document in faulty {
            guard let text = try own[document.digest] ?? text(of: document, from: sources) else { continue }
            try catalog.write { try Catalog.replace(document, text: text, in: $0) }
            if !repaired.contains(document.name) { repaired.append(document.name) }
        }
        guard !repaired.isEmpty else { return nil }
        let names = repaired.map { "'\($0)'" }.joined(separator: ", ")
        return try log("The documents \(names) about \(subject) were written anew.", subject)
    }

    /// The documents that follow from an adapter's file, by digest; none when the file is missing or damaged, which is a
    /// finding of its own.
    private func ownDocuments(of subject: Digest) -> [Digest: String] {
        guard let record = try? verifiedRecord(subject) else { return [:] }
        return Dictionary(
            DocumentDraft.describing(record).map { (SHA256.hash(Array($0.text.utf8)), $0.text) },
            uniquingKeysWith: { first, _ in first })
    }

    /// The text of a document, if it is whole here or in another registry.
    private func text(of document: DocumentRow, from sources: [String]) throws -> String? {
        func whole(_ catalog: Catalog) throws -> String? {
            let text = try catalog.read { try Catalog.text(of: document.digest, about: document.subject, in: $0) }
            return text.flatMap { SHA256.hash(Array($0.utf8)) == document.digest ? $0 : nil }
        }
        if let text = try whole(catalog) { return text }
        for source in sources where Directory.kind(of: source) == .directory {
            if let text = try whole(Catalog.openForReading(source)) { return text }
        }
        return nil
    }
}

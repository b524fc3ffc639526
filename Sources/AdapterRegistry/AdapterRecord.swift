import AdapterFormat
import Adapters
import Integrity

/// Everything the catalog keeps about one stored file; all of it can be read from the file again.
struct AdapterRecord: Hashable, Sendable {
    /// The file's SHA-256, which is its name.
    var digest: Digest
    /// The adapter's identity.
    var contentRoot: Digest
    /// The file's length in bytes.
    var byteCount: Int
    /// What its header says.
    var summary: AdapterSummary
    /// What it was computed from, in order.
    var parents: [Provenance.Parent]

    init(
        digest: Digest, contentRoot: Digest, byteCount: Int, summary: AdapterSummary,
        parents: [Provenance.Parent] = []
    ) {
        self.digest = digest
        self.contentRoot = contentRoot
        self.byteCount = byteCount
        self.summary = summary
        self.parents = parents
    }

    /// The record of a file whose digest is known.
    ///
    /// - Throws: `FormatError` when the provenance in the file is damaged.
    init(_ file: AdapterFile, digest: Digest) throws {
        let provenance = try file.provenance()
        self.init(
            digest: digest, contentRoot: file.contentRoot, byteCount: file.byteCount,
            summary: AdapterSummary(file.adapter, operation: provenance?.operation),
            parents: (provenance?.parents ?? []).map { parent in
                var parent = parent
                parent.role = parent.role.withoutNull
                // SQLite stores not-a-number as null.
                if parent.weight?.isNaN == true { parent.weight = nil }
                return parent
            })
    }
}

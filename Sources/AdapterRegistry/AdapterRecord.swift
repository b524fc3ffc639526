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
    /// What the file is.
    var kind: StoredAdapter.Kind
    /// How it was computed; nil when it was not computed from others, or when the catalog was asked, not the file.
    var provenance: Provenance?

    init(
        digest: Digest, contentRoot: Digest, byteCount: Int, summary: AdapterSummary,
        parents: [Provenance.Parent] = [], kind: StoredAdapter.Kind = .adapter, provenance: Provenance? = nil
    ) {
        self.digest = digest
        self.contentRoot = contentRoot
        self.byteCount = byteCount
        self.summary = summary
        self.parents = parents
        self.kind = kind
        self.provenance = provenance
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
            }, provenance: provenance)
    }

    /// By what the same computation finds this file again.
    var recipeKey: Digest? { provenance.map { RecipeKey.key(of: $0) } }
}

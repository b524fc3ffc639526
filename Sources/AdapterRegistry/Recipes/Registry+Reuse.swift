public import Adapters
import GRDB
import Integrity

extension Registry {
    /// Sets a tag to the stored result of the same computation on the same inputs, if there is one.
    ///
    /// Inputs count by content root, and by what their notes say, as results may carry these on.
    ///
    /// - Parameters:
    ///   - provenance: the computation; its certificate does not count.
    ///   - message: what the result must say of itself.
    ///   - reference: the tag to set.
    ///   - expected: where the tag must stand for it to move.
    /// - Returns: nil when the result has to be computed; then nothing has changed.
    /// - Throws: ``RegistryError`` as a push.
    public func reuse(
        _ provenance: Provenance, message: String?, as reference: Reference, expected: ExpectedTag = .any
    ) throws -> StoredAdapter? {
        try withLease { lease in
            let found = try known(provenance, as: reference, lease) { $0.summary.message == message?.withoutNull }
            return try found.map { try name($0.digest, as: reference, expected: expected, message: message) }
        }
    }

    /// A stored result of the same computation whose file is whole, protected by the lease.
    ///
    /// Its bytes are read: a result that is damaged gets no new name, and computing it again replaces its file.
    func known(
        _ provenance: Provenance, as reference: Reference, _ lease: Lease, where isAccepted: (StoredAdapter) -> Bool
    ) throws -> StoredAdapter? {
        let key = RecipeKey.key(of: provenance)
        var damaged: Set<Digest> = []
        while true {
            let found = try catalog.write { database in
                let found = try Catalog.results(of: key, blobs: blobs, as: reference, in: database).first { stored in
                    try !damaged.contains(stored.digest) && isAccepted(stored)
                        && Catalog.haveEqualNotes(
                            Catalog.parents(of: stored.digest, in: database).map(\.digest),
                            provenance.parents.map(\.digest), in: database)
                }
                if let found { try lease.add(found.digest, in: database) }
                return found
            }
            guard let found, try !verify(found.digest, references: [], progress: nil).isEmpty else { return found }
            damaged.insert(found.digest)
        }
    }
}

extension Catalog {
    /// Whether adapters say the same of themselves, one by one; what is not stored says nothing that could be compared.
    fileprivate static func haveEqualNotes(_ first: [Digest], _ second: [Digest], in database: Database) throws -> Bool
    {
        guard first.count == second.count else { return false }
        return try zip(first, second).allSatisfy { first, second in
            guard first != second else { return true }
            guard let first = try record(of: first, in: database)?.summary,
                let second = try record(of: second, in: database)?.summary
            else { return false }
            return first.message == second.message && first.license == second.license && first.labels == second.labels
        }
    }
}

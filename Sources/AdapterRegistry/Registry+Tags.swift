import GRDB
import Integrity

extension Registry {
    /// Sets a tag to what a reference stands for, in the same or in another repository.
    ///
    /// - Parameters:
    ///   - source: the adapter.
    ///   - target: the tag to set.
    ///   - expected: where the tag must stand for it to move.
    ///   - immutable: true fixes the tag for good; false leaves it as it is.
    ///   - message: what the history shall say.
    /// - Throws: ``RegistryError`` with code `notFound`, `conflict`, `immutableTag`, `wrongKind` or `readOnly`.
    @discardableResult
    public func tag(
        _ source: Reference, as target: Reference, expected: ExpectedTag = .any, immutable: Bool = false,
        message: String? = nil
    ) throws -> StoredAdapter {
        let tag = try tag(of: target, verb: "tag")
        let change = Catalog.Change(operation: .tag, actor: actor, message: message)
        return try catalog.write { database in
            let stored = try Catalog.resolve(source, blobs: blobs, in: database)
            let repository = try Catalog.addVersion(target.repository, stored.digest, at: change.date, in: database)
            try Catalog.move(
                target, tag, to: stored.digest, repository: repository, expected: expected, makeImmutable: immutable,
                change, in: database)
            return try Catalog.resolve(target, blobs: blobs, in: database)
        }
    }

    /// Sets a tag back to where it stood before its last change, or after an earlier one.
    ///
    /// A rollback is a change of its own in the history; repeated without a generation it turns back and forth.
    ///
    /// - Parameters:
    ///   - reference: the tag.
    ///   - generation: the change whose result shall stand again; nil for the one before the last.
    /// - Throws: ``RegistryError`` with code `notFound` when there was no such change, when it removed the tag, or when
    ///   the version has left the repository; `conflict`, `immutableTag`, `wrongKind` or `readOnly`.
    @discardableResult
    public func rollBack(
        _ reference: Reference, toGeneration generation: Int? = nil, expected: ExpectedTag = .any,
        message: String? = nil
    ) throws -> StoredAdapter {
        let tag = try tag(of: reference, verb: "roll back")
        let change = Catalog.Change(operation: .rollback, actor: actor, message: message)
        return try catalog.write { database in
            let name = reference.repository
            let digest: Digest?
            if let generation {
                digest = try Catalog.event(name, tag, generation: generation, in: database)?.newDigest
            } else {
                digest = try Catalog.events(name, tag, after: nil, limit: 1, in: database).first?.oldDigest
            }
            guard let digest else {
                throw RegistryError(
                    .notFound,
                    "Unable to roll back '\(reference)': "
                        + (generation.map { "after its change \($0) it stood nowhere" } ?? "it has stood nowhere before")
                        + ". See 'history \(reference)' for where it stood.", reference: reference.description)
            }
            // Only a version of this repository: one that was removed has to be pushed again.
            let stored = try Catalog.resolve(Reference(name, digest: digest), blobs: blobs, in: database)
            let repository = try Catalog.addVersion(name, stored.digest, at: change.date, in: database)
            try Catalog.move(
                reference, tag, to: stored.digest, repository: repository, expected: expected, makeImmutable: false,
                change, in: database)
            return try Catalog.resolve(reference, blobs: blobs, in: database)
        }
    }

    /// Removes a tag. The version stays in its repository, under its digest.
    ///
    /// - Throws: ``RegistryError`` with code `notFound`, `conflict`, `immutableTag`, `wrongKind` or `readOnly`.
    public func untag(_ reference: Reference, expected: ExpectedTag = .any, message: String? = nil) throws {
        let tag = try tag(of: reference, verb: "untag")
        let change = Catalog.Change(operation: .untag, actor: actor, message: message)
        try catalog.write { database in
            let repository = try self.repository(of: reference, in: database)
            _ = try Catalog.remove(reference, tag, repository: repository, expected: expected, change, in: database)
        }
    }

    /// Removes an adapter from its repository.
    ///
    /// A tag goes together with the version it stands at, unless other tags of the repository stand there too. A digest
    /// goes with all its tags. The stored file stays until unused files are collected, the history for ever.
    ///
    /// - Throws: ``RegistryError`` with code `notFound`, `conflict`, `immutableTag` or `readOnly`.
    public func remove(_ reference: Reference, expected: ExpectedTag = .any, message: String? = nil) throws {
        let change = Catalog.Change(operation: .remove, actor: actor, message: message)
        try catalog.write { database in
            let repository = try self.repository(of: reference, in: database)
            let digest: Digest
            switch reference.selector {
            case .tag(let tag):
                digest = try Catalog.remove(
                    reference, tag, repository: repository, expected: expected, change, in: database)
                guard try Catalog.tags(repository, at: digest, in: database).isEmpty else { return }
            case .digest(let wanted):
                digest = try Catalog.resolve(reference, blobs: blobs, in: database).digest
                let tags = try Catalog.tags(repository, at: wanted, in: database)
                if tags.isEmpty {
                    try Catalog.append(
                        AuditRecord(
                            date: change.date, actor: actor.withoutNull, action: "remove",
                            repository: reference.repository.description, oldDigest: digest.description,
                            message: message?.withoutNull), in: database)
                }
                for tag in tags {
                    _ = try Catalog.remove(
                        Reference(reference.repository, tag: tag), tag, repository: repository, expected: .any, change,
                        in: database)
                }
            }
            try Catalog.removeVersion(repository, digest, at: change.date, in: database)
        }
    }

    private func repository(of reference: Reference, in database: Database) throws -> Int64 {
        guard let repository = try Catalog.repositoryID(reference.repository, in: database) else {
            throw try Catalog.notFound(reference, in: database)
        }
        return repository
    }
}

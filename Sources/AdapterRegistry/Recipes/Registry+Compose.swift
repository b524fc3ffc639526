import AdapterFormat
import Adapters
import FileSystem
import GRDB
import Integrity

/// What became of a recipe.
public struct ComposeReport: Sendable {
    /// One step and its result.
    public struct Step: Sendable {
        /// The step's name in the recipe.
        public let name: String
        /// What it did.
        public let operation: String
        /// The stored result.
        public let stored: StoredAdapter
        /// Whether it was in the store already, so that nothing was computed.
        public let wasStored: Bool
    }

    /// The steps in the order in which they were taken.
    public let steps: [Step]
    /// The named result.
    public let stored: StoredAdapter
}

extension Registry {
    /// Runs a recipe and sets a tag to its result.
    ///
    /// All references are resolved first, at one moment, and what they stand for is kept from being collected until the
    /// end. A step whose computation on the same inputs is stored already is not computed again. Results of inner steps
    /// are stored without names; they stay while the result needs them.
    ///
    /// - Parameters:
    ///   - recipe: the recipe.
    ///   - operations: what can be computed.
    ///   - reference: the tag to set.
    ///   - expected: where the tag must stand for it to move.
    ///   - lock: a lock file's entries, with which the references must agree.
    ///   - isRecomputing: whether results in the store are computed again.
    ///   - progress: told the step that is about to be computed.
    /// - Throws: ``RegistryError`` with code `invalidRecipe`, `notFound`, or `conflict` when an input has moved since the
    ///   lock was written; as a push; what the operations throw.
    public func compose(
        _ recipe: Recipe, with operations: RecipeOperations, as reference: Reference, expected: ExpectedTag = .any,
        lock: LockFile? = nil, isRecomputing: Bool = false, progress: ((_ step: String) -> Void)? = nil
    ) throws -> ComposeReport {
        try checkEarly(expected, reference, tag(of: reference, verb: "compose"))
        return try withLease { lease in
            let inputs = try resolve(recipe, lock: lock, lease)
            var results: [String: StoredAdapter] = [:]
            var steps: [ComposeReport.Step] = []
            for name in recipe.order {
                guard let step = recipe.steps[name] else { continue }
                let computation = try Computation(step, operations: operations) { input in
                    if case .step(let name) = input.source { results[name] } else { inputs[input.source] }
                }
                let message = name == recipe.result ? recipe.message : nil
                let known =
                    isRecomputing
                    ? nil
                    : try known(computation.provenance, as: reference, lease) {
                        // Another sentence would be another file.
                        message == nil || $0.summary.message == message?.withoutNull
                    }
                if known == nil { progress?(name) }
                let stored = try known ?? store(computation, message: message, as: reference, lease)
                results[name] = stored
                steps.append(.init(name: name, operation: step.operation, stored: stored, wasStored: known != nil))
            }
            guard let result = results[recipe.result] else { throw Recipe.invalid("it has no result.") }
            let stored = try name(result.digest, as: reference, expected: expected, message: recipe.message)
            return ComposeReport(steps: steps, stored: stored)
        }
    }

    /// What the references of a recipe stand for, all at one moment, protected by the lease.
    private func resolve(
        _ recipe: Recipe, lock: LockFile?, _ lease: Lease
    ) throws -> [Recipe.Source: StoredAdapter] {
        try catalog.write { database in
            var inputs: [Recipe.Source: StoredAdapter] = [:]
            for input in recipe.order.flatMap({ recipe.steps[$0]?.inputs ?? [] }) where inputs[input.source] == nil {
                switch input.source {
                case .step: continue
                case .reference(let reference):
                    let stored = try Catalog.resolve(reference, blobs: blobs, in: database)
                    try lock?.check(stored)
                    inputs[input.source] = stored
                case .digest(let digest):
                    let label = Reference(try RepositoryName(parsing: "recipe"), digest: digest)
                    guard let stored = try Catalog.stored(digest, as: label, blobs: blobs, in: database) else {
                        throw RegistryError(
                            .notFound, "Unable to compose: \(digest) is not stored. Push or restore it.",
                            digest: digest)
                    }
                    inputs[input.source] = stored
                }
            }
            for stored in inputs.values { try lease.add(stored.digest, in: database) }
            return inputs
        }
    }

    /// Computes a step and stores the result without a name.
    private func store(
        _ computation: Computation, message: String?, as reference: Reference, _ lease: Lease
    ) throws -> StoredAdapter {
        let output = try blobs.makeTemporary()
        let record = try write(computation, message: message, to: output)
        let documents = DocumentDraft.describing(record)
        try blobs.prepare(output, as: record.digest)
        return try catalog.write { database in
            try insert(output, record, documents, at: Timestamp.now(), in: database)
            try lease.add(record.digest, in: database)
            guard let stored = try Catalog.stored(record.digest, as: reference, blobs: blobs, in: database) else {
                throw RegistryError(
                    .corrupt, "Unable to compose '\(reference)': a row cannot be read back. Run 'fsck'.")
            }
            return stored
        }
    }

    /// Computes a step into a file and says what can be read back from it.
    func write(
        _ computation: Computation, message: String?, notes: AdapterNotes? = nil, to output: OutputFile
    ) throws -> AdapterRecord {
        let result = try computation.run { try open($0).adapter }
        var adapter = result.adapter
        if let notes { adapter.notes = notes }
        if let message { adapter.notes.message = message }
        _ = try AdapterFileWriter.write(
            adapter, to: output,
            provenance: {
                var provenance = computation.provenance
                provenance.certificate = try result.certificate()
                return provenance
            })
        // The rows come from what can be read back, not from what was meant to be written.
        let file = try AdapterFile(opening: output.temporaryPath, limits: limits)
        return try AdapterRecord(file, digest: blobs.digest(file, of: output))
    }

    /// Sets a tag to a stored file, which need not be a version of any repository.
    func name(
        _ digest: Digest, as reference: Reference, expected: ExpectedTag, message: String?
    ) throws -> StoredAdapter {
        let tag = try tag(of: reference, verb: "compose")
        let change = Catalog.Change(operation: .push, actor: actor, message: message)
        return try catalog.write { database in
            let repository = try Catalog.addVersion(reference.repository, digest, at: change.date, in: database)
            try Catalog.move(
                reference, tag, to: digest, repository: repository, expected: expected, makeImmutable: false, change,
                in: database)
            return try Catalog.resolve(reference, blobs: blobs, in: database)
        }
    }
}

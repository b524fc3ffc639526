import AdapterFormat
import Adapters
public import ByteCoding
public import Integrity

/// What computing an adapter again gave.
public struct RebuildReport: Hashable, Sendable {
    /// The stored adapter.
    public let stored: StoredAdapter
    /// How it was computed.
    public let operation: String
    /// The content root that was computed now.
    public let contentRoot: Digest
    /// The digest of the file that was written now; another version of the program may write the same adapter otherwise.
    public let digest: Digest

    /// Whether the adapter is the same, bit for bit.
    public var isEqual: Bool { contentRoot == stored.contentRoot }
}

extension Registry {
    /// Computes a stored adapter again from its stored parents, as its file says, and compares content roots.
    ///
    /// - Throws: ``RegistryError`` with code `wrongKind` when it was not computed, `invalidRecipe` when this program does
    ///   not know the operation, `notFound` when a parent is not stored; what the operation throws.
    public func rebuild(_ reference: Reference, with operations: RecipeOperations) throws -> RebuildReport {
        let stored = try resolve(reference)
        let file = try open(stored)
        let provenance = try self.provenance(of: file, stored)
        return try withLease { lease in
            let computation = try computation(provenance, operations, stored, lease)
            let output = try blobs.makeTemporary()
            let record = try write(computation, message: nil, notes: file.adapter.notes, to: output)
            return RebuildReport(
                stored: stored, operation: provenance.operation, contentRoot: record.contentRoot,
                digest: record.digest)
        }
    }

    /// The recipe of a computed adapter with its parents as inputs.
    ///
    /// - Parameters:
    ///   - dropped: parents that are left out, which is how one un-merges.
    ///   - operations: what knows how records are read.
    /// - Throws: ``RegistryError`` with code `wrongKind` when it was not computed; `notFound` when it has no such parent.
    public func recipe(
        of reference: Reference, without dropped: [StoredAdapter] = [], with operations: RecipeOperations
    ) throws -> Recipe {
        let stored = try resolve(reference)
        let provenance = try self.provenance(of: open(stored), stored)
        var step = operations.step(of: provenance)
        step.inputs = try provenance.inputs.map { parent in
            Recipe.Input(.digest(try present(parent) ?? parent.digest), weight: parent.weight)
        }
        for parent in dropped {
            let rest = zip(step.inputs, provenance.inputs).filter { $1.contentRoot != parent.contentRoot }.map(\.0)
            guard rest.count < step.inputs.count else {
                throw RegistryError(
                    .notFound,
                    "Unable to drop '\(parent.reference)' from '\(reference)': it is not one of its parents. "
                        + "See 'lineage \(reference)'.", reference: parent.reference.description)
            }
            step.inputs = rest
        }
        return try Recipe(steps: ["result": step], result: "result")
    }

    /// The whole recipe of a computed adapter as a document: its ancestors as steps where they can be computed again, and
    /// digests where that begins.
    ///
    /// - Parameter operations: what can be computed.
    /// - Throws: ``RegistryError`` with code `wrongKind` when it was not computed; `invalidRecipe` when its operation is
    ///   not one of recipes, as training is not.
    public func resolvedRecipe(of reference: Reference, with operations: RecipeOperations) throws -> MetadataValue {
        let stored = try resolve(reference)
        _ = try operations.operation(provenance(of: open(stored), stored).operation)
        var steps: [String: MetadataValue] = [:]
        var waiting = [stored]
        var seen: Set<Digest> = []
        func name(_ digest: Digest) -> String { digest == stored.digest ? "result" : "step-\(digest.abbreviated)" }
        while let next = waiting.popLast() {
            guard seen.insert(next.digest).inserted, let provenance = try open(next).provenance() else { continue }
            var inputs: [MetadataValue] = []
            for parent in provenance.inputs {
                let digest = try present(parent) ?? parent.digest
                let isStep = try isComputable(digest, operations)
                var input: [String: MetadataValue] =
                    isStep ? ["step": .string(name(digest))] : ["adapter": .string(digest.description)]
                input["weight"] = parent.weight.map { MetadataValue($0) }
                inputs.append(.map(input))
                if isStep { waiting.append(try self.stored(digest, as: reference)) }
            }
            steps[name(next.digest)] = [
                "operation": .string(provenance.operation), "inputs": .array(inputs),
                "options": .map(operations.options(of: provenance)),
            ]
        }
        var document: [String: MetadataValue] = ["steps": .map(steps), "result": "result"]
        document["message"] = stored.summary.message.map { .string($0) }
        return .map(document)
    }

    /// Whether a stored adapter can be computed again: by an operation of recipes, from parents that are stored.
    private func isComputable(_ digest: Digest, _ operations: RecipeOperations) throws -> Bool {
        try catalog.read { database in
            guard let operation = try Catalog.record(of: digest, in: database)?.summary.operation,
                operations.has(operation)
            else { return false }
            let parents = try Catalog.provenanceParents(of: digest, in: database).filter { $0.role == "input" }
            return try !parents.isEmpty && parents.allSatisfy { try Catalog.present($0, in: database) != nil }
        }
    }

    private func present(_ parent: Provenance.Parent) throws -> Digest? {
        try catalog.read { try Catalog.present(parent, in: $0) }
    }

    private func provenance(of file: AdapterFile, _ stored: StoredAdapter) throws -> Provenance {
        guard let provenance = try file.provenance() else {
            throw RegistryError(
                .wrongKind,
                "Unable to compute '\(stored.reference)' again: it was not computed from others but pushed.",
                reference: stored.reference.description, digest: stored.digest)
        }
        return provenance
    }

    private func computation(
        _ provenance: Provenance, _ operations: RecipeOperations, _ stored: StoredAdapter, _ lease: Lease
    ) throws -> Computation {
        let step = operations.step(of: provenance)
        let parents = Dictionary(provenance.parents.map { ($0.digest, $0) }, uniquingKeysWith: { first, _ in first })
        return try Computation(step, operations: operations) { input in
            guard case .digest(let digest) = input.source, let parent = parents[digest] else { return nil }
            return try catalog.write { database in
                guard let present = try Catalog.present(parent, in: database),
                    let parent = try Catalog.stored(present, as: stored.reference, blobs: blobs, in: database)
                else {
                    throw RegistryError(
                        .notFound,
                        "Unable to compute '\(stored.reference)' again: its parent \(digest) is not stored. "
                            + "Push or restore it.", reference: stored.reference.description, digest: digest)
                }
                try lease.add(parent.digest, in: database)
                return parent
            }
        }
    }
}

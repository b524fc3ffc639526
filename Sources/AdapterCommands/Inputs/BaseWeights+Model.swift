internal import AdapterArithmetic
internal import AdapterInterchange
internal import Adapters
internal import ByteCoding
internal import Integrity
internal import Tensors

extension BaseWeights {
    /// The weights of a folder.
    init(_ model: ModelFolder) throws {
        var tensors: [String: Tensor] = [:]
        var others: [String: String] = [:]
        for entry in model.entries {
            if entry.tensor.dtype == nil {
                others[entry.name] = entry.tensor.dtypeName
            } else {
                tensors[entry.name] = try model.tensor(entry)
            }
        }
        self.init(
            tensors: tensors, others: others, configuration: try model.configuration() ?? [:], label: "'\(model.path)'")
    }
}

extension ModelFolder {
    /// Throws when a tensor of a type that cannot be computed with, such as a quantised weight, is another one, or none, in a
    /// second model.
    ///
    /// - Throws: `ArithmeticError` with code `unsupportedBase`.
    func requireEqualOthers(in other: ModelFolder) throws {
        func bytes(_ entry: Entry, _ model: ModelFolder) throws -> Digest {
            var hasher = SHA256()
            try model.shards[entry.shard].file.forEachPiece(of: entry.tensor) { hasher.update($0) }
            return hasher.finalize()
        }
        let names = Set((entries + other.entries).filter { $0.tensor.dtype == nil }.map(\.name))
        for name in names.sorted() {
            let (one, two) = (entry(named: name), other.entry(named: name))
            // One that only one of them has is a buffer or found missing with the others.
            guard let one, let two else { continue }
            guard try one.tensor.dtypeName == two.tensor.dtypeName && bytes(one, self) == bytes(two, other) else {
                throw ArithmeticError(
                    .unsupportedBase,
                    "Unable to extract: the tensor '\(name)' differs and is \(one.tensor.dtypeName) in '\(path)' and "
                        + "\(two.tensor.dtypeName) in '\(other.path)', with which nothing can be computed. Use models that are "
                        + "not quantised.", module: name)
            }
        }
    }

    /// Throws when one of the adapters names another model by its digest; computes that of the weights only then.
    ///
    /// - Throws: `ArithmeticError` with code `differentBase`.
    func requireBase(of adapters: [LoadedAdapter], verb: String, options: GlobalOptions) throws {
        let bound = adapters.filter { $0.adapter.base.digest != nil }
        guard !bound.isEmpty else { return }
        let progress = options.console.progress(
            "Hashing the base model", totalByteCount: entries.reduce(0) { $0 + $1.byteCount })
        let digest = try weightsDigest(progress: progress.advance)
        progress.finish()
        for adapter in bound where adapter.adapter.base.digest != digest {
            throw ArithmeticError(
                .differentBase,
                "Unable to \(verb) '\(adapter.label)': it was trained on \(adapter.adapter.base.digest?.description ?? ""), "
                    + "the weights of '\(path)' are \(digest). Use --allow-different-base if these fit all the same.")
        }
    }
}

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
    /// Throws when one of the adapters names another model by its digest; computes that of the weights only then.
    ///
    /// - Throws: `ArithmeticError` with code `differentBase`.
    func requireBase(of adapters: [LoadedAdapter], verb: String, options: GlobalOptions) throws {
        let bound = adapters.filter { $0.adapter.base.digest != nil }
        guard !bound.isEmpty else { return }
        let progress = ConcurrentProgress(
            options.console, "Hashing the base model", totalByteCount: entries.reduce(0) { $0 + $1.byteCount })
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

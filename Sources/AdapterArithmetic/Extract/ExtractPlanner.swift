import Adapters
import ByteCoding
import Tensors

/// Decides what becomes of each tensor in which two models differ.
struct ExtractPlanner {
    /// A tensor in both models.
    struct Pair: Sendable {
        let name: String
        let base: Tensor
        let tuned: Tensor

        /// Whether all elements are the same; reads up to the first that is not.
        func isUnchanged() throws -> Bool {
            guard base.shape == tuned.shape else { return false }
            let step = TensorPieces.byteCount / 8
            for start in stride(from: 0, to: base.shape.elementCount, by: step) {
                let elements = start..<min(start + step, base.shape.elementCount)
                if base.dtype == tuned.dtype, base.dtype.block.elementCount == 1 {
                    let bytes = elements.lowerBound * base.dtype.byteCount..<elements.upperBound * base.dtype.byteCount
                    guard try base.bytes(in: bytes) == tuned.bytes(in: bytes) else { return false }
                } else {
                    guard try base.doubles(in: elements) == tuned.doubles(in: elements) else { return false }
                }
            }
            return true
        }
    }

    /// What changed, by what becomes of it.
    struct Sorting {
        /// The low-rank updates, and with rank 0 what is left out, ascending by name.
        var plans: [ExtractPlan] = []
        /// The parameters that are kept whole, by module.
        var parameters: [String: [ModuleParameter]] = [:]
        /// Their tensors' names.
        var fullNames: [String] = []

        var keepsAnything: Bool { !parameters.isEmpty || plans.contains { $0.rank > 0 } }
    }

    let base: BaseWeights
    let tuned: BaseWeights
    let options: ExtractOptions
    let isTarget: (@Sendable (String) throws -> Bool)?
    private let parts: ModelParts
    private let tied: (base: String?, tuned: String?)

    init(
        base: BaseWeights, tuned: BaseWeights, options: ExtractOptions,
        isTarget: (@Sendable (String) throws -> Bool)?
    ) {
        self.base = base
        self.tuned = tuned
        self.options = options
        self.isTarget = isTarget
        parts = ModelParts(configuration: base.configuration)
        tied = (TiedWeights(base).embedding, TiedWeights(tuned).embedding)
    }

    /// The tensors of both models, ascending by name.
    ///
    /// - Throws: ``ArithmeticError`` with code `missingTarget` when one lacks a tensor of the other.
    func pairs() throws -> [Pair] {
        let names = Set(base.tensors.keys).union(tuned.tensors.keys).filter { !ModelParts.isBuffer($0) }
        var pairs: [Pair] = []
        var missing: [(name: String, from: BaseWeights, of: BaseWeights)] = []
        for name in names.sorted(by: { $0.precedesInUTF8($1) }) {
            switch (tensor(name, base, tied.base), tensor(name, tuned, tied.tuned)) {
            case (let old?, let new?): pairs.append(Pair(name: name, base: old, tuned: new))
            case (nil, _): missing.append((name, base, tuned))
            case (_, nil): missing.append((name, tuned, base))
            }
        }
        if let first = missing.first {
            throw ArithmeticError(
                .missingTarget,
                "Unable to extract: \(first.from.label) lacks the tensor '\(first.name)' of \(first.of.label)"
                    + (missing.count > 1 ? " (and \(missing.count - 1) more differ)" : "")
                    + ". Use two versions of one model, saved in one way.")
        }
        return pairs
    }

    /// A tensor, or for an output layer without one the embedding that it shares.
    private func tensor(_ name: String, _ weights: BaseWeights, _ embedding: String?) -> Tensor? {
        weights.tensors[name] ?? (name == TiedWeights.outputWeight ? embedding.flatMap { weights.tensors[$0] } : nil)
    }
}

extension ExtractPlanner {
    /// What becomes of each changed tensor.
    ///
    /// - Parameter pairs: all tensors: a module that is kept whole is kept with all its parameters.
    func sorted(_ changed: [Pair], of pairs: [Pair]) throws -> Sorting {
        var sorting = Sorting()
        var full: [Pair] = []
        for pair in changed {
            let part = parts.part(pair.name, pair.base.shape)
            try requireEqualShapes(pair, part)
            let (module, _) = ModelParts.split(pair.name)
            if let isTransposed = try orientation(part, module) {
                sorting.plans.append(
                    plan(pair, name: module, rank: options.rank ?? 1, isTransposed: isTransposed))
            } else if keeps(part) {
                full.append(pair)
            } else {
                sorting.plans.append(plan(pair, name: pair.name, rank: 0, isTransposed: false))
            }
        }
        let dtypes = sorting.plans.filter { $0.rank > 0 }.map(\.difference.tuned.dtype)
        let dtype = options.dtype ?? Set(dtypes).writableType
        sorting.plans = sorting.plans.map { plan in
            ExtractPlan(
                name: plan.name, difference: plan.difference, isTransposed: plan.isTransposed, seed: options.seed,
                dtype: dtype, rank: plan.rank)
        }
        addParameters(full, of: pairs, to: &sorting)
        return sorting
    }

    private func plan(_ pair: Pair, name: String, rank: Int, isTransposed: Bool) -> ExtractPlan {
        let difference = WeightDifference(
            name: pair.name, labels: (base.label, tuned.label), base: pair.base, tuned: pair.tuned)
        return ExtractPlan(
            name: name, difference: difference, isTransposed: isTransposed, seed: options.seed, dtype: .f32,
            rank: min(rank, difference.rows, difference.columns))
    }

    /// How a weight that gets an update is stored; nil for one that gets none.
    private func orientation(_ part: ModelParts.Part, _ module: String) throws -> Bool? {
        switch part {
        case .linear(let isTransposed): return try isTarget?(module) ?? true ? isTransposed : nil
        case .output:
            // A tied layer has no weight of its own to change.
            guard let isTarget, tied.base == nil, tied.tuned == nil else { return nil }
            return try isTarget(module) ? false : nil
        case .other, .vector: return nil
        }
    }

    private func keeps(_ part: ModelParts.Part) -> Bool {
        switch (part, options.full) {
        case (.linear, _), (_, .none): false
        case (_, .changed), (.vector, .vectors): true
        case (_, .vectors): false
        }
    }

    private func requireEqualShapes(_ pair: Pair, _ part: ModelParts.Part) throws {
        let (old, new) = (pair.base.shape, pair.tuned.shape)
        guard old != new else { return }
        if case .linear = part {
        } else if old.rank == 2, new.rank == 2, old[1] == new[1], keeps(part) {
            // A larger vocabulary.
            return
        }
        throw ArithmeticError(
            .shapeMismatch,
            "Unable to extract: the tensor '\(pair.name)' is \(old) in \(base.label) and \(new) in \(tuned.label). Only "
                + "embeddings and output layers that are kept whole may have more rows: use --full changed, or two versions "
                + "of one model.", module: pair.name)
    }

    /// Adds parameters that are kept whole; norms with their unchanged bias, as PEFT replaces modules.
    private func addParameters(_ changed: [Pair], of pairs: [Pair], to sorting: inout Sorting) {
        let adapted = Set(sorting.plans.filter { $0.rank > 0 }.map(\.name))
        let modules = Set(changed.map { ModelParts.split($0.name).module })
        let names = Set(changed.map(\.name))
        let matrices = Set(pairs.filter { $0.base.shape.rank > 1 }.map { ModelParts.split($0.name).module })
        for pair in pairs {
            let (module, parameter) = ModelParts.split(pair.name)
            guard modules.contains(module), names.contains(pair.name) || !matrices.contains(module) else { continue }
            // PEFT trains the bias of a layer by itself, and below the layer that it wraps.
            let isBias = parameter == "bias" && matrices.contains(module)
            sorting.parameters[module, default: []].append(
                ModuleParameter(
                    role: isBias ? .bias : .full,
                    name: adapted.contains(module) ? "base_layer.\(parameter)" : parameter,
                    tensor: pair.tuned))
            sorting.fullNames.append(pair.name)
        }
        // A tied output layer changes with the embedding, and a replacement must say so.
        guard let embedding = tied.tuned, tied.base == embedding, names.contains(embedding),
            let tensor = tuned.tensors[embedding]
        else { return }
        let (module, parameter) = ModelParts.split(TiedWeights.outputWeight)
        sorting.parameters[module, default: []].append(ModuleParameter(role: .full, name: parameter, tensor: tensor))
        sorting.fullNames.append(TiedWeights.outputWeight)
    }
}

import Adapters
import ByteCoding
import Tensors

/// Decides what happens to each tensor of the base model.
struct FusePlanner {
    let base: BaseWeights
    let names: WeightNames
    let tied: TiedWeights
    /// The changes by tensor.
    private(set) var changes: [String: WeightChange] = [:]
    /// What replaces a tensor, by tensor, in the order of the inputs.
    private var replacements: [String: [WeightChange.Summand]] = [:]

    init(base: BaseWeights) {
        self.base = base
        names = WeightNames(base)
        tied = TiedWeights(base)
    }

    /// Takes one adapter up.
    mutating func add(_ input: MergeInput) throws {
        try FuseRefusals.check(input)
        let experts = ExpertTargets(input, names: names, base: base)
        for module in input.adapter.modules where input.weight(in: module.name) != 0 {
            // Parameters first: a replacement can have more rows than the base model, and an update then fits it.
            for parameter in module.parameters { try add(parameter, of: module, input) }
            if let update = module.update { try add(update, of: module, input, experts) }
        }
    }

    private mutating func add(
        _ update: LowRankUpdate, of module: AdaptedModule, _ input: MergeInput, _ experts: ExpertTargets
    ) throws {
        let owner = WeightNames.module(module.name)
        let targets =
            update.kind == .experts
            ? try experts.targets(of: module.name, update) : [try target(of: owner, label: input.label)]
        for target in targets {
            let layout = try storedLayout(update, target, module: module.name, input)
            try change(target.name, target.tiedTo, layout, input, module.name) { change in
                change.terms.append(
                    WeightChange.Term(
                        label: input.label, module: module.name, update: update, weight: input.weight(in: module.name),
                        magnitude: module.parameter(.magnitude)?.tensor, target: target))
            }
        }
    }

    /// The weight of a module that is not a stack.
    private func target(of module: String, label: String) throws -> WeightTarget {
        for parameter in ["weight", "in_proj_weight"] {
            if let name = try names.name(parameter, of: module) { return WeightTarget(name: name) }
        }
        if let embedding = tied.embedding, module.hasSuffix(TiedWeights.outputModule) {
            return WeightTarget(name: TiedWeights.outputWeight, tiedTo: embedding)
        }
        throw names.missing("weight", of: module, label: label)
    }

    private mutating func add(_ parameter: ModuleParameter, of module: AdaptedModule, _ input: MergeInput) throws {
        let owner = WeightNames.module(module.name)
        switch parameter.role {
        case .a, .b, .magnitude, .opaque: break
        case .updateBias:
            guard let name = try names.name("bias", of: owner) else {
                throw names.missing("bias", of: owner, label: input.label)
            }
            let shape = try weight(name, input, module.name).shape
            guard shape == parameter.tensor.shape else {
                throw ArithmeticError(
                    .shapeMismatch,
                    "Unable to fuse '\(input.label)': its bias for the module '\(module.name)' is "
                        + "\(parameter.tensor.shape), that of \(base.label) is \(shape). Use the base model that the "
                        + "adapter was trained on.", module: module.name)
            }
            let coefficient = input.weight(in: module.name) * (module.update?.scaling ?? 0)
            try dense(name, nil, parameter, input, module.name) {
                $0.summands.append(
                    WeightChange.Summand(label: input.label, tensor: parameter.tensor, coefficient: coefficient))
            }
        case .bias, .full:
            let below = WeightNames.module("." + (parameter.name.isEmpty ? "weight" : parameter.name)).dropFirst()
            let isTied = tied.embedding != nil && owner.hasSuffix(TiedWeights.outputModule) && below == "weight"
            guard let name = try names.name(String(below), of: owner) ?? (isTied ? TiedWeights.outputWeight : nil)
            else { throw names.missing(String(below), of: owner, label: input.label) }
            let tiedTo = base.contains(name) ? nil : tied.embedding
            replacements[name, default: []].append(
                WeightChange.Summand(
                    label: input.label, tensor: parameter.tensor, coefficient: input.weight(in: module.name)))
            try dense(name, tiedTo, parameter, input, module.name) { _ in }
        case .tokenRows: try addRows(parameter, of: module, input)
        }
    }

    private mutating func addRows(_ parameter: ModuleParameter, of module: AdaptedModule, _ input: MergeInput) throws {
        let owner = WeightNames.module(module.name)
        guard let name = try names.name("weight", of: owner) else {
            throw names.missing("weight", of: owner, label: input.label)
        }
        let indices = try TokenIndices.indices(of: owner, input)
        let shape = try weight(name, input, module.name).shape
        guard shape.rank == 2, parameter.tensor.shape.extents == [indices.count, shape[1]],
            indices.allSatisfy({ $0 >= 0 && $0 < shape[0] })
        else {
            throw ArithmeticError(
                .shapeMismatch,
                "Unable to fuse '\(input.label)': it trains \(indices.count) tokens as \(parameter.tensor.shape), "
                    + "'\(name)' of \(base.label) is \(shape). Use the base model that the adapter was trained on.",
                module: module.name)
        }
        let layout = StoredLayout(slices: 1, rows: shape[0], columns: shape[1], isTransposed: true)
        try change(name, nil, layout, input, module.name) { change in
            for (sourceIndex, index) in indices.enumerated() {
                change.rows.append(
                    WeightChange.Row(
                        index: index, label: input.label, tensor: parameter.tensor, sourceIndex: sourceIndex,
                        weight: input.weight(in: module.name)))
            }
        }
    }

    /// A change whose tensor has the parameter's shape.
    private mutating func dense(
        _ name: String, _ tiedTo: String?, _ parameter: ModuleParameter, _ input: MergeInput, _ module: String,
        _ body: (inout WeightChange) -> Void
    ) throws {
        let extents = parameter.tensor.shape.extents
        let rows = extents.count > 1 ? extents[0] : 1
        let columns = rows > 0 ? parameter.tensor.shape.elementCount / rows : 0
        let layout = StoredLayout(slices: 1, rows: rows, columns: columns, isTransposed: false)
        try change(name, tiedTo, layout, input, module, body)
    }

    private mutating func change(
        _ name: String, _ tiedTo: String?, _ layout: StoredLayout, _ input: MergeInput, _ module: String,
        _ body: (inout WeightChange) -> Void
    ) throws {
        let source = try weight(tiedTo ?? name, input, module)
        var change =
            changes[name]
            ?? WeightChange(name: name, source: source, dtype: source.dtype, layout: layout, sibling: tiedTo)
        // The layout that low-rank terms need holds for dense summands as well; those know no orientation.
        change.layout = change.terms.isEmpty ? layout : change.layout
        body(&change)
        changes[name] = change
    }

    private func weight(_ name: String, _ input: MergeInput, _ module: String) throws -> Tensor {
        let tensor = base.tensors[name]
        guard let tensor, [.f32, .f16, .bf16].contains(tensor.dtype) else {
            throw ArithmeticError(
                .unsupportedBase,
                "Unable to fuse '\(input.label)': '\(name)' of \(base.label) is \(tensor?.dtype.description ?? base.others[name] ?? "missing"), "
                    + "f32, f16 or bf16 is needed. Use a base model that is not quantised.", module: module)
        }
        return tensor
    }

    private func storedLayout(_ update: LowRankUpdate, _ target: WeightTarget, module: String, _ input: MergeInput)
        throws -> StoredLayout
    {
        let shape = try weight(target.tiedTo ?? target.name, input, module).shape
        let slices = try SliceLayout(update, module: module)
        let outputs = target.outputs?.count ?? slices.rows
        let count = target.slice == nil ? slices.count : 1
        let grown = replacements[target.name]?.first?.tensor.shape ?? shape
        if let layout = StoredLayout.matching(
            update.kind, extents: grown.extents, count: count, outputs: outputs, inputs: slices.columns,
            update.weightExtents, prefersTransposed: base.storesExpertsTransposed)
        {
            return layout
        }
        throw ArithmeticError(
            .shapeMismatch,
            "Unable to fuse '\(input.label)': its module '\(module)' changes a \(update.kind) weight of "
                + "\(update.weightExtents), '\(target.name)' of \(base.label) is \(shape). Use the base model that the "
                + "adapter was trained on.", module: module)
    }
}

extension FusePlanner {
    /// Puts replacements in, unties what differs, and gives the changes ascending by name, with what becomes of the
    /// configuration.
    mutating func finish() throws -> (changes: [WeightChange], configuration: [String: MetadataValue]) {
        var configuration: [String: MetadataValue] = [:]
        for (name, summands) in replacements {
            guard var change = changes[name] else { continue }
            try change.replace(with: summands)
            let extents = change.source.shape.extents
            if let old = base.tensors[change.sibling ?? name]?.shape.extents, extents != old {
                let isVocabulary = extents.count == 2 && old.count == 2 && extents[1] == old[1]
                guard summands.count == 1, isVocabulary, base.configuration["vocab_size"] != nil else {
                    throw ArithmeticError(
                        .shapeMismatch,
                        "Unable to fuse '\(summands[0].label)': it replaces '\(name)' by a tensor of \(extents), that of "
                            + "\(base.label) is \(old). Use the base model that the adapter was trained on.")
                }
                configuration["vocab_size"] = MetadataValue(extents[0])
            }
            changes[name] = change
        }
        if try tied.untie(&changes, base: base) { configuration["tie_word_embeddings"] = false }
        return (changes.values.sorted { $0.name.precedesInUTF8($1.name) }, configuration)
    }
}

extension WeightChange {
    /// The weighted replacement of the tensor: source + Σ weight · (replacement − source).
    fileprivate mutating func replace(with replacements: [Summand]) throws {
        if hasGains {
            throw ArithmeticError(
                .notLinear,
                "Unable to fuse '\(replacements[0].label)': '\(name)' is replaced and also changed by DoRA, whose result "
                    + "depends on their order. Fuse one after the other.", module: terms[0].module)
        }
        if replacements.count == 1, replacements[0].coefficient == 1 {
            source = replacements[0].tensor
            replacedBy = replacements[0].label
            return
        }
        let sum = replacements.reduce(0) { $0 + $1.coefficient }
        sourceFactor = 1 - sum
        for replacement in replacements {
            guard replacement.tensor.shape == source.shape else {
                throw ArithmeticError(
                    .shapeMismatch,
                    "Unable to fuse '\(replacement.label)': it replaces '\(name)' of \(source.shape) by a tensor of "
                        + "\(replacement.tensor.shape), which only a single adapter of weight 1 can do.")
            }
            summands.append(replacement)
        }
    }
}

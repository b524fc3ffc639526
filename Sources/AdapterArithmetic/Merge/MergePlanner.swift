import Adapters
import Tensors

/// Decides for each module how its update comes about.
struct MergePlanner {
    private let inputs: [MergeInput]
    private let options: MergeOptions
    private let definition: MergeDefinition
    /// Each input's updates by module name.
    private let updates: [[String: LowRankUpdate]]
    /// The one type of all factors, when there is one that can be written.
    private let commonDType: DType

    /// - Parameter inputs: at least one, none with weight 0.
    init(inputs: [MergeInput], options: MergeOptions) {
        self.inputs = inputs
        self.options = options
        // PEFT takes `linear` for one adapter, whatever is asked for.
        definition =
            inputs.count == 1 && options.method.isPEFT
            ? .factors(.linear) : options.method.definition(options)
        updates = inputs.map { input in
            Dictionary(input.adapter.updates.map { ($0.name, $0.update) }, uniquingKeysWith: { first, _ in first })
        }
        let dtypes = Set(updates.flatMap { $0.values.flatMap { [$0.a.dtype, $0.b.dtype] } })
        commonDType = options.dtype ?? dtypes.writableType
    }

    /// The plans of several modules, side by side unless one keeps all processors busy.
    func plans(_ names: [String]) throws -> [(any UpdatePlan)?] {
        try definition.usesAllProcessors ? names.map(plan) : Concurrent.map(names, plan)
    }

    /// The plan of one module; nil when no input adapts it.
    func plan(_ name: String) throws -> (any UpdatePlan)? {
        guard let module = try terms(name) else { return nil }
        switch definition {
        case .sum: return try sumPlan(module, rule: nil)
        case .combination(let rule, .whole): return try sumPlan(module, rule: rule)
        case .combination(let rule, let unit):
            // One adapter is what it is, by row and by column.
            guard module.weights.count > 1 else { return try sumPlan(module, rule: nil) }
            return try approximationPlan(module, RowwiseCombination(rule: rule, isColumnwise: unit == .column))
        case .factors(let rule):
            try refuseGroups(module)
            return try FactorPlan(module: module, rule: rule)
        case .elements(let rule): return try approximationPlan(module, ElementMerge(rule: rule))
        case .core(let rule): return try approximationPlan(module, rule)
        }
    }

    /// What takes part in a module; nil when nothing adapts it.
    func terms(_ name: String) throws -> ModuleTerms? {
        let given = zip(inputs, updates).map { (input: $0, update: $1[name]) }
            .filter { $0.input.weight(in: name) != 0 }
        try requireSameWeight(given.compactMap { entry in entry.update.map { (entry.input.label, $0) } }, name)
        let taking = options.inputOrder.sorted(given, in: name, by: \.input)
        var weights = taking.map { $0.input.weight(in: name) }
        var terms = try taking.enumerated().compactMap { position, entry -> ModuleTerms.Term? in
            guard let update = entry.update else { return nil }
            let term = ModuleTerms.Term(
                position: position, label: entry.input.label, contentRoot: entry.input.contentRoot, update: update,
                weight: weights[position])
            guard term.coefficient.isFinite else {
                throw ArithmeticError(
                    .invalidWeight,
                    "Unable to merge '\(term.label)': weight times scaling of the module '\(name)' exceeds binary64.",
                    module: name)
            }
            return term
        }
        guard let first = terms.first else { return nil }
        if case .combination = definition, weights.count == 1 {
            // Only shares count, and one adapter has all of it.
            weights = [1]
            terms = [first.weighted(by: 1)]
        }
        return ModuleTerms(
            name: name, weights: weights, terms: terms, layout: try SliceLayout(first.update, module: name),
            dtype: commonDType,
            verb: options.verb)
    }
}

extension MergePlanner {
    private func sumPlan(_ module: ModuleTerms, rule: (any CombinationRule)?) throws -> SumPlan {
        let isAlone = inputs.count == 1
        let mayKeep = isAlone && keepsTypes(module.terms[0].update)
        if !mayKeep || options.energy != nil || options.rank(of: module.name) ?? .max < module.stackedRank {
            try refuseGroups(module)
        }
        var plan = SumPlan(
            module: module, rule: module.weights.count > 1 ? rule : nil, action: mayKeep ? .keep : .stack,
            rank: module.stackedRank, keepsScalingOutside: isAlone)
        let truncates =
            options.method == .exact || options.rank(of: module.name) != nil || options.energy != nil
            || options.reducesRank
        if options.method != .cat, truncates { try planTruncation(&plan, isAlone) }
        return plan
    }

    private func planTruncation(_ plan: inout SumPlan, _ isAlone: Bool) throws {
        var truncated = plan
        truncated.keepsScalingOutside = false
        let rank: Int
        if isAlone, options.energy == nil {
            rank = min(options.rank(of: plan.module.name) ?? plan.rank, plan.rank)
        } else if options.energy == nil, let wanted = options.rank(of: plan.module.name) {
            rank = min(wanted, plan.module.capacity)
        } else {
            rank = try truncated.requiredRank(options)
        }
        // Alone and at full rank there is nothing to truncate, and the factors are better kept.
        if isAlone, rank == plan.rank { return }
        truncated.action = .truncate
        truncated.rank = min(rank, plan.module.capacity)
        plan = truncated
    }

    private func approximationPlan(_ module: ModuleTerms, _ rule: any ApproximationRule) throws -> ApproximationPlan {
        try refuseGroups(module)
        let wanted = options.energy == nil ? options.rank : nil
        var plan = ApproximationPlan(
            module: module, rule: rule, rank: min(wanted ?? rule.defaultRank(module), rule.largestRank(module)))
        if options.energy != nil || options.reducesRank {
            plan.rank = try plan.requiredRank(energy: options.energy ?? 1, limit: options.rank)
        }
        return plan
    }

    private func keepsTypes(_ update: LowRankUpdate) -> Bool {
        guard let wanted = options.dtype else { return true }
        return update.a.dtype == wanted && update.b.dtype == wanted
    }

    private func refuseGroups(_ module: ModuleTerms) throws {
        guard let grouped = module.terms.first(where: { $0.update.groupCount > 1 }) else { return }
        throw ArithmeticError(
            .notLinear,
            "Unable to \(options.verb) '\(grouped.label)': the module '\(module.name)' is a convolution in "
                + "\(grouped.update.groupCount) groups, whose factors can only be kept as they are. "
                + "It can only be kept as it is: alone, without another rank, --energy and --dtype.",
            module: module.name)
    }

    private func requireSameWeight(_ updates: [(label: String, update: LowRankUpdate)], _ name: String) throws {
        guard let first = updates.first else { return }
        for other in updates.dropFirst() {
            let (one, two) = (first.update, other.update)
            if one.kind == two.kind, one.weightExtents == two.weightExtents { continue }
            throw ArithmeticError(
                .shapeMismatch,
                "Unable to merge the module '\(name)': '\(first.label)' adapts a \(one.kind) weight of "
                    + "\(one.weightExtents), '\(other.label)' a \(two.kind) weight of \(two.weightExtents). "
                    + "Merge adapters of one base model.", module: name)
        }
    }
}

extension Set<DType> {
    /// The only type in here, when results can be written in it; else f32.
    var writableType: DType {
        guard count == 1, let only = first, [.f32, .f16, .bf16].contains(only) else { return .f32 }
        return only
    }
}

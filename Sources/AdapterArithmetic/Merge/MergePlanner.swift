import Adapters
import Tensors

/// Decides for each module how its update comes about.
struct MergePlanner {
    private let inputs: [MergeInput]
    private let options: MergeOptions
    /// Each input's updates by module name.
    private let updates: [[String: LowRankUpdate]]
    /// The one type of all factors, when there is one that can be written.
    private let commonDType: DType

    /// - Parameter inputs: at least one, none with weight 0.
    init(inputs: [MergeInput], options: MergeOptions) {
        self.inputs = inputs
        self.options = options
        updates = inputs.map { input in
            Dictionary(input.adapter.updates.map { ($0.name, $0.update) }, uniquingKeysWith: { first, _ in first })
        }
        let dtypes = Set(updates.flatMap { $0.values.flatMap { [$0.a.dtype, $0.b.dtype] } })
        commonDType = options.dtype ?? dtypes.writableType
    }

    /// The plan of one module; nil when no input adapts it.
    func plan(_ name: String) throws -> ModulePlan? {
        let terms = try zip(inputs, updates).compactMap { input, updates -> ModulePlan.Term? in
            guard let update = updates[name] else { return nil }
            let coefficient = input.weight * update.scaling
            guard coefficient.isFinite else {
                throw ArithmeticError(
                    .invalidWeight,
                    "Unable to merge '\(input.label)': weight times scaling of the module '\(name)' exceeds binary64.",
                    module: name)
            }
            return ModulePlan.Term(label: input.label, update: update, coefficient: coefficient)
        }
        guard let first = terms.first else { return nil }
        for other in terms.dropFirst() { try requireSameWeight(first, other, name) }

        let isAlone = inputs.count == 1
        let mayKeep = isAlone && keepsTypes(first.update)
        if !mayKeep || options.energy != nil || options.rank ?? .max < first.update.rank {
            try refuseGroups(terms, name)
        }
        var plan = ModulePlan(
            name: name, terms: terms, layout: try SliceLayout(first.update, module: name),
            action: mayKeep ? .keep : .stack, rank: 0, dtype: commonDType, keepsScalingOutside: isAlone,
            weight: inputs[0].weight)
        plan.rank = plan.stackedRank
        if options.method == .exact { try planTruncation(&plan, isAlone) }
        return plan
    }

    private func planTruncation(_ plan: inout ModulePlan, _ isAlone: Bool) throws {
        let rank: Int
        if isAlone, options.energy == nil {
            rank = min(options.rank ?? plan.rank, plan.rank)
        } else if options.energy == nil, let wanted = options.rank {
            rank = min(wanted, plan.capacity)
        } else {
            rank = try plan.requiredRank(options)
        }
        // Alone and at full rank there is nothing to truncate, and the factors are better kept.
        if isAlone, rank == plan.rank { return }
        plan.action = .truncate
        plan.keepsScalingOutside = false
        plan.rank = min(rank, plan.capacity)
    }

    private func keepsTypes(_ update: LowRankUpdate) -> Bool {
        guard let wanted = options.dtype else { return true }
        return update.a.dtype == wanted && update.b.dtype == wanted
    }

    private func refuseGroups(_ terms: [ModulePlan.Term], _ name: String) throws {
        guard let grouped = terms.first(where: { $0.update.groupCount > 1 }) else { return }
        throw ArithmeticError(
            .notLinear,
            "Unable to merge '\(grouped.label)': the module '\(name)' is a convolution in "
                + "\(grouped.update.groupCount) groups, whose factors can only be kept as they are. "
                + "Merge it alone, without --rank, --energy and --dtype.", module: name)
    }

    private func requireSameWeight(_ first: ModulePlan.Term, _ other: ModulePlan.Term, _ name: String) throws {
        let (one, two) = (first.update, other.update)
        guard one.kind == two.kind, one.weightExtents == two.weightExtents else {
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

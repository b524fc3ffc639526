public import Adapters
import ByteCoding
import Tensors

/// The difference of two models as an adapter.
public enum Extract {
    /// The adapter that turns a base model into a tuned one, as well as its ranks allow.
    ///
    /// Linear layers that changed get the best low-rank approximation that a random sketch with power iterations finds; its
    /// error is known exactly, whatever the sketch has missed. Other parameters that changed are kept whole or left out, see
    /// ``FullPolicy``. What did not change takes no part. Weights are read tile by tile, several times, and never held.
    ///
    /// Tensors are computed when they are read. Finding out what changed reads both models up to the first difference in
    /// each tensor; an energy or an error also computes each module once to find its rank.
    ///
    /// - Parameters:
    ///   - tuned: the tuned model's weights.
    ///   - base: the base model's weights.
    ///   - model: what the adapter says of the base model.
    ///   - isTarget: whether a linear layer, by its path, gets an update; what is no target is left out. Nil for every one
    ///     but the output layer.
    ///   - progress: is told of each tensor that was looked at, from several threads.
    /// - Throws: ``ArithmeticError`` with code `invalidOption`, `missingTarget`, `shapeMismatch`, `unsupportedBase`,
    ///   `noInput` when nothing is left to store, `nonFinite` or `limitExceeded`; what reading the models throws.
    public static func extract(
        _ tuned: BaseWeights, from base: BaseWeights, model: BaseModel, options: ExtractOptions,
        isTarget: (@Sendable (String) throws -> Bool)? = nil, progress: @Sendable (String) -> Void = { _ in }
    ) throws -> Extraction {
        try options.check()
        let planner = ExtractPlanner(base: base, tuned: tuned, options: options, isTarget: isTarget)
        let pairs = try planner.pairs()
        let areEqual = try Concurrent.map(pairs) { pair in
            defer { progress(pair.name) }
            return try pair.isUnchanged()
        }
        let changed = zip(pairs, areEqual).filter { !$1 }.map(\.0)
        guard !changed.isEmpty else {
            throw ArithmeticError(.noInput, "Unable to extract: \(tuned.label) equals \(base.label).")
        }
        var sorting = try planner.sorted(changed, of: pairs)
        guard sorting.keepsAnything else {
            throw ArithmeticError(
                .noInput,
                "Unable to extract: none of the \(changed.count) tensors that changed, such as '\(changed[0].name)', is to be "
                    + "kept. Choose other targets, or --full changed.")
        }
        if let share = options.missingShare {
            for index in sorting.plans.indices where sorting.plans[index].rank > 0 {
                sorting.plans[index].rank = try sorting.plans[index].requiredRank(missing: share, limit: options.rank)
            }
        }
        return Extraction(
            computed: try computed(sorting, model), full: sorting.fullNames.sorted { $0.precedesInUTF8($1) },
            leftOut: sorting.plans.filter { $0.rank == 0 }.map(\.difference.name),
            unchangedCount: areEqual.count { $0 })
    }

    private static func computed(_ sorting: ExtractPlanner.Sorting, _ model: BaseModel) throws -> ComputedAdapter {
        let engine = ComputationEngine(plans: sorting.plans)
        var updates: [String: LowRankUpdate] = [:]
        for (index, plan) in sorting.plans.enumerated() where plan.rank > 0 {
            updates[plan.name] = try plan.update(from: engine, index: index)
        }
        let names = Set(updates.keys).union(sorting.parameters.keys)
        return ComputedAdapter(
            adapter: try Adapter(
                base: model,
                modules: names.map { name in
                    try AdaptedModule(
                        name: name, update: updates[name], parameters: sorting.parameters[name] ?? [])
                }), engine: engine)
    }
}

extension ExtractPlan {
    /// The update, whose factors the engine computes; its scaling is 1.
    fileprivate func update(from engine: ComputationEngine, index: Int) throws -> LowRankUpdate {
        guard rank <= LowRankUpdate.maximumRank, let a = Shape([rank, layout.columns]),
            let b = Shape([layout.rows, rank])
        else {
            throw ArithmeticError(
                .limitExceeded,
                "Unable to extract the module '\(name)': its rank \(rank) is more than \(LowRankUpdate.maximumRank). Use "
                    + "--rank.", module: name)
        }
        return try LowRankUpdate(
            kind: isTransposed ? .transposedLinear : .linear,
            a: Tensor(dtype: dtype, shape: a, source: ComputedFactor(engine: engine, plan: index, side: .a)),
            b: Tensor(dtype: dtype, shape: b, source: ComputedFactor(engine: engine, plan: index, side: .b)),
            rank: rank, alpha: Double(rank), scalingRule: .alphaOverRank)
    }
}

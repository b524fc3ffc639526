import Adapters
import ByteCoding
import Tensors

/// One adapter of several.
public enum Merge {
    /// The adapter that a method makes of the inputs, in each module that any of them adapts; by default the one with
    /// ΔW = Σ wᵢ·sᵢ·Bᵢ·Aᵢ.
    ///
    /// An input that does not adapt a module takes part in it with ΔW = 0. A weight of 0 leaves its input out. A single
    /// input of a sum keeps its factors bit for bit, unless the options truncate or convert them; its weight goes into
    /// alpha. Several inputs give modules whose scaling is 1. Unless the options say otherwise, several inputs of known
    /// content roots give the same bits in whatever order they are given, weights going with them.
    ///
    /// Tensors are computed when they are read. Only ranks that must be found from singular values are computed at
    /// once, which reads all factors.
    ///
    /// - Throws: ``ArithmeticError``, and what reading the inputs throws.
    /// - Complexity: for sums and combinations O((m + n)·R²) for each m × n weight with R the sum of the ranks. ΔW is
    ///   never held.
    public static func merge(_ inputs: [MergeInput], options: MergeOptions = MergeOptions()) throws -> ComputedAdapter {
        try options.check()
        for input in inputs { try input.requireFiniteWeight(verb: options.verb) }
        let active = inputs.filter { $0.weight != 0 }
        guard let first = active.first else {
            throw ArithmeticError(
                .noInput,
                inputs.isEmpty
                    ? "Unable to merge: no adapter is given. Name at least one."
                    : "Unable to merge: every weight is 0, so nothing is left. Give one adapter another weight.")
        }
        try requireCount(inputs.count, options)
        let base = try mergedBase(active, options)
        let planner = MergePlanner(inputs: active, options: options)
        let parameters = try ParameterMerge(inputs: active, options: options)

        let names = Set(active.flatMap { $0.adapter.modules.map(\.name) }).sorted { $0.precedesInUTF8($1) }
        var plans: [any UpdatePlan] = []
        var planIndices: [String: Int] = [:]
        for (name, plan) in zip(names, try planner.plans(names)) {
            guard let plan else { continue }
            planIndices[name] = plans.count
            plans.append(plan)
        }
        try parameters.checkKept(plans)

        let engine = ComputationEngine(plans: plans)
        let modules = try names.compactMap { name -> AdaptedModule? in
            let index = planIndices[name]
            let update = try index.map { try mergedUpdate(plans[$0], index: $0, engine) }
            let others = try parameters.parameters(of: name, plan: index.map { plans[$0] })
            return update == nil && others.isEmpty
                ? nil : try AdaptedModule(name: name, update: update, parameters: others)
        }
        let adapter = try Adapter(
            base: base, modules: modules, behaviour: parameters.behaviour,
            notes: AdapterNotes(source: commonSource(active, first)))
        return ComputedAdapter(adapter: adapter, engine: engine)
    }

    /// Throws when a method is not defined for so many adapters.
    static func requireCount(_ count: Int, _ options: MergeOptions) throws {
        let counts = options.method.definition(options).inputCounts
        guard !counts.contains(count) else { return }
        throw ArithmeticError(
            .invalidOption,
            "Unable to merge by \((options.innerMethod ?? options.method).rawValue): it takes "
                + (counts.upperBound == counts.lowerBound ? "\(counts.lowerBound)" : "at least \(counts.lowerBound)")
                + " adapters, \(count) are given. "
                + (count > 2 ? "Use multislerp or karcher." : "Name another one."))
    }

    private static func mergedUpdate(_ plan: any UpdatePlan, index: Int, _ engine: ComputationEngine) throws
        -> LowRankUpdate
    {
        let first = plan.module.terms[0].update
        let (alpha, rule) = plan.scaling
        guard alpha.isFinite else {
            throw ArithmeticError(
                .invalidWeight,
                "Unable to merge the module '\(plan.module.name)': weight times alpha exceeds binary64.",
                module: plan.module.name)
        }
        func computed(_ side: ComputedFactor.Side, _ dtype: DType, _ shape: Shape) -> Tensor {
            Tensor(dtype: dtype, shape: shape, source: ComputedFactor(engine: engine, plan: index, side: side))
        }
        var (a, b) = (first.a, first.b)
        if plan.passesFactorsOn {
            (a, b) = (computed(.a, a.dtype, a.shape), computed(.b, b.dtype, b.shape))
        } else if !plan.keepsFactors {
            let extents = first.shapes(rank: plan.rank)
            guard plan.rank <= LowRankUpdate.maximumRank, let aShape = Shape(extents.a), let bShape = Shape(extents.b)
            else {
                throw ArithmeticError(
                    .limitExceeded,
                    "Unable to merge the module '\(plan.module.name)': the ranks add up to \(plan.rank), "
                        + "\(LowRankUpdate.maximumRank) is the most. Use --method exact with --rank.",
                    module: plan.module.name)
            }
            (a, b) = (computed(.a, plan.module.dtype, aShape), computed(.b, plan.module.dtype, bShape))
        }
        return try LowRankUpdate(kind: first.kind, a: a, b: b, rank: plan.rank, alpha: alpha, scalingRule: rule)
    }

    private static func mergedBase(_ inputs: [MergeInput], _ options: MergeOptions) throws -> BaseModel {
        var merged = inputs[0].adapter.base
        for input in inputs.dropFirst() {
            if merged.isCompatible(with: input.adapter.base) {
                merged = merged.merging(input.adapter.base)
            } else if !options.allowDifferentBase {
                throw ArithmeticError(
                    .differentBase,
                    "Unable to merge '\(inputs[0].label)' and '\(input.label)': they were trained on \(merged.summary) "
                        + "and on \(input.adapter.base.summary). Use --allow-different-base if these are one model.")
            }
        }
        return merged
    }

    /// The first input's configuration, from which an exporter learns what modules alone do not say.
    private static func commonSource(_ inputs: [MergeInput], _ first: MergeInput) -> SourceConfiguration? {
        let source = first.adapter.notes.source
        return inputs.allSatisfy { $0.adapter.notes.source?.layout == source?.layout } ? source : nil
    }
}

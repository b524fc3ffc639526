public import Adapters
import Tensors

/// An adapter whose modules all have one rank.
public enum Pad {
    /// The adapter with A and B filled up with zeros, for programs that want one rank.
    ///
    /// ΔW stays the same, bit for bit in A and B, and alpha grows so that the scaling does, too. DoRA and parameters beside
    /// the updates stay what they are. Factors in `q8`, whose blocks would shift, become f32, which holds them
    /// exactly.
    ///
    /// - Parameters:
    ///   - rank: the rank, not below that of any module. It may exceed the weight's extents.
    ///   - label: what messages call the adapter.
    /// - Throws: ``ArithmeticError`` with code `invalidOption`, `noInput` when no module has an update, `notLinear` for tensors
    ///   and settings of unknown effect, `nonFinite`, `overflow` or `limitExceeded`; what reading the adapter throws.
    public static func pad(_ adapter: Adapter, to rank: Int, label: String = "the adapter") throws -> ComputedAdapter {
        let updates = adapter.updates
        guard !updates.isEmpty else {
            throw ArithmeticError(.noInput, "Unable to pad '\(label)': it has no low-rank update.")
        }
        guard (1...LowRankUpdate.maximumRank).contains(rank) else {
            throw ArithmeticError(
                .invalidOption,
                "Unable to pad '\(label)': the rank is \(rank), 1 to \(LowRankUpdate.maximumRank) are possible.")
        }
        if let obstacle = adapter.nonlinearity(allowsMagnitudes: true) {
            throw ArithmeticError(
                .notLinear, "Unable to pad '\(label)': \(obstacle.description).", module: obstacle.module)
        }
        let plans = try updates.map { try PadPlan(name: $0.name, update: $0.update, rank: rank, label: label) }
        let engine = ComputationEngine(plans: plans)
        var next = 0
        let modules = try adapter.modules.map { module in
            guard module.update != nil else { return module }
            defer { next += 1 }
            return try AdaptedModule(
                name: module.name, update: plans[next].update(from: engine, index: next), parameters: module.parameters)
        }
        return ComputedAdapter(
            adapter: try Adapter(
                base: adapter.base, modules: modules, behaviour: adapter.behaviour, notes: adapter.notes),
            engine: engine)
    }
}

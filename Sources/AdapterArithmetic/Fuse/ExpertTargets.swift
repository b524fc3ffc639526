import Adapters
import ByteCoding
import Tensors

/// Finds the weights that a stack of updates changes.
///
/// A module's stacks are told apart by how deep they stand under `base_layer`: the parameter that is declared last is the
/// outermost. Mixtures of transformers declare `gate_up_proj` before `down_proj`. A checkpoint may keep a stack as one
/// tensor or each expert's matrices apart, gate and up as two.
struct ExpertTargets {
    private let names: WeightNames
    private let base: BaseWeights
    /// The parameters of the adapter's configuration, `mlp.experts.gate_up_proj`, ….
    private let parameters: [String]
    /// The names of the adapter's modules.
    private let modules: Set<String>
    private let label: String

    init(_ input: MergeInput, names: WeightNames, base: BaseWeights) {
        self.names = names
        self.base = base
        parameters = input.adapter.behaviour[BehaviourMerge.parameters]?.array?.compactMap(\.string) ?? []
        modules = Set(input.adapter.updates.map(\.name))
        label = input.label
    }

    /// The weights of a module's update.
    func targets(of module: String, _ update: LowRankUpdate) throws -> [WeightTarget] {
        let owner = WeightNames.module(module)
        let parameter = try parameter(of: module, owner)
        if let name = try names.name(parameter, of: owner) { return [WeightTarget(name: name)] }
        let matrices = ["gate_up_proj": ["gate_proj", "up_proj"]][parameter] ?? [parameter]
        let outputs = update.b.shape[1] / matrices.count
        return try (0..<update.b.shape[0]).flatMap { expert in
            try matrices.enumerated().map { number, matrix in
                guard let name = try names.name("weight", of: "\(owner).\(expert).\(matrix)") else {
                    throw names.missing(parameter, of: owner, label: label)
                }
                return WeightTarget(name: name, slice: expert, outputs: number * outputs..<(number + 1) * outputs)
            }
        }
    }

    private func parameter(of module: String, _ owner: String) throws -> String {
        let candidates = parameters.compactMap { parameter -> String? in
            let components = parameter.split(separator: ".")
            let parent = components.dropLast().joined(separator: ".")
            guard parent.isEmpty || owner == parent || owner.hasSuffix("." + parent) else { return nil }
            return components.last.map(String.init)
        }
        let order = ["gate_up_proj": 0, "down_proj": 1]
        let ordered = Set(candidates).sorted { (order[$0] ?? 2, $0) < (order[$1] ?? 2, $1) }
        let depth = (0..<ordered.count).first { number in
            module == owner + String(repeating: ".base_layer", count: number)
        }
        let count = (0..<ordered.count).count { modules.contains(owner + String(repeating: ".base_layer", count: $0)) }
        guard let depth, count == ordered.count, ordered.count == 1 || ordered.allSatisfy({ order[$0] != nil }) else {
            throw ArithmeticError(
                .missingTarget,
                "Unable to fuse '\(label)': which parameter of '\(owner)' the module '\(module)' changes cannot be told "
                    + "(\(ordered.joined(separator: ", "))). Save the adapter again with a current PEFT.",
                module: module)
        }
        return ordered[ordered.count - 1 - depth]
    }
}

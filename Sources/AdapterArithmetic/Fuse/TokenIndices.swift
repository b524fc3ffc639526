import Adapters
import ByteCoding

/// The rows that trained tokens replace.
enum TokenIndices {
    /// The indices for one embedding: the setting is a list, or a map from modules to lists.
    static func indices(of module: String, _ input: MergeInput) throws -> [Int] {
        let setting = input.adapter.behaviour[BehaviourMerge.tokens]
        let value =
            setting?.array.map(MetadataValue.array)
            ?? setting?.map?.first { module == $0.key || module.hasSuffix("." + $0.key) }?.value
        let indices = value?.array?.compactMap(\.integer)
        guard let indices, indices.count == value?.array?.count, Set(indices).count == indices.count else {
            throw ArithmeticError(
                .notLinear,
                "Unable to fuse '\(input.label)': its setting '\(BehaviourMerge.tokens)' does not say which rows of "
                    + "'\(module)' it trains. Save the adapter again.", module: module)
        }
        return indices
    }
}

/// What cannot be put into weights.
enum FuseRefusals {
    /// Settings that a fused model has no need of, or that planning takes up.
    private static let known: Set<String> = [BehaviourMerge.tokens, BehaviourMerge.parameters]
    private static let reasons = [
        "alora_invocation_tokens": "it acts only behind its invocation tokens, which a fused model cannot do",
        "layer_replication": "it uses layers of the base model several times",
        "init_lora_weights":
            "it was trained on a base model that its start has changed; save it with PEFT's path_initial_model_for_weight_conversion",
    ]

    /// Throws when an adapter does more than change weights, or something unknown.
    ///
    /// - Throws: ``ArithmeticError`` with code `notLinear`.
    static func check(_ input: MergeInput) throws {
        func refusal(_ reason: String, _ module: String = "") -> ArithmeticError {
            ArithmeticError(.notLinear, "Unable to fuse '\(input.label)': \(reason).", module: module)
        }
        if let key = input.adapter.behaviour.keys.sorted().first(where: { !known.contains($0) }) {
            throw refusal(reasons[key] ?? "its setting '\(key)' changes what its factors mean")
        }
        for module in input.adapter.modules {
            if let tensor = module.parameter(.opaque) {
                throw refusal(
                    "its module '\(module.name)' holds the tensor '\(tensor.name)', whose effect is not known",
                    module.name)
            }
            if module.update == nil, let tensor = module.parameter(.updateBias) ?? module.parameter(.magnitude) {
                throw refusal(
                    "its module '\(module.name)' holds '\(tensor.name)' but no update that it belongs to", module.name)
            }
        }
    }
}

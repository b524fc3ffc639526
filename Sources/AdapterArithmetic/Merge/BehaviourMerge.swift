import Adapters
import ByteCoding

/// What becomes of the inputs' settings.
enum BehaviourMerge {
    /// Settings that change where or when an adapter applies, but not what its factors mean.
    static let carried: Set<String> = ["alora_invocation_tokens", "layer_replication"]
    /// The setting that says which rows ``TensorRole/tokenRows`` replaces.
    static let tokens = "trainable_token_indices"
    /// The setting that says which parameters the stacked updates of a module change; their names do not.
    static let parameters = "target_parameters"
    /// Every setting that a sum can deal with.
    static let known = carried.union([tokens, parameters])

    /// The settings of a sum.
    ///
    /// - Throws: ``ArithmeticError`` with code `notLinear` when settings that must agree do not.
    static func settings(_ inputs: [MergeInput], _ policy: AbsolutePolicy) throws -> [String: MetadataValue] {
        var result = inputs[0].adapter.behaviour.filter { carried.contains($0.key) }
        for key in carried.sorted() {
            for input in inputs where input.adapter.behaviour[key] != result[key] {
                throw ArithmeticError(
                    .notLinear,
                    "Unable to merge '\(inputs[0].label)' and '\(input.label)': their settings '\(key)' differ "
                        + "(\(text(result[key])) and \(text(input.adapter.behaviour[key]))). "
                        + "Merge adapters for which it is equal.")
            }
        }
        result[tokens] = try tokenIndices(inputs, policy)
        result[parameters] = try parameterNames(inputs)
        return result
    }

    /// Equal in all inputs that have it; the others change no such parameter.
    private static func parameterNames(_ inputs: [MergeInput]) throws -> MetadataValue? {
        let having = inputs.filter { $0.adapter.behaviour[parameters] != nil }
        guard let first = having.first, let names = first.adapter.behaviour[parameters] else { return nil }
        if let other = having.first(where: { $0.adapter.behaviour[parameters] != names }) {
            throw ArithmeticError(
                .notLinear,
                "Unable to merge '\(first.label)' and '\(other.label)': they change different parameters under the same "
                    + "module names (\(text(names)) and \(text(other.adapter.behaviour[parameters]))). "
                    + "Merge adapters with equal target_parameters.")
        }
        return names
    }

    private static func tokenIndices(_ inputs: [MergeInput], _ policy: AbsolutePolicy) throws -> MetadataValue? {
        guard let first = inputs.first(where: \.trainsTokens), policy != .drop else { return nil }
        let indices = first.adapter.behaviour[tokens]
        if policy == .average, let other = inputs.first(where: { $0.adapter.behaviour[tokens] != indices }) {
            throw ArithmeticError(
                .absoluteParameters,
                "Unable to average the trained tokens of '\(first.label)' and '\(other.label)': they are not the same "
                    + "tokens (\(text(indices)) and \(text(other.adapter.behaviour[tokens]))). "
                    + "Use --absolute first or drop.")
        }
        return indices
    }

    private static func text(_ value: MetadataValue?) -> String {
        guard let value else { return "none" }
        let text = JSON.text(value)
        return text.count > 60 ? String(text.prefix(60)) + "…" : text
    }
}

extension MergeInput {
    /// Whether it replaces rows of an embedding in a module from which it is not left out.
    var trainsTokens: Bool {
        let modules = adapter.modules.filter { $0.parameter(.tokenRows) != nil }
        return modules.isEmpty
            ? adapter.behaviour[BehaviourMerge.tokens] != nil : modules.contains { weight(in: $0.name) != 0 }
    }
}

extension Adapter {
    /// The first thing because of which the effect is not linear in the factors, or not known.
    ///
    /// - Parameter allowsMagnitudes: whether DoRA, whose effect follows from ΔW all the same, counts as none.
    func nonlinearity(allowsMagnitudes: Bool = false) -> (module: String, description: String)? {
        for module in modules {
            if module.parameter(.magnitude) != nil, !allowsMagnitudes {
                return (
                    module.name,
                    "its module '\(module.name)' uses DoRA, whose effect depends on the base model's weights and is not a "
                        + "low-rank change"
                )
            }
            if let tensor = module.parameter(.opaque) {
                return (module.name, "its module '\(module.name)' holds the tensor '\(tensor.name)' of unknown effect")
            }
            if module.update == nil, module.parameter(.updateBias) != nil {
                return (
                    module.name,
                    "its module '\(module.name)' has the bias of an update but no update, so its scaling is not known"
                )
            }
        }
        guard let key = behaviour.keys.sorted().first(where: { !BehaviourMerge.known.contains($0) }) else { return nil }
        return ("", "its setting '\(key)' changes what its factors mean")
    }
}

extension MergeInput {
    /// Throws when the adapter's effect is not linear in its tensors, or not known.
    ///
    /// - Throws: ``ArithmeticError`` with code `notLinear`.
    func requireLinear(verb: String) throws {
        guard let obstacle = adapter.nonlinearity() else { return }
        throw ArithmeticError(
            .notLinear,
            "Unable to \(verb) '\(label)': \(obstacle.description). Such an adapter can only be kept as it is: alone, with "
                + "weight 1, without another rank, --energy and --dtype.", module: obstacle.module)
    }
}

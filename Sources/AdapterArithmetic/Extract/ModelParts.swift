import ByteCoding
import Tensors

/// What the parameters of a transformer are, by the names that Hugging Face's models give them.
struct ModelParts {
    /// The part that a parameter plays.
    enum Part: Sendable {
        /// The weight of a linear layer.
        case linear(isTransposed: Bool)
        /// The weight of the layer that makes logits.
        case output
        /// Everything else with several dimensions: embeddings, convolutions, stacks of experts.
        case other
        /// Norms and biases.
        case vector
    }

    /// Values that a model computes from its configuration, which some versions store.
    private static let buffers: Set<String> = ["inv_freq", "masked_bias", "position_ids"]
    /// Models of transformers whose linear layers are `Conv1D`, stored inputs × outputs.
    private static let transposedModels: Set<String> = ["gpt2", "openai-gpt", "imagegpt", "decision_transformer"]
    private static let transposedLayers: Set<String> = ["c_attn", "q_attn", "c_proj", "c_fc"]
    private static let outputs: Set<String> = ["lm_head", "embed_out", "output_layer"]
    private static let embeddings: Set<String> = ["wte", "wpe"]

    private let usesTransposedLayers: Bool

    init(configuration: MetadataValue) {
        usesTransposedLayers =
            configuration["model_type"]?.string.map(ModelParts.transposedModels.contains) ?? false
    }

    /// Whether a tensor is no parameter.
    static func isBuffer(_ name: String) -> Bool {
        buffers.contains(name.split(separator: ".").last.map(String.init) ?? name)
    }

    /// A parameter's module and its name below it.
    static func split(_ name: String) -> (module: String, parameter: String) {
        guard let dot = name.lastIndex(of: ".") else { return ("", name) }
        return (String(name[..<dot]), String(name[name.index(after: dot)...]))
    }

    /// The part of a tensor.
    func part(_ name: String, _ shape: Shape) -> Part {
        guard shape.rank > 1 else { return .vector }
        let (module, parameter) = ModelParts.split(name)
        let layer = module.split(separator: ".").last.map(String.init) ?? module
        guard shape.rank == 2, parameter == "weight" else { return .other }
        if ModelParts.outputs.contains(layer) { return .output }
        if ModelParts.embeddings.contains(layer) || layer.contains("embed") { return .other }
        return .linear(isTransposed: usesTransposedLayers && ModelParts.transposedLayers.contains(layer))
    }
}

import Adapters

/// The name of a tensor in a PEFT file, split into the module and what the tensor is to it.
///
/// The split is reversible: ``text`` gives back the name it came from.
struct PEFTKey: Hashable {
    /// What stands before every module's name.
    static let prefix = "base_model.model."
    /// The longest name that is accepted, in bytes of UTF-8: a module's name and a tensor's.
    static let maximumByteCount = 2 * AdaptedModule.maximumNameByteCount

    /// What a tensor is to its module.
    enum Slot: Hashable {
        /// A of a linear layer, a convolution or a parameter.
        case a
        /// B of a linear layer, a convolution or a parameter.
        case b
        /// A of an embedding.
        case embeddingA
        /// B of an embedding.
        case embeddingB
        /// Any other tensor: its role and its name below the module.
        case parameter(TensorRole, String)
    }

    /// The module's name without the prefix; empty when the tensor belongs to none.
    let module: String
    /// What the tensor is to it.
    let slot: Slot

    /// Puts a name together.
    init(module: String, slot: Slot) {
        self.module = module
        self.slot = slot
    }

    /// Splits a name.
    init(parsing text: String) {
        let components = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
            .map { String(Substring($0)) }
        guard components.count > 2, components[0] == "base_model", components[1] == "model",
            !components.contains("")
        else {
            self.init(module: "", slot: .parameter(.opaque, text))
            return
        }
        let rest = components.dropFirst(2)
        func split(keeping count: Int) -> (module: String, name: String) {
            (rest.dropLast(count).joined(separator: "."), rest.suffix(count).joined(separator: "."))
        }
        if let start = rest.lastIndex(where: { $0.hasPrefix("lora_") }) {
            let (module, name) = split(keeping: rest.endIndex - start)
            // A model that is itself the adapted layer has no module name to keep A and B under.
            guard !module.isEmpty else {
                self.init(module: "", slot: .parameter(.opaque, text))
                return
            }
            self.init(module: module, slot: PEFTKey.slot(ofLoRATensor: name))
            return
        }
        let last = rest.suffix(2)
        let isWrapped = rest.count > 2 && last.first == "base_layer"
        let isTokenAdapter = rest.count > 2 && Array(last) == ["token_adapter", "trainable_tokens_delta"]
        let (module, name) = split(keeping: isWrapped || isTokenAdapter ? 2 : 1)
        let role: TensorRole = isTokenAdapter ? .tokenRows : rest.last == "bias" ? .bias : .full
        self.init(module: module, slot: .parameter(role, name))
    }

    private static func slot(ofLoRATensor name: String) -> Slot {
        switch name {
        case "lora_A.weight": .a
        case "lora_B.weight": .b
        case "lora_embedding_A": .embeddingA
        case "lora_embedding_B": .embeddingB
        case "lora_B.bias": .parameter(.updateBias, name)
        case "lora_magnitude_vector", "lora_magnitude_vector.weight": .parameter(.magnitude, name)
        default: .parameter(.opaque, name)
        }
    }

    /// The whole name.
    var text: String {
        let name: String
        switch slot {
        case .a: name = "lora_A.weight"
        case .b: name = "lora_B.weight"
        case .embeddingA: name = "lora_embedding_A"
        case .embeddingB: name = "lora_embedding_B"
        case .parameter(.opaque, let whole) where module.isEmpty: return whole
        case .parameter(let role, let given): name = given.isEmpty ? PEFTKey.defaultName(role) : given
        }
        return PEFTKey.prefix + (module.isEmpty ? name : "\(module).\(name)")
    }

    /// PEFT's name for a tensor that another tool left without one.
    private static func defaultName(_ role: TensorRole) -> String {
        switch role {
        case .a, .b, .opaque: ""
        case .magnitude: "lora_magnitude_vector"
        case .updateBias: "lora_B.bias"
        case .bias: "bias"
        case .full: "weight"
        case .tokenRows: "token_adapter.trainable_tokens_delta"
        }
    }

    /// The module whose parameters the wrappers adapt: each but the outermost stands under `base_layer`.
    static func parameterModule(ofWrapper module: String) -> String {
        var components = module.split(separator: ".", omittingEmptySubsequences: false)
        while components.count > 1, components.last == "base_layer" { components.removeLast() }
        return components.joined(separator: ".")
    }

    /// A module's name in the base model: PEFT hides a wrapped layer under `base_layer`.
    static func baseName(ofModule module: String) -> String {
        let components = module.split(separator: ".", omittingEmptySubsequences: false)
        guard let wrapped = components.firstIndex(of: "base_layer"), wrapped > 0 else { return module }
        return components[..<wrapped].joined(separator: ".")
    }
}

/// How llama.cpp names the layers of an architecture, by the names in Hugging Face's models.
///
/// From gguf-py's tensor mapping and the conversion classes of llama.cpp (gguf 0.19.0).
struct GGUFArchitecture: Sendable {
    /// llama.cpp's name: `general.architecture`.
    let name: String
    /// The values of `model_type` in config.json.
    let modelTypes: Set<String>
    /// The modules of a layer.
    let layerModules: [String: String]
    /// The modules outside layers.
    let otherModules: [String: String]
    /// Whether rows of q and k are in another order: llama.cpp rotates neighbouring pairs, transformers halves.
    let permutesAttention: Bool

    private static let attention = [
        "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
        "self_attn.o_proj": "attn_output",
    ]
    private static let gatedMLP = [
        "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
    ]
    private static let embedding = ["model.embed_tokens": "token_embd"]
    private static let embeddings = ["model.embed_tokens": "token_embd", "lm_head": "output"]

    private static func llamaLike(
        _ name: String, _ modelTypes: Set<String>, others: [String: String] = embeddings, permutes: Bool = false
    ) -> GGUFArchitecture {
        GGUFArchitecture(
            name: name, modelTypes: modelTypes, layerModules: attention.merging(gatedMLP) { first, _ in first },
            otherModules: others, permutesAttention: permutes)
    }

    /// The architectures that are known.
    static let all: [GGUFArchitecture] = [
        llamaLike("llama", ["llama", "mistral"], permutes: true),
        llamaLike("qwen2", ["qwen2"]),
        llamaLike("qwen3", ["qwen3"]),
        // Gemma's output layer is its embedding; llama.cpp has no tensor of its own for it.
        llamaLike("gemma", ["gemma"], others: embedding),
        llamaLike("gemma2", ["gemma2"], others: embedding),
        llamaLike("gemma3", ["gemma3", "gemma3_text"], others: embedding),
        GGUFArchitecture(
            name: "phi2", modelTypes: ["phi"],
            layerModules: [
                "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
                "self_attn.dense": "attn_output", "mlp.fc1": "ffn_up", "mlp.fc2": "ffn_down",
            ], otherModules: embeddings, permutesAttention: false),
        GGUFArchitecture(
            name: "phi3", modelTypes: ["phi3"],
            layerModules: [
                "self_attn.qkv_proj": "attn_qkv", "self_attn.o_proj": "attn_output", "mlp.gate_up_proj": "ffn_up",
                "mlp.down_proj": "ffn_down",
            ], otherModules: embeddings, permutesAttention: false),
    ]

    /// What may stand before a model's names: multimodal models keep their language model below.
    private static let wrappers = ["language_model.model.", "model.language_model.", "language_model."]

    /// llama.cpp's name of a module, nil when it has none.
    func name(ofModule module: String) -> String? {
        var module = module
        for wrapper in GGUFArchitecture.wrappers where module.hasPrefix(wrapper) {
            let rest = String(module.dropFirst(wrapper.count))
            module = rest.hasPrefix("lm_head") ? rest : "model." + rest
            break
        }
        if let name = otherModules[module] { return name }
        let parts = module.split(separator: ".", maxSplits: 3, omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 4, parts[0] == "model", parts[1] == "layers", let layer = GGUFArchitecture.layer(parts[2]),
            let name = layerModules[parts[3]]
        else { return nil }
        return "blk.\(layer).\(name)"
    }

    /// The module of that name of llama.cpp's, nil when there is none.
    func module(named name: String) -> String? {
        if let module = otherModules.first(where: { $0.value == name })?.key { return module }
        let parts = name.split(separator: ".", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 3, parts[0] == "blk", let layer = GGUFArchitecture.layer(parts[1]),
            let module = layerModules.first(where: { $0.value == parts[2] })?.key
        else { return nil }
        return "model.layers.\(layer).\(module)"
    }

    private static func layer(_ text: String) -> Int? {
        guard let layer = Int(text), layer >= 0, String(layer) == text else { return nil }
        return layer
    }

    /// Which rows of transformers' B stand in the rows of llama.cpp's, for heads that are rotated.
    ///
    /// Of a head of d rows, transformers pairs row i with i + d/2, llama.cpp with its neighbour. Nil when the rows do not
    /// divide into pairs of heads.
    static func rotaryOrder(rowCount: Int, headCount: Int) -> [Int]? {
        guard headCount > 0, rowCount > 0, rowCount % headCount == 0, rowCount / headCount % 2 == 0 else { return nil }
        let half = rowCount / headCount / 2
        return (0..<rowCount).map { row in
            let (head, place) = row.quotientAndRemainder(dividingBy: 2 * half)
            return head * 2 * half + place % 2 * half + place / 2
        }
    }
}

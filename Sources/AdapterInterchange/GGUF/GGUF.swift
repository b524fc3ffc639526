import Adapters
import ByteCoding
import Tensors

/// Adapters as llama.cpp loads them: a GGUF file with `lora_a` and `lora_b` for each tensor of the base model.
///
/// Written are α = 0, which llama.cpp takes for the scaling 1, and B with each module's own scaling multiplied in: the
/// format has one α for all, and none of rsLoRA.
enum GGUF {
    static let alphaKey = "adapter.lora.alpha"
    static let invocationKey = "adapter.alora.invocation_tokens"
    static let invocationBehaviour = "alora_invocation_tokens"
    static let baseNameKey = "general.base_model.0.name"

    static func read(_ path: String, options: ReadingOptions) throws -> ForeignAdapter {
        let file = try GGUFFile(opening: path)
        let architecture = try architecture(of: file)
        let alpha = file.values[alphaKey]?.number ?? 0
        guard alpha.isFinite else {
            throw InterchangeError(.invalidConfiguration, "its \(alphaKey) is \(alpha)", name: alphaKey)
        }
        var pairs: [String: (a: Tensor?, b: Tensor?)] = [:]
        for (name, tensor) in file.tensors {
            if name.hasSuffix(".weight.lora_a") {
                pairs[String(name.dropLast(14)), default: (nil, nil)].a = tensor
            } else if name.hasSuffix(".weight.lora_b") {
                pairs[String(name.dropLast(14)), default: (nil, nil)].b = tensor
            } else if !(name.hasSuffix("_norm.weight") && options.dropped.contains(.full)) {
                throw InterchangeError(
                    .invalidTensors, "the tensor '\(name)' is neither a lora_a nor a lora_b",
                    remedy: name.hasSuffix("_norm.weight")
                        ? "Give it up with --drop modules-to-save, as llama.cpp does." : "",
                    name: name)
            }
        }
        let slot = TransposedSource.Slot()
        let modules = try pairs.map { name, pair in
            try module(name, pair, alpha: alpha, architecture, file, options.base, slot)
        }
        var behaviour: [String: MetadataValue] = [:]
        if case .integers(let tokens)? = file.values[invocationKey], !tokens.isEmpty {
            behaviour[invocationBehaviour] = .array(tokens.map(MetadataValue.integer))
        }
        return ForeignAdapter(
            layout: .gguf,
            adapter: try Adapter(
                base: BaseModel(name: file.values[baseNameKey]?.string), modules: modules, behaviour: behaviour))
    }

    private static func architecture(of file: GGUFFile) throws -> GGUFArchitecture {
        guard file.values["general.type"]?.string == "adapter", file.values["adapter.type"]?.string == "lora" else {
            throw InterchangeError(
                .unsupportedMethod,
                "it is a GGUF file of the type '\(file.values["general.type"]?.string ?? "model")', not a LoRA adapter")
        }
        let name = file.values["general.architecture"]?.string ?? ""
        guard let architecture = GGUFArchitecture.all.first(where: { $0.name == name }) else {
            let known = GGUFArchitecture.all.map(\.name).joined(separator: ", ")
            throw InterchangeError(
                .unsupportedMethod, "its architecture is '\(name)', known are \(known)", name: "general.architecture")
        }
        return architecture
    }

    private static func module(
        _ name: String, _ pair: (a: Tensor?, b: Tensor?), alpha: Double, _ architecture: GGUFArchitecture,
        _ file: GGUFFile, _ base: BaseOutline?, _ slot: TransposedSource.Slot
    ) throws -> AdaptedModule {
        guard var a = pair.a, var b = pair.b else {
            throw InterchangeError(.missingTensor, "the tensor '\(name)' has lora_a or lora_b alone", name: name)
        }
        guard let module = architecture.module(named: name) else {
            throw InterchangeError(
                .unknownModule, "the tensor '\(name)' is not one of the architecture '\(architecture.name)'", name: name
            )
        }
        guard a.shape.rank == 2, b.shape.rank == 2, b.shape[1] > 0 else {
            throw InterchangeError(
                .invalidTensors, "in '\(name)' lora_a \(a.shape) and lora_b \(b.shape) do not fit each other",
                name: name)
        }
        let isEmbedding = name == "token_embd"
        if isEmbedding { a = a.widenedBlocks().transposed(slot) }
        let rank = b.shape[1]
        if architecture.permutesAttention, let key = headKey(name, architecture) {
            let count = try headCount(key, file: file, base: base)
            guard let order = GGUFArchitecture.rotaryOrder(rowCount: b.shape[0], headCount: count) else {
                throw InterchangeError(
                    .configMismatch, "'\(name)' has \(b.shape[0]) rows, which do not divide into \(count) heads",
                    name: name)
            }
            b = b.widenedBlocks().reordered(inverse(order))
        }
        do {
            return try AdaptedModule(
                name: module,
                update: LowRankUpdate(
                    kind: isEmbedding ? .embedding : .linear, a: a, b: b, rank: rank,
                    alpha: alpha == 0 ? Double(rank) : alpha, scalingRule: .alphaOverRank))
        } catch let error as AdapterError {
            throw InterchangeError(.invalidTensors, "in '\(name)' \(error.reason)", name: name)
        }
    }

    private static func inverse(_ order: [Int]) -> [Int] {
        var inverse = order
        for (index, row) in order.enumerated() { inverse[row] = index }
        return inverse
    }

    /// The metadata key with the number of heads of q or k; nil for other tensors.
    static func headKey(_ name: String, _ architecture: GGUFArchitecture) -> String? {
        if name.hasSuffix(".attn_q") { return "\(architecture.name).attention.head_count" }
        if name.hasSuffix(".attn_k") { return "\(architecture.name).attention.head_count_kv" }
        return nil
    }

    /// The number of heads under that key, of the file or else of the base model.
    static func headCount(_ key: String, file: GGUFFile?, base: BaseOutline?) throws -> Int {
        if let count = file?.values[key]?.integer { return count }
        let heads = base?.setting("num_attention_heads")?.integer
        let count = key.hasSuffix("_kv") ? base?.setting("num_key_value_heads")?.integer ?? heads : heads
        guard let count else {
            throw InterchangeError(
                .baseNeeded,
                "llama.cpp orders the rows of q and k by heads, whose number is in the base model's config.json",
                remedy: "Name the base model's folder with --base DIR.", name: key)
        }
        return count
    }

    static func prepare(_ adapter: Adapter, at path: String, options: WritingOptions) throws -> ForeignOutput {
        let export = try GGUFExport(adapter, base: options.base)
        let file = try options.file(at: path)
        try GGUFWriter.write(export.tensors, values: export.values, to: file)
        let folded = export.folded
        return ForeignOutput(
            file: file, path: path, options: options,
            remarks: folded.isEmpty ? [] : ["the scalings of \(folded.count) modules are multiplied into lora_b"],
            certificate: FoldedFactors.certificate(of: folded))
    }
}

extension Tensor {
    /// Blocks as `f32`, exactly: rows of blocks cannot be cut.
    fileprivate func widenedBlocks() -> Tensor { dtype == .q8 ? rounded(to: .f32) : self }
}

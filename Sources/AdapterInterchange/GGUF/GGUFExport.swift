import Adapters
import ByteCoding
import Tensors

/// An adapter's tensors and metadata as llama.cpp loads them.
struct GGUFExport {
    /// The tensors by name.
    private(set) var tensors: [(name: String, tensor: Tensor)] = []
    /// The metadata.
    let values: [(key: String, value: GGUFWriter.Value)]
    /// The updates whose scaling was multiplied into B.
    private(set) var folded: [FoldedFactors] = []

    /// - Throws: ``InterchangeError`` with code `baseNeeded`, `configMismatch` or `notExpressible`.
    init(_ adapter: Adapter, base: BaseOutline?) throws {
        let architecture = try GGUFExport.architecture(for: base)
        let slot = TransposedSource.Slot()
        var heads: [String: UInt32] = [:]
        for module in adapter.modules {
            guard let update = module.update else { continue }
            guard let name = architecture.name(ofModule: module.name) else {
                throw InterchangeError(
                    .notExpressible,
                    "llama.cpp's architecture '\(architecture.name)' has no tensor for the module '\(module.name)'",
                    name: module.name)
            }
            let isEmbedding = name == "token_embd"
            guard update.kind == (isEmbedding ? .embedding : .linear) else {
                throw InterchangeError(
                    .notExpressible, "llama.cpp has no form for the \(update.kind) '\(module.name)'", name: module.name)
            }
            let b = update.b.widened().scaled(by: update.scaling)
            if update.scaling != 1 {
                folded.append(FoldedFactors(name: module.name, update: update, stored: b, factor: update.scaling))
            }
            var stored = b
            if architecture.permutesAttention, let key = GGUF.headKey(name, architecture) {
                let count = try GGUF.headCount(key, file: nil, base: base)
                guard let order = GGUFArchitecture.rotaryOrder(rowCount: b.shape[0], headCount: count) else {
                    throw InterchangeError(
                        .configMismatch,
                        "the module '\(module.name)' has \(b.shape[0]) outputs, which do not divide into \(count) heads",
                        name: module.name)
                }
                stored = b.reordered(order)
                heads[key] = UInt32(clamping: count)
            }
            let a = update.a.widened()
            tensors.append(("\(name).weight.lora_a", isEmbedding ? a.transposed(slot) : a))
            tensors.append(("\(name).weight.lora_b", stored))
        }
        values = try GGUFExport.values(for: adapter, architecture, heads)
    }

    private static func architecture(for base: BaseOutline?) throws -> GGUFArchitecture {
        guard let type = base?.configuration["model_type"]?.string else {
            throw InterchangeError(
                .baseNeeded, "GGUF names tensors by the base model's architecture, which its config.json says",
                remedy: "Name the base model's folder with --base DIR.")
        }
        guard let architecture = GGUFArchitecture.all.first(where: { $0.modelTypes.contains(type) }) else {
            let known = GGUFArchitecture.all.flatMap(\.modelTypes).sorted().joined(separator: ", ")
            throw InterchangeError(
                .notExpressible, "the base model is of the type '\(type)', known are \(known)", name: "model_type")
        }
        return architecture
    }

    private static func values(for adapter: Adapter, _ architecture: GGUFArchitecture, _ heads: [String: UInt32]) throws
        -> [(key: String, value: GGUFWriter.Value)]
    {
        var values: [(key: String, value: GGUFWriter.Value)] = [
            ("general.architecture", .string(architecture.name)), ("general.type", .string("adapter")),
            ("adapter.type", .string("lora")), (GGUF.alphaKey, .f32(0)),
        ]
        if let name = adapter.base.name {
            values += [("general.base_model.count", .u32(1)), (GGUF.baseNameKey, .string(name))]
        }
        // With these the file can be read again without the base model; llama.cpp takes no notice of them.
        values += heads.sorted { $0.key < $1.key }.map { ($0.key, .u32($0.value)) }
        for (key, value) in adapter.behaviour.sorted(by: { $0.key.precedesInUTF8($1.key) }) {
            let tokens = value.array?.compactMap { $0.integer.flatMap(UInt32.init(exactly:)) }
            guard key == GGUF.invocationBehaviour, let tokens, tokens.count == value.array?.count else {
                throw InterchangeError(
                    .notExpressible, "GGUF has no place for the setting '\(key)'",
                    remedy: "Give it up with --drop behaviour, or use another layout.", name: key)
            }
            values.append((GGUF.invocationKey, .u32s(tokens)))
        }
        return values
    }
}

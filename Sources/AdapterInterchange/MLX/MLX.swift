import Adapters
import ByteCoding
import FileSystem
import Tensors

/// Adapters as mlx-lm (0.32) keeps them: a folder with a configuration and a tensor file.
///
/// The factors are transposed, ΔW = scale · (lora_a · lora_b)ᵀ, and one rank and one absolute scale hold for all modules.
enum MLX {
    /// The file that holds the tensors.
    static let tensorsName = "adapters.safetensors"
    /// Last components of the names of embeddings, whose `lora_a` is not transposed input by input but row by token.
    private static let embeddingNames: Set<String> = [
        "embed_tokens", "wte", "word_embeddings", "tok_embeddings", "embed_in", "embedding", "embeddings",
    ]

    /// Whether a configuration is mlx-lm's.
    static func isConfiguration(_ document: MetadataValue) -> Bool {
        document["fine_tune_type"] != nil || document["lora_parameters"] != nil
    }

    /// Whether a tensor has the name of one of mlx-lm's.
    static func isTensorName(_ name: String) -> Bool { name.hasSuffix(".lora_a") || name.hasSuffix(".lora_b") }

    /// Reads a folder, or one of its tensor files: mlx-lm writes a checkpoint every so many steps beside the last one.
    static func read(_ place: String, options: ReadingOptions) throws -> ForeignAdapter {
        let isFile = Directory.kind(of: place) == .file
        let folder = ForeignLayout.folder(place)
        let path = "\(folder)/\(PEFT.configurationName)"
        guard Directory.kind(of: path) == .file else {
            throw InterchangeError(
                .invalidConfiguration, "it has no \(PEFT.configurationName), which says the scale",
                remedy: "Put the file that mlx-lm wrote beside the tensors.")
        }
        let document = try ModelIndex.document(reading: path, limit: PEFTConfiguration.maximumByteCount)
        let (scale, usesDoRA) = try settings(document)
        let file = try SafetensorsFile(opening: isFile ? place : "\(folder)/\(tensorsName)")
        var drafts: [String: [String: Tensor]] = [:]
        for entry in file.entries {
            guard let dot = entry.name.utf8.lastIndex(of: UInt8(ascii: ".")),
                case let suffix = String(entry.name[entry.name.utf8.index(after: dot)...]),
                ["lora_a", "lora_b", "m"].contains(suffix), suffix != "m" || usesDoRA
            else {
                throw InterchangeError(
                    .invalidTensors, "the tensor '\(entry.name)' is none of an mlx-lm adapter's", name: entry.name)
            }
            drafts[String(entry.name[..<dot]), default: [:]][suffix] = try file.tensor(entry)
        }
        let slot = TransposedSource.Slot()
        let modules = try drafts.sorted { $0.key.precedesInUTF8($1.key) }.map { name, tensors in
            try module(name, tensors, scale: scale, usesDoRA: usesDoRA, options.base, slot)
        }
        return ForeignAdapter(
            layout: .mlx,
            adapter: try Adapter(
                base: BaseModel(name: document["model"]?.string), modules: modules,
                notes: AdapterNotes(
                    source: SourceConfiguration(
                        layout: ForeignLayout.mlx.rawValue, configuration: document, fileMetadata: file.metadata))))
    }

    private static func settings(_ document: MetadataValue) throws -> (scale: Double, usesDoRA: Bool) {
        let kind = document["fine_tune_type"]?.string ?? "lora"
        guard kind == "lora" || kind == "dora" else {
            throw InterchangeError(
                .unsupportedMethod, "its fine_tune_type is '\(kind)', only lora and dora are supported",
                remedy: "Extract a low-rank adapter from the tuned model.", name: "fine_tune_type")
        }
        guard let scale = document["lora_parameters"]?["scale"]?.number, scale.isFinite else {
            throw InterchangeError(
                .invalidConfiguration, "lora_parameters has no scale",
                remedy: "Add the scale that it was trained with.",
                name: "scale")
        }
        return (scale, kind == "dora")
    }

    private static func module(
        _ name: String, _ tensors: [String: Tensor], scale: Double, usesDoRA: Bool, _ base: BaseOutline?,
        _ slot: TransposedSource.Slot
    ) throws -> AdaptedModule {
        guard let a = tensors["lora_a"], let b = tensors["lora_b"] else {
            let missing = tensors["lora_a"] == nil ? "lora_a" : "lora_b"
            throw InterchangeError(.missingTensor, "the tensor '\(name).\(missing)' is missing", name: name)
        }
        guard usesDoRA == (tensors["m"] != nil) else {
            throw InterchangeError(
                .missingTensor, "the configuration says dora, but the tensor '\(name).m' is missing", name: name)
        }
        let isMixture = a.shape.rank == 3
        guard a.shape.rank == b.shape.rank, isMixture || a.shape.rank == 2 else {
            throw InterchangeError(
                .invalidTensors,
                "in the module '\(name)' lora_a \(a.shape) and lora_b \(b.shape) do not fit each other",
                name: name)
        }
        let rank = a.shape[1]
        let kind: WeightKind = isMixture ? .experts : isEmbedding(name, a, b, base) ? .embedding : .linear
        do {
            return try AdaptedModule(
                name: name,
                update: LowRankUpdate(
                    kind: kind, a: isMixture ? a : a.transposed(slot), b: isMixture ? b : b.transposed(slot),
                    rank: rank,
                    alpha: scale * Double(rank), scalingRule: .alphaOverRank),
                parameters: tensors["m"].map {
                    [ModuleParameter(role: .magnitude, name: "lora_magnitude_vector", tensor: $0)]
                } ?? [])
        } catch let error as AdapterError {
            throw InterchangeError(.invalidTensors, "in the module '\(name)' \(error.reason)", name: name)
        }
    }

    /// Linear layers and embeddings have the same tensors; the base model's shape tells them apart where it can.
    private static func isEmbedding(_ name: String, _ a: Tensor, _ b: Tensor, _ base: BaseOutline?) -> Bool {
        if let shape = base?.shape(ofModule: name), shape.count == 2, shape[0] != shape[1] {
            return shape == [a.shape[0], b.shape[1]]
        }
        return embeddingNames.contains(name.split(separator: ".").last.map(String.init) ?? name)
    }

    static func prepare(_ adapter: Adapter, asFolder path: String, options: WritingOptions) throws -> ForeignOutput {
        let export = try MLXExport(adapter)
        let folder = try OutputDirectory(creating: path, replacing: options.replacing)
        let tensors = try OutputFile(in: folder.temporaryPath)
        try SafetensorsWriter.write(export.tensors, metadata: ["format": "mlx"], to: tensors)
        try tensors.commit(as: "\(folder.temporaryPath)/\(tensorsName)")
        let configuration = try OutputFile(in: folder.temporaryPath)
        try configuration.write(Array(JSON.text(.map(export.document), indented: true).utf8))
        try configuration.commit(as: "\(folder.temporaryPath)/\(PEFT.configurationName)")
        return ForeignOutput(folder: folder, remarks: export.remarks, certificate: export.certificate)
    }
}

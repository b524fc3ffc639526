import Adapters
import ByteCoding
import Tensors

/// An adapter's tensors and metadata as sd-scripts and LyCORIS load them.
struct KohyaExport {
    /// The tensors by name.
    private(set) var tensors: [(name: String, tensor: Tensor)] = []
    /// The metadata.
    let metadata: [String: String]
    /// The updates whose scaling does not fit an alpha in f32.
    private(set) var rounded: [RoundedScaling] = []

    /// - Throws: ``InterchangeError`` with code `notExpressible`.
    init(_ adapter: Adapter) throws {
        var listed: [String: String] = [:]
        // sd-scripts numbers text encoders where there are several.
        let isNumbered = adapter.modules.contains { $0.name.hasPrefix("text_encoder_2.") }
        for module in adapter.modules {
            guard let update = module.update else { continue }
            let name = KohyaExport.flattened(module.name, isNumbered: isNumbered)
            if let other = listed.updateValue(module.name, forKey: name) {
                throw InterchangeError(
                    .notExpressible,
                    "the modules '\(other)' and '\(module.name)' have the same name '\(name)' in kohya's",
                    name: module.name)
            }
            try KohyaExport.check(update, module.name)
            let alpha = update.scaling * Double(update.rank)
            let stored = Float(alpha)
            guard stored.isFinite, stored != 0 else {
                throw InterchangeError(
                    .notExpressible,
                    "the module '\(module.name)' has the alpha \(alpha), which kohya's files cannot hold",
                    remedy: alpha == 0 ? "Kohya takes 0 for the rank. Scale the adapter otherwise." : "",
                    name: module.name)
            }
            if Double(stored) != alpha {
                rounded.append(
                    RoundedScaling(name: module.name, update: update, stored: Double(stored) / Double(update.rank)))
            }
            var writer = ByteWriter()
            writer.write(stored.bitPattern)
            guard let scalar = Shape([]) else { continue }
            tensors.append(("\(name).lora_down.weight", update.a.plain()))
            tensors.append(("\(name).lora_up.weight", update.b.plain()))
            tensors.append(("\(name).alpha", try Tensor(dtype: .f32, shape: scalar, bytes: writer.bytes)))
        }
        metadata = KohyaExport.metadata(of: adapter, modules: listed)
    }

    private static func check(_ update: LowRankUpdate, _ name: String) throws {
        switch update.kind {
        case .linear, .transposedLinear: return
        case .convolution where update.b.shape[1] == update.rank: return
        case .convolution, .embedding, .experts:
            throw InterchangeError(
                .notExpressible, "kohya's layout has no form for the \(update.kind) '\(name)'", name: name)
        }
    }

    /// A module's name with the prefix of its network.
    private static func flattened(_ name: String, isNumbered: Bool) -> String {
        let parts = name.split(separator: ".", maxSplits: 1).map(String.init)
        let network = KohyaKey.networks.first { parts.count == 2 && $0.components[0] == parts[0] }
        guard let network else { return "lycoris_" + KohyaKey.flattened(name) }
        let prefix = parts[0] == "text_encoder" && !isNumbered ? "lora_te_" : network.prefix
        return prefix + KohyaKey.flattened(parts[1])
    }

    private static func metadata(of adapter: Adapter, modules: [String: String]) -> [String: String] {
        var metadata = adapter.notes.source.flatMap { $0.layout == "kohya" ? $0.fileMetadata : nil } ?? [:]
        // The trainer's hashes are of other bytes.
        for key in ["sshs_model_hash", "sshs_legacy_hash"] { metadata[key] = nil }
        metadata["ss_network_module"] = metadata["ss_network_module"] ?? "networks.lora"
        if adapter.ranks.count == 1 { metadata["ss_network_dim"] = adapter.ranks.map(String.init)[0] }
        metadata[Kohya.modulesKey] = JSON.text(.map(modules.mapValues(MetadataValue.string)))
        return metadata
    }
}

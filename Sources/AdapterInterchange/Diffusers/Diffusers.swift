import Adapters
import ByteCoding
import FileSystem
import Tensors

/// Adapters as diffusers keeps them: one safetensors file with PEFT's tensors for each component of a pipeline.
///
/// The metadata holds each component's configuration as PEFT has it. Without metadata the scaling is 1 where no alpha
/// is stored, as diffusers (0.42.1) assumes. Names that were used before PEFT are read too.
enum Diffusers {
    /// The file's name in a folder.
    static let tensorsName = "pytorch_lora_weights.safetensors"
    /// The metadata entry with the configurations.
    static let metadataKey = "lora_adapter_metadata"

    /// Older spellings and today's, tried in this order.
    private static let spellings: [(old: String, new: String)] = [
        (".lora_linear_layer.down.weight", ".lora_A.weight"), (".lora_linear_layer.up.weight", ".lora_B.weight"),
        (".lora.down.weight", ".lora_A.weight"), (".lora.up.weight", ".lora_B.weight"),
    ]
    /// Older spellings of attention layers: with a UNet's names for the layer, and a text encoder's.
    private static let attention: [(old: String, unet: String, text: String)] = [
        (".to_q_lora", ".to_q", ".q_proj"), (".to_k_lora", ".to_k", ".k_proj"), (".to_v_lora", ".to_v", ".v_proj"),
        (".to_out_lora", ".to_out.0", ".out_proj"),
    ]

    /// Whether a tensor has one of the names.
    static func isTensorName(_ name: String) -> Bool {
        guard let (_, rest) = component(of: name) else { return false }
        return rest.contains(".lora_A.") || rest.contains(".lora.down.") || rest.contains("_lora.down.")
            || rest.contains(".lora_linear_layer.")
    }

    /// The component that a name begins with, and the rest of the name.
    static func component(of name: String) -> (component: String, rest: String)? {
        guard let dot = name.utf8.firstIndex(of: UInt8(ascii: ".")) else { return nil }
        let component = String(name[..<dot])
        guard BaseOutline.components.contains(where: component.hasPrefix) else { return nil }
        return (component, String(name[name.utf8.index(after: dot)...]))
    }

    /// A tensor's name as PEFT would have it.
    private static func modern(_ name: String, component: String) -> String {
        for (old, new) in spellings where name.hasSuffix(old) { return String(name.dropLast(old.count)) + new }
        for (old, unet, text) in attention {
            for (direction, factor) in [("down", "lora_A"), ("up", "lora_B")]
            where name.hasSuffix("\(old).\(direction).weight") {
                var stem = String(name.dropLast("\(old).\(direction).weight".count))
                if stem.hasSuffix(".processor") { stem = String(stem.dropLast(".processor".count)) }
                return stem + (component.hasPrefix("text_encoder") ? text : unet) + ".\(factor).weight"
            }
        }
        return name
    }

    static func read(_ path: String) throws -> ForeignAdapter {
        let path = Directory.kind(of: path) == .directory ? "\(path)/\(tensorsName)" : path
        let file = try SafetensorsFile(opening: path)
        var parts: [String: DiffusersComponent] = [:]
        for entry in file.entries {
            guard let (component, rest) = component(of: entry.name) else {
                throw InterchangeError(
                    .unknownLayout, "the tensor '\(entry.name)' belongs to no component of a pipeline", name: entry.name
                )
            }
            if rest.hasSuffix(".alpha") {
                parts[component, default: DiffusersComponent()].alphas[String(rest.dropLast(6))] =
                    try ScalarTensor.value(of: entry, in: file)
            } else {
                parts[component, default: DiffusersComponent()].tensors.append(
                    (PEFTKey.prefix + modern(rest, component: component), try file.tensor(entry)))
            }
        }
        let documents = try configurations(in: file.metadata)
        var modules: [AdaptedModule] = []
        var behaviour: [String: MetadataValue] = [:]
        for (component, part) in parts.sorted(by: { $0.key.precedesInUTF8($1.key) }) {
            let interpretation = try part.interpretation(configuration: documents[component])
            for module in interpretation.modules {
                modules.append(
                    try AdaptedModule(
                        name: module.name.isEmpty ? component : "\(component).\(module.name)", update: module.update,
                        parameters: module.parameters))
            }
            for (key, value) in interpretation.behaviour { behaviour["\(component).\(key)"] = value }
        }
        return ForeignAdapter(
            layout: .diffusers,
            adapter: try Adapter(
                base: BaseModel(), modules: modules, behaviour: behaviour,
                notes: AdapterNotes(
                    source: SourceConfiguration(
                        layout: ForeignLayout.diffusers.rawValue, configuration: .map(documents.mapValues { .map($0) }),
                        fileMetadata: file.metadata.filter { $0.key != metadataKey }))),
            remarks: documents.isEmpty && parts.values.allSatisfy { $0.alphas.isEmpty }
                ? ["the file does not say its scaling; 1 is taken, as diffusers does"] : [])
    }

    /// The components' configurations.
    private static func configurations(in metadata: [String: String]) throws -> [String: [String: MetadataValue]] {
        guard let text = metadata[metadataKey] else { return [:] }
        let document: MetadataValue
        do {
            document = try JSON.parse(Array(text.utf8))
        } catch {
            throw InterchangeError(
                .invalidConfiguration, "the metadata entry '\(metadataKey)' is malformed: \(error)", name: metadataKey)
        }
        guard let entries = document.map else {
            throw InterchangeError(
                .invalidConfiguration, "the metadata entry '\(metadataKey)' is not an object", name: metadataKey)
        }
        var documents: [String: [String: MetadataValue]] = [:]
        for (key, value) in entries {
            guard let (component, rest) = component(of: key) else { continue }
            documents[component, default: [:]][rest] = value
        }
        return documents
    }

    static func prepare(_ adapter: Adapter, at path: String, options: WritingOptions) throws -> ForeignOutput {
        let export = try DiffusersExport(adapter)
        guard !path.hasSuffix(".safetensors") else {
            let file = try options.file(at: path)
            try SafetensorsWriter.write(export.tensors, metadata: export.metadata, to: file)
            return ForeignOutput(file: file, path: path, options: options)
        }
        let folder = try OutputDirectory(creating: path, replacing: options.replacing)
        let file = try OutputFile(in: folder.temporaryPath)
        try SafetensorsWriter.write(export.tensors, metadata: export.metadata, to: file)
        try file.commit(as: "\(folder.temporaryPath)/\(tensorsName)")
        return ForeignOutput(folder: folder)
    }
}
